//! Every metric equals what brute force makes of the same log: reversals, late events, two currencies with daily rates.
#![allow(clippy::disallowed_methods, reason = "compares a file of the repository")]

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use rapport_event::{CustomKinds, Event, Headers, Limits, decode_record, decode_with};
use rapport_partner::{
    Figure, FigureContext, FigureValue, FoldContext, Folded, PartnerState, ProgramFigure, ProgramSums, Rates, day,
    fold, program::Reach,
};
use rapport_rule::Currency;

const TODAY: i32 = 20_000;
const RATES: &str = "date,from,to,rate\n2024-06-01,USD,EUR,0.9\n2024-06-05,USD,EUR,0.8\n2024-06-10,USD,EUR,1.1\n\
                     2024-06-16,USD,EUR,0.95\n2024-06-22,USD,EUR,0.85\n2024-06-28,USD,EUR,0.9\n2024-07-04,USD,EUR,0.92\n";

#[test]
fn the_page_is_the_generated_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let stands = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stands == rapport_partner::metric::document(),
        "run `cargo run -p rapport-partner --example metrics > docs/metrics.md`"
    );
}

/// What is told, in the words of brute force.
#[derive(Debug, Clone)]
enum Told {
    Sale {
        partner: usize,
        id: usize,
        revision: u64,
        status: &'static str,
        day: i32,
        amount: i64,
        usd: bool,
        new: Option<bool>,
    },
    Clicks {
        partner: usize,
        day: i32,
        count: u32,
    },
    Reply {
        partner: usize,
        day: i32,
    },
    /// What is counted only: by the name of its sum.
    Act {
        partner: usize,
        day: i32,
        what: &'static str,
    },
    Seen {
        partner: usize,
        day: i32,
        views: u32,
        likes: u32,
        followers: Option<u32>,
    },
    /// A finished task, opened so many minutes before.
    Task {
        partner: usize,
        day: i32,
        minutes: i64,
    },
}

/// Acts, the sum they count for, and the record that tells of them.
const ACTS: [(&str, &str, &str); 8] = [
    ("logins", "login", "{}"),
    ("links_created", "link.created", "{}"),
    ("trainings", "training.completed", r#"{"training":"t"}"#),
    ("resources", "resource.used", r#"{"resource":"r"}"#),
    ("mails", "message.sent", r#"{"message":"m"}"#),
    ("offers", "offer.granted", r#"{"offer":"o"}"#),
    ("opt_outs", "contact.opted_out", r#"{"topic":"news"}"#),
    ("complaints", "contact.suppressed", r#"{"reason":"complaint"}"#),
];

impl Told {
    fn partner(&self) -> usize {
        match self {
            Told::Sale { partner, .. }
            | Told::Clicks { partner, .. }
            | Told::Reply { partner, .. }
            | Told::Act { partner, .. }
            | Told::Seen { partner, .. }
            | Told::Task { partner, .. } => *partner,
        }
    }

    fn event(&self, at: usize) -> Event {
        let noon = |day: i32| Timestamp::from_second(i64::from(day) * 86_400 + 43_200).unwrap();
        let text = match self {
            Told::Sale { partner, id, revision, status, day, amount, usd, new } => {
                let customer = new
                    .map_or(String::new(), |new| format!(r#","customer":"{}""#, if new { "new" } else { "returning" }));
                format!(
                    r#"{{"id":"e{at}","kind":"conversion","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{{
                       "conversion_id":"c{id}","revision":{revision},"status":"{status}","amount":{amount},"commission":{},
                       "currency":"{}","occurred_at":"{}"{customer}}}}}"#,
                    noon(*day),
                    amount / 10,
                    if *usd { "USD" } else { "EUR" },
                    noon(*day),
                )
            }
            Told::Clicks { partner, day, count } => format!(
                r#"{{"id":"e{at}","kind":"link.clicked","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{{"count":{count}}}}}"#,
                noon(*day)
            ),
            Told::Reply { partner, day } => format!(
                r#"{{"id":"e{at}","kind":"mail.received","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{{}}}}"#,
                noon(*day)
            ),
            Told::Act { partner, day, what } => {
                let (_, kind, data) = ACTS.into_iter().find(|(name, ..)| name == what).unwrap();
                let data = data.replace("\"m\"", &format!("\"m{at}\""));
                format!(
                    r#"{{"id":"e{at}","kind":"{kind}","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{data}}}"#,
                    noon(*day)
                )
            }
            Told::Seen { partner, day, views, likes, followers } => {
                let followers = followers.map_or(String::new(), |followers| format!(r#","followers":{followers}"#));
                format!(
                    r#"{{"id":"e{at}","kind":"audience.reported","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{{"views":{views},"likes":{likes}{followers}}}}}"#,
                    noon(*day)
                )
            }
            Told::Task { partner, day, minutes } => format!(
                r#"{{"id":"e{at}","kind":"task.done","program":"acme","partner":"p{partner}","occurred_at":"{}","data":{{"task":"t{at}","opened_at":"{}"}}}}"#,
                noon(*day),
                Timestamp::from_second(noon(*day).as_second() - minutes * 60).unwrap(),
            ),
        };
        if matches!(self, Told::Act { .. } | Told::Task { .. }) {
            return decode_record(text.as_bytes()).expect(&text);
        }
        decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), noon(TODAY + 5))
            .expect(&text)
            .event
    }
}

fn told() -> impl Strategy<Value = Told> {
    let day = (TODAY - 120)..=TODAY;
    let sale = (
        0usize..3,
        0usize..8,
        prop::sample::select(vec!["pending", "approved", "paid", "reversed"]),
        day.clone(),
        0i64..50_000,
        any::<bool>(),
        prop::option::of(any::<bool>()),
    )
        .prop_map(|(partner, id, status, day, amount, usd, new)| Told::Sale {
            partner,
            id,
            revision: 0,
            status,
            day,
            amount,
            usd,
            new,
        });
    let clicks =
        (0usize..3, day.clone(), 1u32..50).prop_map(|(partner, day, count)| Told::Clicks { partner, day, count });
    let reply = (0usize..3, day.clone()).prop_map(|(partner, day)| Told::Reply { partner, day });
    let act = (0usize..3, day.clone(), prop::sample::select(ACTS.map(|(name, ..)| name).to_vec()))
        .prop_map(|(partner, day, what)| Told::Act { partner, day, what });
    let seen = (0usize..3, day.clone(), 0u32..5000, 0u32..300, prop::option::of(0u32..9999))
        .prop_map(|(partner, day, views, likes, followers)| Told::Seen { partner, day, views, likes, followers });
    let task = (0usize..3, day, 0i64..9000).prop_map(|(partner, day, minutes)| Told::Task { partner, day, minutes });
    prop_oneof![6 => sale, 2 => clicks, 1 => reply, 3 => act, 1 => seen, 1 => task]
}

/// Revisions in the order told, then everything in another order: what comes late changes nothing but the moment.
fn log() -> impl Strategy<Value = (Vec<Told>, Vec<(usize, Told)>)> {
    prop::collection::vec(told(), 1..40).prop_flat_map(|mut all| {
        for (at, told) in all.iter_mut().enumerate() {
            if let Told::Sale { revision, .. } = told {
                *revision = at as u64;
            }
        }
        let shuffled: Vec<(usize, Told)> = all.iter().cloned().enumerate().collect();
        (Just(all), Just(shuffled).prop_shuffle())
    })
}

/// A conversion as brute force sees it at the end.
#[derive(Debug, Clone)]
struct Sale {
    partner: usize,
    status: &'static str,
    day: i32,
    amount: Option<i64>,
    commission: Option<i64>,
    new: Option<bool>,
}

/// The rate of a day by looking at every line.
fn eur(minor: i64, usd: bool, on: i32) -> Option<i64> {
    if !usd {
        return Some(minor);
    }
    let lines = RATES.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        (day::number(fields[0].parse().unwrap()), fields[3].parse::<f64>().unwrap())
    });
    let (_, rate) = lines.filter(|(day, _)| *day <= on && on - *day <= 7).last()?;
    Some((minor as f64 * rate).round() as i64)
}

struct Brute {
    sales: Vec<Sale>,
    clicks: Vec<(usize, i32, i64)>,
    replies: Vec<(usize, i32)>,
    /// Everything else that is counted: whose, when, under which name, how many.
    counted: Vec<(usize, i32, &'static str, i64)>,
}

impl Brute {
    fn of(all: &[Told]) -> Self {
        let mut latest: BTreeMap<(usize, usize), Sale> = BTreeMap::new();
        let (mut clicks, mut replies, mut counted) = (Vec::new(), Vec::new(), Vec::new());
        for told in all {
            match told {
                Told::Sale { partner, id, status, day, amount, usd, new, .. } => {
                    let (amount, commission) = (eur(*amount, *usd, *day), eur(amount / 10, *usd, *day));
                    let sale = Sale { partner: *partner, status, day: *day, amount, commission, new: *new };
                    latest.insert((*partner, *id), sale);
                }
                Told::Clicks { partner, day, count } => clicks.push((*partner, *day, i64::from(*count))),
                Told::Reply { partner, day } => {
                    replies.push((*partner, *day));
                    counted.push((*partner, *day, "engagement", 1));
                }
                Told::Act { partner, day, what } => {
                    counted.push((*partner, *day, *what, 1));
                    if ["logins", "links_created", "trainings", "resources"].contains(what) {
                        counted.push((*partner, *day, "engagement", 1));
                    }
                }
                Told::Seen { partner, day, views, likes, .. } => {
                    counted.push((*partner, *day, "views", i64::from(*views)));
                    counted.push((*partner, *day, "likes", i64::from(*likes)));
                }
                Told::Task { partner, day, minutes } => {
                    counted.push((*partner, *day, "tasks_done", 1));
                    counted.push((*partner, *day, "task_minutes", *minutes));
                }
            }
        }
        Self { sales: latest.into_values().collect(), clicks, replies, counted }
    }

    /// Sums of some partners over `from..=to`: by name.
    fn sums(&self, whose: &dyn Fn(usize) -> bool, from: i32, to: i32) -> HashMap<&'static str, Option<i64>> {
        let sales: Vec<&Sale> =
            self.sales.iter().filter(|sale| whose(sale.partner) && (from..=to).contains(&sale.day)).collect();
        // One sale without a value, and every sum of money is unknown.
        let priced = sales.iter().all(|sale| sale.amount.is_some());
        let recorded: Vec<&&Sale> = sales.iter().filter(|sale| sale.status != "reversed").collect();
        let approved: Vec<&&&Sale> =
            recorded.iter().filter(|sale| sale.status == "approved" || sale.status == "paid").collect();
        let reversed: Vec<&&Sale> = sales.iter().filter(|sale| sale.status == "reversed").collect();
        let money = |sum: i64| priced.then_some(sum);
        let counted = |name: &'static str| {
            let of =
                |one: &&(usize, i32, &'static str, i64)| whose(one.0) && (from..=to).contains(&one.1) && one.2 == name;
            (name, Some(self.counted.iter().filter(of).map(|(.., count)| count).sum()))
        };
        HashMap::from([
            counted("logins"),
            counted("mails"),
            counted("offers"),
            counted("opt_outs"),
            counted("complaints"),
            counted("views"),
            counted("likes"),
            counted("engagement"),
            counted("tasks_done"),
            counted("task_minutes"),
            ("conversions", Some(recorded.len() as i64)),
            ("approved_conversions", Some(approved.len() as i64)),
            ("reversed_conversions", Some(reversed.len() as i64)),
            ("revenue", money(recorded.iter().filter_map(|sale| sale.amount).sum())),
            ("commission", money(recorded.iter().filter_map(|sale| sale.commission).sum())),
            ("approved_revenue", money(approved.iter().filter_map(|sale| sale.amount).sum())),
            ("reversed_revenue", money(reversed.iter().filter_map(|sale| sale.amount).sum())),
            ("new", Some(recorded.iter().filter(|sale| sale.new == Some(true)).count() as i64)),
            ("known", Some(recorded.iter().filter(|sale| sale.new.is_some()).count() as i64)),
            (
                "clicks",
                Some(
                    self.clicks
                        .iter()
                        .filter(|(p, d, _)| whose(*p) && (from..=to).contains(d))
                        .map(|(_, _, n)| n)
                        .sum(),
                ),
            ),
            ("replies", Some(self.replies.iter().filter(|(p, d)| whose(*p) && (from..=to).contains(d)).count() as i64)),
        ])
    }

    /// A metric by its formula, from such sums.
    fn metric(name: &str, now: &HashMap<&str, Option<i64>>, before: &HashMap<&str, Option<i64>>) -> Option<f64> {
        let of = |name: &str| now[name].map(|sum| sum as f64);
        let share = |part: f64, of: f64| (of > 0.0).then(|| 100.0 * part / of);
        let each = |part: f64, of: f64| (of > 0.0).then(|| (part / of + 0.5).floor());
        let growth = |name: &str| {
            let (now, before) = (now[name]? as f64, before[name]? as f64);
            (before > 0.0).then(|| 100.0 * (now - before) / before)
        };
        match name {
            "approval_rate" => {
                share(of("approved_conversions")?, of("approved_conversions")? + of("reversed_conversions")?)
            }
            "reversal_rate" => share(of("reversed_conversions")?, of("conversions")? + of("reversed_conversions")?),
            "conversion_rate" => share(of("conversions")?, of("clicks")?),
            "commission_share" => share(of("commission")?, of("revenue")?),
            "average_commission" => each(of("commission")?, of("conversions")?),
            "average_order" => each(of("revenue")?, of("conversions")?),
            "earnings_per_click" => each(of("commission")?, of("clicks")?),
            "new_customer_share" => share(of("new")?, of("known")?),
            "conversions_growth" => growth("conversions"),
            "revenue_growth" => growth("revenue"),
            "commission_growth" => growth("commission"),
            "clicks_growth" => growth("clicks"),
            "complaint_rate" => share(of("complaints")?, of("mails")?),
            "opt_outs_per_mail" => share(of("opt_outs")?, of("mails")?),
            "view_click_rate" => share(of("clicks")?, of("views")?),
            "view_conversion_rate" => share(of("conversions")?, of("views")?),
            "resolution_hours" => {
                let (minutes, tasks) = (of("task_minutes")?, of("tasks_done")?);
                (tasks > 0.0).then(|| minutes / tasks / 60.0)
            }
            other => of(other),
        }
    }
}

fn number(value: Option<FigureValue>) -> Option<f64> {
    Some(match value? {
        FigureValue::Count(count) => count as f64,
        FigureValue::Money(money) => money.minor as f64,
        FigureValue::Number(number) | FigureValue::Percent(number) => number,
    })
}

#[track_caller]
fn same(what: &str, found: Option<f64>, expected: Option<f64>) {
    match (found, expected) {
        (Some(found), Some(expected)) if (found - expected).abs() <= 1e-9 * expected.abs().max(1.0) => {}
        (None, None) => {}
        _ => panic!("{what}: {found:?}, by brute force {expected:?}"),
    }
}

fn play(log: &[(usize, Told)], zone: &TimeZone, rates: &Rates) -> Vec<PartnerState> {
    let context = FoldContext { zone, currency: Currency::EUR, rates };
    let mut states = vec![PartnerState::default(); 3];
    let mut known = HashMap::new();
    for (at, told) in log {
        let event = told.event(*at);
        let state = &mut states[told.partner()];
        let id = event.conversion().map(|data| (told.partner(), data.conversion_id.to_string()));
        let before = id.as_ref().and_then(|id| known.get(id));
        if let Folded::Conversion(merged) = fold(state, before, &event, &context) {
            known.insert(id.expect("a conversion has an id"), merged.state);
        }
        // Days close while tellings still come late.
        if at % 7 == 0 {
            state.close_through(TODAY - 30);
        }
    }
    states
}

const BOTH: [&str; 29] = [
    "mails",
    "offers",
    "opt_outs",
    "complaints",
    "views",
    "likes",
    "engagement",
    "tasks_done",
    "complaint_rate",
    "opt_outs_per_mail",
    "view_click_rate",
    "view_conversion_rate",
    "resolution_hours",
    "conversions",
    "approved_conversions",
    "reversed_conversions",
    "revenue",
    "commission",
    "approved_revenue",
    "reversed_revenue",
    "clicks",
    "replies",
    "approval_rate",
    "reversal_rate",
    "conversion_rate",
    "commission_share",
    "average_order",
    "new_customer_share",
    "revenue_growth",
];

proptest! {
    #[test]
    fn figures_are_those_of_brute_force((all, shuffled) in log(), days in 1i32..=60) {
        let (zone, rates) = (TimeZone::UTC, Rates::parse(RATES).unwrap());
        let states = play(&shuffled, &zone, &rates);
        let brute = Brute::of(&all);
        let context = FigureContext { today: TODAY, zone: &zone, currency: Currency::EUR, program_began_at: None, program: None, start: None, foresee: None };
        for (partner, state) in states.iter().enumerate() {
            let mine = |other: usize| other == partner;
            let now = brute.sums(&mine, TODAY - days + 1, TODAY);
            let before = brute.sums(&mine, TODAY - 2 * days + 1, TODAY - days);
            let total = brute.sums(&mine, i32::MIN, TODAY);
            let newest = all.iter().filter_map(|told| match told {
                Told::Seen { partner: whose, day, followers: Some(followers), .. } if *whose == partner => Some((*day, *followers)),
                _ => None,
            });
            same("followers", number(state.figure(&Figure::Followers, &context)), newest.max().map(|(_, followers)| f64::from(followers)));
            let program = BTreeMap::from([("revenue_28d".to_owned(), 123_456.0)]);
            let knows = FigureContext { program: Some(&program), ..context };
            let mine_28 = brute.sums(&mine, TODAY - 27, TODAY)["revenue"].map(|minor| 100.0 * minor as f64 / 123_456.0);
            same("revenue_share", number(state.figure(&Figure::RevenueShare(28), &knows)), mine_28);
            prop_assert_eq!(state.figure(&Figure::RevenueShare(28), &context), None);
            for name in BOTH.into_iter().chain(["average_commission", "earnings_per_click", "conversions_growth", "commission_growth", "clicks_growth"]) {
                let figure = |name: String| number(state.figure(&Figure::parse(&name).unwrap(), &context));
                same(&format!("p{partner} {name}_{days}d"), figure(format!("{name}_{days}d")), Brute::metric(name, &now, &before));
                if !name.ends_with("growth") {
                    same(&format!("{name}_{days}d_before"), figure(format!("{name}_{days}d_before")), Brute::metric(name, &before, &before));
                    same(&format!("{name}_total"), figure(format!("{name}_total")), Brute::metric(name, &total, &before));
                }
            }
            let mut sold: Vec<i32> = brute.sales.iter().filter(|sale| sale.partner == partner && sale.status != "reversed").map(|sale| sale.day).collect();
            sold.sort_unstable();
            sold.dedup();
            let active = sold.iter().filter(|day| **day > TODAY - days).count();
            same("active_days", number(state.figure(&Figure::parse(&format!("active_days_{days}d")).unwrap(), &context)), Some(active as f64));
        }
    }

    #[test]
    fn programme_figures_are_those_of_brute_force((all, shuffled) in log()) {
        let (zone, rates) = (TimeZone::UTC, Rates::parse(RATES).unwrap());
        let states = play(&shuffled, &zone, &rates);
        let brute = Brute::of(&all);
        let context = FigureContext { today: TODAY, zone: &zone, currency: Currency::EUR, program_began_at: None, program: None, start: None, foresee: None };
        // One after the other, and as parts merged the other way round.
        let (mut sums, mut parts) = (ProgramSums::default(), Vec::new());
        for state in &states {
            sums.add(state, Reach::default(), &context);
            let mut part = ProgramSums::default();
            part.add(state, Reach::default(), &context);
            parts.push(serde_json::from_str::<ProgramSums>(&serde_json::to_string(&part).unwrap()).unwrap());
        }
        let mut merged = ProgramSums::default();
        parts.iter().rev().for_each(|part| merged.merge(part));
        prop_assert_eq!(&merged, &sums);
        for days in [28, 90] {
            let everybody = |_| true;
            let now = brute.sums(&everybody, TODAY - days + 1, TODAY);
            let before = brute.sums(&everybody, TODAY - 2 * days + 1, TODAY - days);
            let figure = |name: &str| number(sums.figure(ProgramFigure::parse(&format!("{name}_{days}d")).unwrap(), Currency::EUR));
            for name in BOTH {
                same(&format!("{name}_{days}d"), figure(name), Brute::metric(name, &now, &before));
            }
            let sells = |partner: usize, from: i32, to: i32| brute.sums(&move |other| other == partner, from, to)["conversions"] > Some(0);
            let producing = (0..3).filter(|partner| sells(*partner, TODAY - days + 1, TODAY)).count();
            same("producing", figure("producing_partners"), Some(producing as f64));
            let sold: Vec<usize> = (0..3).filter(|partner| sells(*partner, TODAY - 2 * days + 1, TODAY - days)).collect();
            let lost = sold.iter().filter(|partner| !sells(**partner, TODAY - days + 1, TODAY)).count();
            let engaged = number(sums.figure(ProgramFigure::parse(&format!("engaged_share_{days}d")).unwrap(), Currency::EUR));
            prop_assert_eq!(engaged, None, "nobody here is active, so there is nothing to divide by");
            same("churn", figure("churn_rate"), (!sold.is_empty()).then(|| 100.0 * lost as f64 / sold.len() as f64));
        }
    }
}

#[test]
fn an_answer_is_the_first_mail_after_one_of_the_partners() {
    let zone = TimeZone::UTC;
    let rates = Rates::default();
    let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: &rates };
    let mut state = PartnerState::default();
    let hour = |hour: i64| Timestamp::from_second(i64::from(TODAY - 9) * 86_400 + hour * 3600).unwrap();
    let tell = |state: &mut PartnerState, kind: &str, data: &str, at: i64| {
        let text = format!(
            r#"{{"id":"e{at}","kind":"{kind}","program":"acme","partner":"p","occurred_at":"{}","data":{data}}}"#,
            hour(at)
        );
        fold(state, None, &decode_record(text.as_bytes()).unwrap(), &context);
    };
    tell(&mut state, "message.sent", r#"{"message":"a"}"#, 0);
    tell(&mut state, "mail.received", "{}", 10);
    tell(&mut state, "message.sent", r#"{"message":"b"}"#, 15);
    tell(&mut state, "message.sent", r#"{"message":"c"}"#, 40);
    tell(&mut state, "mail.received", "{}", 50);
    tell(&mut state, "message.sent", r#"{"message":"d"}"#, 60);
    let figures = FigureContext {
        today: TODAY,
        zone: &zone,
        currency: Currency::EUR,
        program_began_at: None,
        program: None,
        start: None,
        foresee: None,
    };
    let figure = |name: &str| number(state.figure(&Figure::parse(name).unwrap(), &figures));
    assert_eq!((figure("mails_answered_28d"), figure("answer_hours_28d")), (Some(2.0), Some(7.5)));
    assert_eq!(figure("mails_28d"), Some(4.0));
}
