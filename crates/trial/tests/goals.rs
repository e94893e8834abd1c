//! Goals through the engine's own judgement: progress, pace and moments equal what brute force makes of the same log.
#![allow(clippy::disallowed_methods, reason = "tests read the files they are about")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use proptest::prelude::*;
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::{
    facts::{PartnerFacts, marks},
    goals::{
        self,
        agreed::{self, Act, Agreement, Proposal, Terms},
    },
};
use rapport_event::{CustomKinds, Event, Headers, Limits, decode_with};
use rapport_partner::{FoldContext, Folded, Measure, PartnerState, Rates, day, fold};
use rapport_rule::Currency;
use rapport_workflow::config::{Config, Program};

const GOALS: &str = "goals:\n  spring: { for: everyone, metric: approved_revenue, target: 800 EUR, from: 2026-03-01, to: 2026-03-31, tell_at: [25%, 50%] }\n  \
    more: { for: everyone, metric: conversions, target: 1.5 * conversions_previous_period, from: 2026-03-01, to: 2026-03-31 }\n";
const RATES: &str = "date,from,to,rate\n2026-02-02,USD,EUR,0.9\n2026-02-09,USD,EUR,0.8\n2026-03-02,USD,EUR,0.95\n2026-03-20,USD,EUR,1.1\n";

fn applied() -> Applied {
    applied_with(GOALS, None)
}

fn applied_with(goals: &str, segments: Option<&str>) -> Applied {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for file in ["config/rapport.yaml", "config/layout.mail.html", "config/layout.mail.txt"] {
        texts.insert(file.into(), std::fs::read_to_string(root.join(file)).unwrap());
    }
    texts.insert("config/goals.yaml".into(), goals.into());
    texts.extend(segments.map(|text| ("config/segments.yaml".to_owned(), text.to_owned())));
    Applied::compile("goals", texts, BTreeMap::new()).unwrap()
}

fn program(config: &Config) -> &Program {
    config.program(&config.default_program).unwrap()
}

#[derive(Debug, Clone)]
struct Sale {
    id: usize,
    revision: u64,
    status: &'static str,
    day: i32,
    amount: i64,
    usd: bool,
}

fn noon(day: i32) -> Timestamp {
    Timestamp::from_second(i64::from(day) * 86_400 + 43_200).unwrap()
}

impl Sale {
    fn event(&self, at: usize) -> Event {
        let text = format!(
            r#"{{"id":"e{at}","kind":"conversion","program":"default","partner":"ada","occurred_at":"{0}","data":{{
               "conversion_id":"c{1}","revision":{2},"status":"{3}","amount":{4},"commission":1,"currency":"{5}","occurred_at":"{0}"}}}}"#,
            noon(self.day),
            self.id,
            self.revision,
            self.status,
            self.amount,
            if self.usd { "USD" } else { "EUR" },
        );
        decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), noon(self.day + 99))
            .unwrap()
            .event
    }

    /// In EUR, by looking at every line of the rates.
    fn eur(&self) -> Option<i64> {
        if !self.usd {
            return Some(self.amount);
        }
        let lines = RATES.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            (day::number(fields[0].parse().unwrap()), fields[3].parse::<f64>().unwrap())
        });
        let (_, rate) = lines.filter(|(on, _)| *on <= self.day && self.day - *on <= 7).last()?;
        Some((self.amount as f64 * rate).round() as i64)
    }
}

fn number(text: &str) -> i32 {
    day::number(text.parse::<Date>().unwrap())
}

fn log() -> impl Strategy<Value = Vec<(usize, Sale)>> {
    let status = prop::sample::select(vec!["pending", "approved", "paid", "reversed"]);
    let days = number("2026-01-20")..=number("2026-04-05");
    let sale = (0usize..8, status, days, 1i64..40_000, prop::bool::weighted(0.2))
        .prop_map(|(id, status, day, amount, usd)| Sale { id, revision: 0, status, day, amount, usd });
    prop::collection::vec(sale, 0..40)
        .prop_map(|mut all| {
            all.iter_mut().enumerate().for_each(|(at, sale)| sale.revision = at as u64);
            all.into_iter().enumerate().collect::<Vec<_>>()
        })
        // Tellings come in any order, and twice.
        .prop_flat_map(|all| Just(all.iter().chain(&all).cloned().collect::<Vec<_>>()).prop_shuffle())
}

fn play(log: &[(usize, Sale)], zone: &TimeZone) -> PartnerState {
    let rates = Rates::parse(RATES).unwrap();
    let context = FoldContext { zone, currency: Currency::EUR, rates: &rates };
    let (mut state, mut known) = (PartnerState::default(), BTreeMap::new());
    for (at, sale) in log {
        if let Folded::Conversion(merged) = fold(&mut state, known.get(&sale.id), &sale.event(*at), &context) {
            known.insert(sale.id, merged.state);
        }
        if at % 5 == 0 {
            state.close_through(number("2026-02-20"));
        }
    }
    state
}

/// The newest telling of each sale.
fn standing(log: &[(usize, Sale)]) -> Vec<Sale> {
    let mut newest: BTreeMap<usize, Sale> = BTreeMap::new();
    for (_, sale) in log {
        if newest.get(&sale.id).is_none_or(|known| known.revision < sale.revision) {
            newest.insert(sale.id, sale.clone());
        }
    }
    newest.into_values().collect()
}

/// Approved EUR of some days, or conversions of them; nothing where a sale among them has no value.
fn brute(sales: &[Sale], money: bool, from: i32, to: i32) -> Option<f64> {
    let within = || sales.iter().filter(|sale| (from..=to).contains(&sale.day));
    if !money {
        return Some(within().filter(|sale| sale.status != "reversed").count() as f64);
    }
    let amounts: Option<Vec<(i64, &str)>> = within().map(|sale| Some((sale.eur()?, sale.status))).collect();
    Some(
        amounts?
            .iter()
            .filter(|(_, status)| matches!(*status, "approved" | "paid"))
            .map(|(minor, _)| *minor as f64)
            .sum(),
    )
}

fn agreed_on(target: i64) -> BTreeMap<String, Agreement> {
    let terms = Terms {
        metric: "approved_revenue".into(),
        target,
        from: "2026-02-10".parse().unwrap(),
        to: "2026-03-20".parse().unwrap(),
        tell_at: vec![],
    };
    let mut agreement = Agreement::default();
    let proposal = Proposal { id: String::new(), terms, owner: None, by: None, at: noon(0), counter: None };
    assert!(agreement.apply("p", &Act::Propose(proposal), noon(0)));
    assert!(agreement.apply("p", &Act::Accept { counter: None }, noon(0)));
    [("own_approved_revenue".to_owned(), agreement)].into()
}

#[test]
fn a_sale_told_again_once_there_is_a_rate_gets_its_worth() {
    let day = number("2026-02-03");
    let sale = Sale { id: 1, revision: 0, status: "approved", day, amount: 10_000, usd: true };
    let (mut state, mut known) = (PartnerState::default(), None);
    let mut told = |at: usize, rates: &Rates| {
        let zone = TimeZone::UTC;
        let context = FoldContext { zone: &zone, currency: Currency::EUR, rates };
        if let Folded::Conversion(merged) = fold(&mut state, known.as_ref(), &sale.event(at), &context) {
            known = Some(merged.state);
        }
        [Measure::Unpriced, Measure::ApprovedRevenue].map(|measure| state.totals.get(measure))
    };
    assert_eq!(told(0, Rates::none()), [1, 0]);
    assert_eq!(told(1, &Rates::parse(RATES).unwrap()), [0, 9_000]);
    assert_eq!(told(2, Rates::none()), [0, 9_000], "and keeps it");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn progress_is_that_of_brute_force(log in log(), on in number("2026-02-25")..=number("2026-04-05"), target in 1i64..200_000) {
        let applied = applied();
        let program = program(&applied.rulebook.config);
        let mut state = play(&log, &program.zone);
        state.set_mark(marks::AGREEMENTS, agreed::to_mark(&agreed_on(target)));
        let facts = PartnerFacts {
            state: &state, rulebook: &applied, program, now: noon(on), began: None, reversed: None, figures: None,
            expectations: None,
        };
        let sales = standing(&log);
        let (march, end) = (number("2026-03-01"), number("2026-03-31"));
        let length = end - march + 1;
        let before = brute(&sales, false, march - length, march - 1).unwrap();
        let spring = brute(&sales, true, march, end);
        let more = brute(&sales, false, march, end);
        let own = brute(&sales, true, number("2026-02-10"), number("2026-03-20"));
        let check = |id: &str, value: Option<f64>, target: f64, from: i32, to: i32| {
            let goal = goals::own(&facts, id).unwrap();
            let progress = goal.progress(&facts);
            match value.filter(|_| target > 0.0) {
                None => assert!(progress.is_none(), "{id}: {progress:?}"),
                Some(value) => {
                    let progress = progress.unwrap();
                    assert!((progress.percent - 100.0 * value / target).abs() < 1e-9, "{id}: {value} of {target}: {progress:?}");
                    assert_eq!(progress.reached, value >= target, "{id}");
                    let gone = f64::from((on - from + 1).clamp(0, to - from + 1)) / f64::from(to - from + 1);
                    assert!((progress.time_percent - 100.0 * gone).abs() < 1e-9, "{id}: {gone}");
                    assert_eq!(progress.missed, on > to && value < target, "{id}");
                    let behind = (from..=to).contains(&on) && value < target && gone >= 0.25 && value / target < 0.8 * gone;
                    assert_eq!(progress.behind, behind, "{id}");
                }
            }
        };
        check("spring", spring, 80_000.0, march, end);
        check("more", more, 1.5 * before, march, end);
        check("own_approved_revenue", own, target as f64, number("2026-02-10"), number("2026-03-20"));
        prop_assert_eq!(goals::all(&facts).len(), 3);
        // Asked again with nothing new there is nothing to tell: a crash between telling and keeping repeats, never adds.
        if let Some((told, mark)) = goals::tell(&facts) {
            let again: Vec<_> = goals::tell(&facts).unwrap().0.into_iter().map(|telling| (telling.key, telling.moment)).collect();
            prop_assert_eq!(told.into_iter().map(|telling| (telling.key, telling.moment)).collect::<Vec<_>>(), again);
            let mut kept = state.clone();
            kept.set_mark(marks::GOALS, mark);
            let later = PartnerFacts { state: &kept, ..facts };
            prop_assert!(goals::tell(&later).is_none());
        }
    }
}

const FOR_THE_SMALL: &str = "goals:\n  push: { for: group small, metric: conversions, target: 10, from: 2026-03-01, to: 2026-03-31, tell_at: [50%] }\n";
const BY_SALES: &str =
    "groups:\n  big: { if: [conversions_28d >= 4], lane: first }\n  small: { else: true, lane: second }\n";

/// Whoever sells more moves to another group by that, and must not lose the goal by it.
#[test]
fn a_goal_stays_with_who_was_in_its_group_within_its_time() {
    let applied = applied_with(FOR_THE_SMALL, Some(BY_SALES));
    let program = program(&applied.rulebook.config);
    let sales = |days: &[&str]| -> Vec<(usize, Sale)> {
        let sale = |(at, day): (usize, &&str)| Sale {
            id: at,
            revision: 0,
            status: "approved",
            day: number(day),
            amount: 100,
            usd: false,
        };
        days.iter().enumerate().map(sale).enumerate().collect()
    };
    let early = ["2026-03-02"];
    let late = ["2026-03-02", "2026-03-10", "2026-03-10", "2026-03-11", "2026-03-11"];
    let look = |state: &PartnerState, on: &str| {
        let facts = PartnerFacts {
            state,
            rulebook: &applied,
            program,
            now: noon(number(on)),
            began: None,
            reversed: None,
            figures: None,
            expectations: None,
        };
        let told = goals::tell(&facts);
        let moments = told.as_ref().map_or(0, |(moments, _)| moments.len());
        (
            facts.group().map(|group| group.name.to_string()),
            goals::all(&facts).len(),
            moments,
            told.map(|(_, mark)| mark),
        )
    };
    let (group, goals, moments, mark) = look(&play(&sales(&early), &program.zone), "2026-03-05");
    assert_eq!((group.as_deref(), goals, moments), (Some("small"), 1, 0));
    let mut later = play(&sales(&late), &program.zone);
    // Who comes with so many is in the other group, and has no such goal.
    let (group, goals, moments, _) = look(&later, "2026-03-12");
    assert_eq!((group.as_deref(), goals, moments), (Some("big"), 0, 0));
    later.set_mark(marks::GOALS, mark.unwrap());
    let (group, goals, moments, _) = look(&later, "2026-03-12");
    assert_eq!((group.as_deref(), goals, moments), (Some("big"), 1, 1), "half of it is told");
}
