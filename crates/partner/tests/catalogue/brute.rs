//! Every figure of the catalogue from the whole log, by its formula and nothing else.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_partner::{day, program::Reach};

use crate::log::{PARTNERS, RATES, TODAY, Told, local};

/// What is looked at.
pub struct Brute<'a> {
    pub log: &'a [Told],
    pub reach: [Reach; PARTNERS],
    /// The instant of the programme's first event.
    pub began: Timestamp,
}

/// A sale as last told.
#[derive(Clone, Copy)]
struct Sale<'a> {
    told: &'a Told,
    day: i32,
    amount: Option<i64>,
    commission: Option<i64>,
}

impl Sale<'_> {
    fn is(&self, status: &str) -> bool {
        self.told.text("status") == Some(status)
    }
}

/// Sums by name; none while a sale among them has no rate.
type Sums<'a> = Box<dyn Fn(&str) -> Option<f64> + 'a>;

fn eur(minor: i64, currency: Option<&str>, on: i32) -> Option<i64> {
    if currency == Some("EUR") {
        return Some(minor);
    }
    let lines = RATES.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        (day::number(fields[0].parse().unwrap()), fields[3].parse::<f64>().unwrap())
    });
    let (_, rate) = lines.filter(|(day, _)| *day <= on && on - *day <= 7).last()?;
    Some((minor as f64 * rate).round() as i64)
}

fn median(mut all: Vec<f64>) -> Option<f64> {
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    let upper = *all.get(middle)?;
    Some(if all.len().is_multiple_of(2) { (all[middle - 1] + upper) / 2.0 } else { upper })
}

fn share(part: f64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| 100.0 * part / of)
}

fn each(part: f64, of: f64) -> Option<f64> {
    (of > 0.0).then(|| (part / of + 0.5).floor())
}

/// Rates, averages and the like, and plain sums, by their formulas.
fn of_sums(name: &str, sum: &dyn Fn(&str) -> Option<f64>) -> Option<f64> {
    let hours = |minutes: &str, of: &str| {
        let (minutes, of) = (sum(minutes)?, sum(of)?);
        (of > 0.0).then(|| minutes / of / 60.0)
    };
    match name {
        "approval_rate" => {
            let decided = sum("approved_conversions")? + sum("reversed_conversions")?;
            share(sum("approved_conversions")?, decided)
        }
        "reversal_rate" => share(sum("reversed_conversions")?, sum("conversions")? + sum("reversed_conversions")?),
        "conversion_rate" => share(sum("conversions")?, sum("clicks")?),
        "reply_rate" => share(sum("replies")? + sum("answers")?, sum("mails")?),
        "commission_share" => share(sum("commission")?, sum("revenue")?),
        "average_commission" => each(sum("commission")?, sum("conversions")?),
        "average_order" => each(sum("revenue")?, sum("conversions")?),
        "earnings_per_click" => each(sum("commission")?, sum("clicks")?),
        "new_customer_share" => share(sum("new_customers")?, sum("known customers")?),
        "complaint_rate" => share(sum("complaints")?, sum("mails")?),
        "opt_outs_per_mail" => share(sum("opt_outs")?, sum("mails")?),
        "answer_hours" => hours("answer minutes", "mails_answered"),
        "resolution_hours" => hours("task minutes", "tasks_done"),
        "view_click_rate" => share(sum("clicks")?, sum("views")?),
        "view_conversion_rate" => share(sum("conversions")?, sum("views")?),
        "like_rate" => share(sum("likes")?, sum("views")?),
        plain => sum(plain),
    }
}

fn growth(now: Option<f64>, before: Option<f64>) -> Option<f64> {
    let (now, before) = (now?, before?);
    (before > 0.0).then(|| 100.0 * (now - before) / before)
}

/// `28d`, `28d_before`: from and to.
fn days(window: &str) -> Option<(i32, i32)> {
    let (count, before) = window.strip_suffix("_before").map_or((window, false), |count| (count, true));
    let count: i32 = count.strip_suffix('d')?.parse().ok()?;
    Some(if before { (TODAY - 2 * count + 1, TODAY - count) } else { (TODAY - count + 1, TODAY) })
}

/// A name taken apart: measure and window.
fn apart(name: &str) -> (&str, &str) {
    for window in ["total", "since_start"] {
        if let Some(measure) = name.strip_suffix(window).and_then(|rest| rest.strip_suffix('_')) {
            return (measure, window);
        }
    }
    let split = name.match_indices('_').find(|(at, _)| days(&name[at + 1..]).is_some());
    split.map_or((name, ""), |(at, _)| (&name[..at], &name[at + 1..]))
}

impl<'a> Brute<'a> {
    fn of<'b>(&'b self, partner: usize) -> impl Iterator<Item = &'a Told> + 'b {
        self.log.iter().filter(move |told| told.partner == partner)
    }

    fn newest(&self, partner: usize, which: impl Fn(&Told) -> bool) -> Option<&'a Told> {
        self.of(partner).filter(|told| which(told)).max_by_key(|told| told.at)
    }

    fn sales(&self, partner: usize) -> Vec<Sale<'a>> {
        let mut latest: BTreeMap<&str, &Told> = BTreeMap::new();
        for told in self.of(partner).filter(|told| told.kind == "conversion") {
            let known = latest.entry(told.text("conversion_id").unwrap()).or_insert(told);
            if told.number("revision") > known.number("revision") {
                *known = told;
            }
        }
        let sale = |told: &'a Told| {
            let (on, currency) = (local(told.instant("occurred_at").unwrap()), told.text("currency"));
            let (amount, commission) =
                (eur(told.number("amount"), currency, on), eur(told.number("commission"), currency, on));
            Sale { told, day: on, amount, commission }
        };
        latest.into_values().map(sale).collect()
    }

    /// Days with a sale that was not taken back, in order, with what they brought.
    pub fn sale_days(&self, partner: usize) -> BTreeMap<i32, (i64, i64)> {
        let mut days = BTreeMap::new();
        for sale in self.sales(partner).into_iter().filter(|sale| !sale.is("reversed")) {
            let day: &mut (i64, i64) = days.entry(sale.day).or_default();
            *day = (day.0 + 1, day.1 + sale.amount.unwrap_or(0));
        }
        days
    }

    /// Whether every sale has a worth.
    pub fn is_priced(&self, partner: usize) -> bool {
        self.sales(partner).iter().all(|sale| sale.amount.is_some())
    }

    /// How much was counted under a name over days, whatever a sale's worth.
    fn counted(&self, partner: usize, name: &str, from: i32, to: i32) -> i64 {
        let within = |day: i32| (from..=to).contains(&day);
        let sales: Vec<Sale<'_>> = self.sales(partner).into_iter().filter(|sale| within(sale.day)).collect();
        let sold = |which: &dyn Fn(&Sale<'_>) -> bool, worth: &dyn Fn(&Sale<'_>) -> i64| {
            sales.iter().filter(|sale| which(sale)).map(worth).sum::<i64>()
        };
        let tellings = |which: &dyn Fn(&Told) -> bool, worth: &dyn Fn(&Told) -> i64| {
            self.of(partner).filter(|told| within(local(told.at)) && which(told)).map(worth).sum::<i64>()
        };
        let kinds = |kinds: &[&str]| tellings(&|told| kinds.contains(&told.kind), &|_| 1);
        let is_reply = |told: &Told| told.kind == "mail.received" && told.text("auto_submitted").is_none();
        let is_work = |told: &Told| {
            told.kind == "task.done" || told.kind == "case.resolved" && told.text("outcome") != Some("withdrawn")
        };
        let (one, amount) = (|_: &Sale<'_>| 1, |sale: &Sale<'_>| sale.amount.unwrap_or(0));
        let commission = |sale: &Sale<'_>| sale.commission.unwrap_or(0);
        let recorded = |sale: &Sale<'_>| !sale.is("reversed");
        let approved = |sale: &Sale<'_>| sale.is("approved") || sale.is("paid");
        let reversed = |sale: &Sale<'_>| sale.is("reversed");
        let customer = |sale: &Sale<'_>, which: Option<&str>| {
            let told = sale.told.text("customer");
            recorded(sale) && told.is_some() && which.is_none_or(|which| told == Some(which))
        };
        match name {
            "conversions" => sold(&recorded, &one),
            "revenue" => sold(&recorded, &amount),
            "commission" => sold(&recorded, &commission),
            "approved_conversions" => sold(&approved, &one),
            "approved_revenue" => sold(&approved, &amount),
            "approved_commission" => sold(&approved, &commission),
            "reversed_conversions" => sold(&reversed, &one),
            "reversed_revenue" => sold(&reversed, &amount),
            "reversed_commission" => sold(&reversed, &commission),
            "new_customers" => sold(&|sale| customer(sale, Some("new")), &one),
            "known customers" => sold(&|sale| customer(sale, None), &one),
            "unpriced_conversions" => sold(&|sale| sale.amount.is_none(), &one),
            "clicks" => tellings(&|told| told.kind == "link.clicked", &|told| told.number("count")),
            "links_created" => kinds(&["link.created"]),
            "logins" => kinds(&["login"]),
            "content" => kinds(&["content.published"]),
            "mails" => kinds(&["message.sent"]),
            "replies" => tellings(&is_reply, &|_| 1),
            "trainings" => kinds(&["training.completed"]),
            "answers" => kinds(&["survey.answered"]),
            "resources" => kinds(&["resource.used"]),
            "creatives" => kinds(&["creative.submitted"]),
            "payouts" => kinds(&["payout.paid"]),
            "offers" => kinds(&["offer.granted"]),
            "awards" => kinds(&["partner.awarded"]),
            "opt_outs" => kinds(&["contact.opted_out"]),
            "complaints" => tellings(&|told| told.text("reason") == Some("complaint"), &|_| 1),
            "views" => tellings(&|told| told.kind == "audience.reported", &|told| told.number("views")),
            "likes" => tellings(&|told| told.kind == "audience.reported", &|told| told.number("likes")),
            "mails_answered" => self.answered(partner).into_iter().filter(|(day, _)| within(*day)).count() as i64,
            "answer minutes" => {
                self.answered(partner).into_iter().filter(|(day, _)| within(*day)).map(|(_, minutes)| minutes).sum()
            }
            "tasks_done" => tellings(&is_work, &|_| 1),
            "task minutes" => tellings(&is_work, &|told| minutes(told.instant("opened_at").unwrap(), told.at)),
            "engagement" => {
                tellings(&is_reply, &|_| 1)
                    + kinds(&[
                        "login",
                        "link.created",
                        "content.published",
                        "creative.submitted",
                        "training.completed",
                        "survey.answered",
                        "resource.used",
                    ])
            }
            other => panic!("brute force does not know {other}"),
        }
    }

    /// Days on which a mail of the partner's was answered, and after how many minutes.
    fn answered(&self, partner: usize) -> Vec<(i32, i64)> {
        let mut mails: Vec<&Told> = self
            .of(partner)
            .filter(|told| {
                told.kind == "message.sent" || told.kind == "mail.received" && told.text("auto_submitted").is_none()
            })
            .collect();
        mails.sort_by_key(|told| told.at);
        let answers = mails.iter().zip(mails.iter().skip(1));
        answers
            .filter(|(before, after)| before.kind == "mail.received" && after.kind == "message.sent")
            .map(|(before, after)| (local(after.at), minutes(before.at, after.at)))
            .collect()
    }

    /// Sums over days of some partners.
    fn sums<'b>(&'b self, partners: Vec<usize>, from: i32, to: i32) -> Sums<'b> {
        Box::new(move |name| {
            let all =
                |name: &str| -> i64 { partners.iter().map(|partner| self.counted(*partner, name, from, to)).sum() };
            let money = name.ends_with("revenue") || name.ends_with("commission");
            (!money || all("unpriced_conversions") == 0).then(|| all(name) as f64)
        })
    }

    /// Whether what came before the programme is unknown.
    pub fn is_veteran(&self, partner: usize) -> bool {
        self.approved(partner).is_some_and(|at| at < self.began) && self.opening(partner).is_none()
    }

    /// Whether a partner was one already on a day when nobody told the programme's events yet.
    fn is_unheard(&self, partner: usize, from: i32) -> bool {
        from < local(self.began) && self.approved(partner).is_some_and(|at| at < self.began)
    }

    pub fn opening(&self, partner: usize) -> Option<&'a Told> {
        self.newest(partner, |told| told.data.get("opening").is_some())
    }

    pub fn approved(&self, partner: usize) -> Option<Timestamp> {
        let told = self.newest(partner, |told| told.kind == "partner.approved")?;
        Some(told.instant("approved_at").unwrap_or(told.at))
    }

    pub fn is_active(&self, partner: usize) -> bool {
        self.status(partner) == Some("partner.approved")
    }

    fn status(&self, partner: usize) -> Option<&'static str> {
        let sets_none = ["partner.updated", "partner.awarded"];
        let sets = |told: &Told| told.kind.starts_with("partner.") && !sets_none.contains(&told.kind);
        self.newest(partner, sets).map(|told| told.kind)
    }

    fn total(&self, partner: usize, name: &str) -> Option<f64> {
        let money = name.ends_with("revenue") || name.ends_with("commission");
        if self.is_veteran(partner) || (money && !self.is_priced(partner)) {
            return None;
        }
        let all = self.counted(partner, name, i32::MIN, i32::MAX);
        let opening = self.opening(partner).map(|told| &told.data["opening"]);
        let settled = name.trim_start_matches("approved_");
        let (Some(opening), "conversions" | "revenue" | "commission") = (opening, settled) else {
            return Some(all as f64);
        };
        if settled != "conversions" && opening["currency"] != "EUR" {
            return None;
        }
        let until = local(opening["as_of"].as_str().unwrap().parse().unwrap());
        Some((opening[settled].as_i64().unwrap() + self.counted(partner, name, until, i32::MAX)) as f64)
    }

    /// A partner's figure; `start` is the log as it stood when a journey began.
    pub fn figure(&self, partner: usize, name: &str, start: &Brute<'_>, revenue_of_all: f64) -> Option<f64> {
        let (measure, window) = apart(name);
        let within = |from, to| self.sums(vec![partner], from, to);
        let since = |name: &str| {
            let (now, then) =
                (self.sums(vec![partner], i32::MIN, i32::MAX), start.sums(vec![partner], i32::MIN, i32::MAX));
            let money = name.ends_with("revenue") || name.ends_with("commission");
            if money && now("unpriced_conversions") > then("unpriced_conversions") {
                return None;
            }
            let counted = |brute: &Brute<'_>| brute.counted(partner, name, i32::MIN, i32::MAX);
            Some((counted(self) - counted(start)).max(0) as f64)
        };
        let compared = days(window).and_then(|(from, to)| match window.ends_with("_before") {
            true => Some(from),
            false => measure.ends_with("_growth").then_some(2 * from - to - 1),
        });
        if compared.is_some_and(|from| self.is_unheard(partner, from)) {
            return None;
        }
        match (measure, window) {
            ("revenue_share", window) => {
                let (from, to) = days(window)?;
                share(within(from, to)("revenue")?, revenue_of_all)
            }
            ("active_days", window) => {
                let (from, to) = days(window)?;
                Some(self.sale_days(partner).range(from..=to).count() as f64)
            }
            (measure, window) if measure.ends_with("_growth") => {
                let (from, to) = days(window)?;
                let of = measure.trim_end_matches("_growth");
                growth(within(from, to)(of), within(2 * from - to - 1, from - 1)(of))
            }
            (measure, "total") => of_sums(measure, &|name| self.total(partner, name)),
            (measure, "since_start") => of_sums(measure, &since),
            (name, "") => self.without_window(partner, name),
            (measure, window) => {
                let (from, to) = days(window)?;
                of_sums(measure, &*within(from, to))
            }
        }
    }

    fn without_window(&self, partner: usize, name: &str) -> Option<f64> {
        let sold = self.sale_days(partner);
        let (first, last) = (sold.keys().next().copied(), sold.keys().next_back().copied());
        let since = |day: i32| f64::from((TODAY - day).max(0));
        let newest = |kinds: &[&str]| {
            let told = |told: &Told| kinds.contains(&told.kind) && told.text("auto_submitted").is_none();
            self.newest(partner, told).map(|told| local(told.at))
        };
        let joined = || {
            let told = self.newest(partner, |told| told.kind == "partner.joined")?;
            Some(local(told.at))
        };
        let day = match name.strip_prefix("days_since_") {
            Some("conversion") => last,
            Some("first_conversion") => first,
            Some("click") => newest(&["link.clicked"]),
            Some("login") => newest(&["login"]),
            Some("mail") => newest(&["message.sent"]),
            Some("content") => newest(&["content.published"]),
            Some("link") => newest(&["link.created"]),
            Some("reply") => newest(&["mail.received"]),
            Some("training") => newest(&["training.completed"]),
            Some("answer") => newest(&["survey.answered"]),
            Some("resource") => newest(&["resource.used"]),
            Some("creative") => newest(&["creative.submitted"]),
            Some("payout") => newest(&["payout.paid"]),
            Some("award") => newest(&["partner.awarded"]),
            Some("approved") => self.approved(partner).map(local),
            Some("joined") => joined(),
            Some("activity") => newest(&[
                "login",
                "content.published",
                "link.created",
                "mail.received",
                "training.completed",
                "survey.answered",
                "resource.used",
                "creative.submitted",
            ])
            .max(last),
            Some(other) => panic!("brute force does not know days_since_{other}"),
            None => None,
        };
        match name {
            "followers" => self
                .newest(partner, |told| told.data.get("followers").is_some())
                .map(|told| told.number("followers") as f64),
            "payouts_overdue" => Some(self.overdue(partner) as f64),
            "days_to_first_conversion" => {
                let sold_before = |told: &Told| told.data["opening"]["conversions"].as_i64() > Some(0);
                let known = !self.is_veteran(partner) && !self.opening(partner).is_some_and(sold_before);
                known.then_some(f64::from((first? - local(self.approved(partner)?)).max(0)))
            }
            "usual_gap_days" => {
                median(sold.keys().zip(sold.keys().skip(1)).map(|(one, next)| f64::from(next - one)).collect())
            }
            "satisfaction" => self
                .newest(partner, |told| told.data.get("score").is_some())
                .map(|told| told.data["score"].as_f64().unwrap()),
            _ => day.map(since),
        }
    }

    fn overdue(&self, partner: usize) -> usize {
        let is_payout = |told: &&Told| told.kind.starts_with("payout.");
        let mut ids: Vec<&str> = self.of(partner).filter(is_payout).filter_map(|told| told.text("payout")).collect();
        ids.sort_unstable();
        ids.dedup();
        let late = |id: &&&str| {
            let tellings = || self.of(partner).filter(is_payout).filter(|told| told.text("payout") == Some(**id));
            let last = tellings().max_by_key(|told| told.at).unwrap().kind;
            let due =
                tellings().filter_map(|told| told.text("due_on")).map(|on| day::number(on.parse().unwrap())).max();
            match last {
                "payout.paid" => false,
                "payout.overdue" => true,
                "payout.due" => due.is_some_and(|due| due < TODAY),
                _ => due.is_none_or(|due| due < TODAY),
            }
        };
        ids.iter().filter(late).count()
    }

    /// A figure of the whole programme.
    pub fn of_program(&self, name: &str) -> Option<f64> {
        let (measure, window) = apart(name);
        let everybody: Vec<usize> = (0..PARTNERS).collect();
        let active: Vec<usize> = everybody.iter().copied().filter(|partner| self.is_active(*partner)).collect();
        let own = |partner: usize, name: &str| self.without_window(partner, name);
        let count = |which: &dyn Fn(usize) -> bool| everybody.iter().filter(|partner| which(**partner)).count() as f64;
        let of_active = |which: &dyn Fn(usize) -> bool| {
            share(active.iter().filter(|partner| which(**partner)).count() as f64, active.len() as f64)
        };
        let Some((from, to)) = days(window) else {
            let status =
                |wanted: &[&str]| count(&|partner| self.status(partner).is_some_and(|kind| wanted.contains(&kind)));
            let touched = |partner: usize| {
                ["days_since_mail", "days_since_reply", "days_since_answer"]
                    .iter()
                    .filter_map(|name| own(partner, name))
                    .min_by(f64::total_cmp)
            };
            return match measure {
                "active_partners" => Some(active.len() as f64),
                "applied_partners" => Some(status(&["partner.joined"])),
                "left_partners" => Some(status(&["partner.suspended", "partner.closed"])),
                "activation_rate" => {
                    let lately = |partner: usize| {
                        own(partner, "days_since_approved").is_some_and(|days| (30.0..=120.0).contains(&days))
                            && !self.is_veteran(partner)
                            && self.opening(partner).is_none()
                    };
                    let quick =
                        |partner: usize| own(partner, "days_to_first_conversion").is_some_and(|days| days <= 30.0);
                    share(count(&|partner| lately(partner) && quick(partner)), count(&lately))
                }
                "days_to_first_conversion" => {
                    median(everybody.iter().filter_map(|partner| own(*partner, measure)).collect())
                }
                "satisfaction" => {
                    let scores: Vec<f64> = everybody.iter().filter_map(|partner| own(*partner, measure)).collect();
                    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
                }
                "opt_out_rate" => of_active(&|partner| self.reach[partner].opted_out),
                "suppressed_rate" => of_active(&|partner| self.reach[partner].suppressed),
                "complained_rate" => of_active(&|partner| self.reach[partner].complained),
                // Nobody is lost or not where the programme does not say what that is.
                "churned_partners" | "churned_share"
                    if everybody.iter().all(|partner| self.reach[*partner].churned.is_none()) =>
                {
                    None
                }
                "churned_partners" => Some(count(&|partner| self.reach[partner].churned == Some(true))),
                "churned_share" => share(
                    count(&|partner| self.reach[partner].churned == Some(true)),
                    active.len() as f64 + status(&["partner.suspended", "partner.closed"]),
                ),
                "neglected_partners" => Some(count(&|partner| {
                    self.is_active(partner)
                        && self.counted(partner, "conversions", TODAY - 89, TODAY) > 0
                        && touched(partner).is_none_or(|days| days >= 60.0)
                })),
                "coverage" => of_active(&|partner| touched(partner).is_some_and(|days| days < 90.0)),
                "joint_marketing_share" => of_active(&|partner| {
                    let tags = self.newest(partner, |told| told.data.get("tags").is_some());
                    tags.is_some_and(|told| told.data["tags"].as_array().unwrap().contains(&"joint_marketing".into()))
                }),
                "payouts_overdue" => Some(everybody.iter().map(|partner| self.overdue(*partner)).sum::<usize>() as f64),
                other => panic!("brute force does not know program.{other}"),
            };
        };
        let length = to - from + 1;
        let sells = |partner: usize, from: i32, to: i32| self.counted(partner, "conversions", from, to) > 0;
        let sold = |partner: usize| sells(partner, from - length, from - 1);
        let unheard = everybody.iter().any(|partner| self.is_unheard(*partner, from - length));
        let all = self.sums(everybody.clone(), from, to);
        let of_types = |types: &[&str]| -> Option<f64> {
            let sort = |partner: usize| {
                self.newest(partner, |told| told.data.get("type").is_some()).and_then(|told| told.text("type"))
            };
            let whose =
                everybody.iter().copied().filter(|partner| sort(*partner).is_some_and(|sort| types.contains(&sort)));
            share(self.sums(whose.collect(), from, to)("revenue")?, all("revenue")?)
        };
        match measure {
            measure if unheard && (measure == "churn_rate" || measure.ends_with("_growth")) => None,
            "producing_partners" => Some(count(&|partner| sells(partner, from, to))),
            "producing_share" => of_active(&|partner| sells(partner, from, to)),
            "churn_rate" => share(count(&|partner| sold(partner) && !sells(partner, from, to)), count(&sold)),
            "coupon_revenue_share" => all("revenue").and_then(|_| of_types(&["coupon", "cashback"])),
            "cashback_revenue_share" => all("revenue").and_then(|_| of_types(&["cashback"])),
            "engaged_share" => of_active(&|partner| self.counted(partner, "engagement", from, to) > 0),
            "mails_per_partner" => (!active.is_empty()).then(|| all("mails").unwrap() / active.len() as f64),
            "offers_per_partner" => (!active.is_empty()).then(|| all("offers").unwrap() / active.len() as f64),
            growing if growing.ends_with("_growth") => {
                let of = growing.trim_end_matches("_growth");
                growth(all(of), self.sums(everybody.clone(), from - length, from - 1)(of))
            }
            measure => of_sums(measure, &*all),
        }
    }
}

fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()) / 60
}
