//! Every figure of the catalogue, a partner's and a programme's, equals what brute force makes of the same log: reversals, revisions,
//! what comes late, two currencies with daily rates and days without one, days of a zone with a summer time, veterans of an unknown
//! past and opening balances. A figure that brute force does not know fails the test.

mod brute;
mod log;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use rapport_partner::{
    Figure, FigureContext, FigureValue, FoldContext, Folded, Foresee, Foreseen, PartnerState, ProgramFigure,
    ProgramSums, Rates, StartMark, fold,
    metric::{self, Metric, Scope},
    program::Reach,
};
use rapport_rule::Currency;

use brute::Brute;
use log::{PARTNERS, RATES, TODAY, Told, zone};

/// How many days ago a programme began: longer than any window before, within those of 90 days, of 28 days, of a week.
const BEGAN: [i32; 4] = [200, 150, 40, 10];

/// The instant of the programme's first event.
fn began(days_ago: i32) -> Timestamp {
    Timestamp::from_second(i64::from(TODAY - days_ago) * 86_400).unwrap()
}

/// Order value of the programme as of its last closed day, by window.
const OF_ALL: [(&str, f64); 2] = [("revenue_28d", 123_456.0), ("revenue_90d", 654_321.0)];

/// Says what a fit would be asked with: all of it enters the number.
#[derive(Debug)]
struct Asked;

impl Foresee for Asked {
    fn foresee(&self, state: &PartnerState, what: Foreseen, context: &FigureContext<'_>) -> Option<f64> {
        let selling = state.selling(context);
        let days = selling.days.iter().map(|one| (one.day, one.conversions, one.revenue));
        Some(asked(days, selling.priced, selling.began, selling.active, what))
    }
}

fn asked(
    days: impl Iterator<Item = (i32, i64, i64)>,
    priced: bool,
    began: Option<i32>,
    active: bool,
    what: Foreseen,
) -> f64 {
    let place = Foreseen::ALL.iter().position(|known| *known == what).unwrap() as f64;
    let sold =
        days.fold(0.0, |sum, (day, count, worth)| sum * 0.5 + f64::from(day) + 3.0 * count as f64 + worth as f64);
    let flags = f64::from(u8::from(priced)) + 2.0 * f64::from(u8::from(active));
    (place + 10.0 * flags + sold + began.map_or(0.5, f64::from)).round()
}

fn by_brute(brute: &Brute<'_>, partner: usize, what: Foreseen) -> f64 {
    let days = brute.sale_days(partner).into_iter();
    let unknown = brute.is_veteran(partner)
        || brute.opening(partner).is_some_and(|told| told.data["opening"]["conversions"] != 0);
    let began = brute.approved(partner).filter(|_| !unknown).map(log::local);
    let days = days.map(|(day, (count, worth))| (day, count, worth));
    asked(days, brute.is_priced(partner), began, brute.is_active(partner), what)
}

fn number(value: Option<FigureValue>) -> Option<f64> {
    Some(match value? {
        FigureValue::Count(count) => count as f64,
        FigureValue::Money(money) => money.minor as f64,
        FigureValue::Number(number) | FigureValue::Percent(number) => number,
    })
}

fn same(what: &str, found: Option<f64>, expected: Option<f64>) -> Result<(), TestCaseError> {
    let near = match (found, expected) {
        (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        (found, expected) => found == expected,
    };
    prop_assert!(near, "{}: {:?}, by brute force {:?}", what, found, expected);
    Ok(())
}

/// Folds the log; marks every partner's sums after `start` tellings.
fn play(log: &[Told], start: usize) -> (Vec<PartnerState>, Vec<StartMark>) {
    let (zone, rates) = (zone(), Rates::parse(RATES).unwrap());
    let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: &rates };
    let mut states = vec![PartnerState::default(); PARTNERS];
    let mut known = HashMap::new();
    let mut marks: Vec<StartMark> = states.iter().map(StartMark::of).collect();
    for (at, told) in log.iter().enumerate() {
        if at == start {
            marks = states.iter().map(StartMark::of).collect();
        }
        let event = told.event(at);
        let state = &mut states[told.partner];
        let id = event.conversion().map(|data| (told.partner, data.conversion_id.to_string()));
        let before = id.as_ref().and_then(|id| known.get(id));
        if let Folded::Conversion(merged) = fold(state, before, &event, &context) {
            known.insert(id.expect("a conversion has an id"), merged.state);
        }
        // Days close while tellings still come late.
        if at % 5 == 0 {
            state.close_through(TODAY - 20);
        }
    }
    (states, marks)
}

fn reach() -> impl Strategy<Value = Reach> {
    any::<(bool, bool, bool, Option<bool>)>().prop_map(|(opted_out, suppressed, complained, churned)| Reach {
        opted_out,
        suppressed,
        complained,
        churned,
    })
}

/// The comparison would be worth little if some figure were always missing or nothing.
#[test]
fn every_figure_has_something_to_compare() {
    let mut runner = TestRunner::deterministic();
    let mut silent: Vec<Metric> = metric::catalogue().into_iter().filter(|one| !is_foreseen(one.name)).collect();
    for _ in 0..400 {
        let log = log::log().new_tree(&mut runner).unwrap().current();
        let reach = reach().new_tree(&mut runner).unwrap().current();
        let start = log.len() / 3;
        let brute = Brute { log: &log, reach: [reach; PARTNERS], began: began(150) };
        let then = Brute { log: &log[..start], reach: [reach; PARTNERS], began: began(150) };
        let says = |scope: Scope, name: &str| {
            let values: Vec<Option<f64>> = match scope {
                Scope::Partner => (0..PARTNERS).map(|partner| brute.figure(partner, name, &then, 123_456.0)).collect(),
                Scope::Program => vec![brute.of_program(name)],
            };
            values.into_iter().flatten().any(|value| value != 0.0)
        };
        silent.retain(|one| !one.examples().iter().any(|name| says(one.scope, name)));
    }
    assert_eq!(silent, Vec::new());
}

/// The comparison would not see the rule of windows that nobody listened to, if it never made a difference.
#[test]
fn windows_before_are_missing_of_some_and_known_of_others() {
    let mut runner = TestRunner::deterministic();
    let of_each = ["conversions_28d_before", "active_days_28d_before", "revenue_growth_28d", "conversions_growth_90d"];
    let of_all = ["conversions_growth_28d", "churn_rate_28d", "churn_rate_90d"];
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for _ in 0..150 {
        let log = log::log().new_tree(&mut runner).unwrap().current();
        let heard = |began| Brute { log: &log, reach: [Reach::default(); PARTNERS], began };
        let whole = heard(Timestamp::MIN);
        for some in BEGAN.map(|days_ago| heard(began(days_ago))) {
            let mut judge = |name: String, told: Option<f64>, all: Option<f64>| {
                let (silenced, known) = counted.entry(name).or_default();
                *silenced += usize::from(told.is_none() && all.is_some_and(|all| all != 0.0));
                *known += usize::from(told.is_some());
            };
            for name in of_each {
                for partner in 0..PARTNERS {
                    let of = |brute: &Brute<'_>| brute.figure(partner, name, &whole, 0.0);
                    judge(name.to_owned(), of(&some), of(&whole));
                }
            }
            for name in of_all {
                judge(format!("program.{name}"), some.of_program(name), whole.of_program(name));
            }
        }
    }
    assert_eq!(counted.len(), of_each.len() + of_all.len());
    assert!(counted.values().all(|(silenced, known)| *silenced > 0 && *known > 0), "{counted:?}");
}

fn is_foreseen(name: &str) -> bool {
    Foreseen::ALL.iter().any(|known| known.name() == name)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_figure_is_that_of_brute_force(
        log in log::log(),
        reach in prop::array::uniform4(reach()),
        start in 0_usize..60,
        days_ago in prop::sample::select(BEGAN.to_vec()),
    ) {
        let began = began(days_ago);
        let start = start.min(log.len() - 1);
        let (states, marks) = play(&log, start);
        let (brute, then) = (Brute { log: &log, reach, began }, Brute { log: &log[..start], reach, began });
        let zone = zone();
        let program = BTreeMap::from(OF_ALL.map(|(name, value)| (name.to_owned(), value)));
        let context = |mark| FigureContext {
            today: TODAY,
            zone: &zone,
            currency: Currency::EUR,
            program_began_at: Some(began),
            program: Some(&program),
            start: mark,
            foresee: Some(&Asked),
        };
        for (partner, (state, mark)) in states.iter().zip(&marks).enumerate() {
            let context = context(Some(mark));
            for name in Figure::examples() {
                let figure = Figure::parse(&name).unwrap();
                let expected = match figure {
                    Figure::Foreseen(what) => Some(by_brute(&brute, partner, what)),
                    _ => {
                        let all = OF_ALL.iter().find(|(of, _)| name.ends_with(of.trim_start_matches("revenue"))).map_or(0.0, |(_, all)| *all);
                        brute.figure(partner, &name, &then, all)
                    }
                };
                same(&format!("p{partner} {name}"), number(state.figure(&figure, &context)), expected)?;
            }
        }
        // One after the other, and as shards' parts merged the other way round.
        let context = context(None);
        let (mut sums, mut parts) = (ProgramSums::default(), Vec::new());
        for (state, reach) in states.iter().zip(reach) {
            sums.add(state, reach, &context);
            let mut part = ProgramSums::default();
            part.add(state, reach, &context);
            parts.push(serde_json::from_str::<ProgramSums>(&serde_json::to_string(&part).unwrap()).unwrap());
        }
        let mut merged = ProgramSums::default();
        parts.iter().rev().for_each(|part| merged.merge(part));
        prop_assert_eq!(&merged, &sums);
        for figure in ProgramFigure::all() {
            let name = figure.to_string();
            same(&format!("program.{name}"), number(sums.figure(figure, Currency::EUR)), brute.of_program(&name))?;
        }
    }
}
