//! What a closed day says of a partner's orders beyond their number: what they bring each, and what was won.

use jiff::civil::Date;
use rapport_event::engine::SignalData;
use rapport_insight::{
    day,
    dip::{
        Budget, DayClose,
        revenue::{LOOKS_BACK, OrderDay, OrderSums, Orders, RevenueEvidence},
    },
    win::{self, ApprovedDay, Told, Win},
};
use rapport_partner::{Measure, PartnerState, SaleDay, SoldSums};
use serde::{Deserialize, Serialize};

use super::REVENUE_DAYS;
use crate::shard::facts::marks;

/// The kind of the signal that lasts.
pub const KIND: &str = "dip.revenue";
/// Days without an order of known worth after which nobody can say whether the dip goes on.
const FORGOTTEN_DAYS: i32 = 60;
/// Conversions within half a year below which the scan need not look.
const ORDERS_MIN: i64 = 20;

/// What a shard adds to the programme's day besides the parts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Besides {
    /// What orders brought against normal.
    pub orders: OrderSums,
    /// Approved revenue of 90 days of everybody who has some; on the day of a week's look only.
    #[serde(default)]
    pub approved: Vec<i64>,
    /// What was sold on that day, by order line; nothing in the parts of an older binary.
    #[serde(default, skip_serializing_if = "SoldSums::is_empty")]
    pub sold: SoldSums,
}

impl Besides {
    /// Adds a partner as of the close of a day.
    pub fn add(&mut self, state: &PartnerState, number: i32, ranked: bool) {
        let days = order_days(state, number, number - LOOKS_BACK + 1);
        if let Some(orders) = days.and_then(|days| Orders::of(&days, number)) {
            self.orders.add(&orders);
        }
        self.sold.add(&state.sold, number);
        if ranked {
            self.approved.extend(approved_revenue(state, number).filter(|revenue| *revenue > 0));
        }
    }

    /// Adds another shard's.
    pub fn merge(&mut self, other: Self) {
        self.orders.merge(&other.orders);
        self.sold.merge(&other.sold);
        self.approved.extend(other.approved);
    }

    /// Puts what they come to into the decision.
    pub fn decide(self, close: &mut DayClose) {
        close.order_factors = Some(self.orders.factors());
        close.tier_limits = win::tier_limits(self.approved);
    }
}

/// What a day means for the partner's dip of revenue.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RevenueDip {
    /// It was found today.
    Began(RevenueEvidence),
    /// It goes on.
    Lasts(RevenueEvidence),
    /// Orders bring again what they used to.
    Recovered(RevenueEvidence),
    /// Nothing was sold, or nothing of known worth, for so long that there is nothing to say.
    Forgotten,
}

/// Judges what orders bring. `None` when there is nothing to tell.
#[must_use]
pub fn judge(state: &PartnerState, number: i32, close: &DayClose, budget: Budget) -> Option<RevenueDip> {
    let factors = close.order_factors.unwrap_or([1.0; 3]);
    let lasting = state.lasting(KIND);
    let last = || priced_days(state, i32::MIN).last().map(|one| one.day);
    if lasting.is_some() && last().is_none_or(|last| last <= number - FORGOTTEN_DAYS) {
        return Some(RevenueDip::Forgotten);
    }
    if close.outage {
        return None;
    }
    // What goes on may have begun before the days that a normal is made of.
    let from = if lasting.is_some() { i32::MIN } else { number - LOOKS_BACK + 1 };
    let days = order_days(state, number, from)?;
    let orders = Orders::of(&days, number)?;
    match lasting {
        None => orders.found(number, &factors, budget).map(RevenueDip::Began),
        Some(signal) => {
            let (evidence, over) = orders.goes_on(number, &began(&signal.payload)?, &days, &factors);
            Some(if over { RevenueDip::Recovered(evidence) } else { RevenueDip::Lasts(evidence) })
        }
    }
}

/// The evidence a signal began with, from its payload.
fn began(payload: &str) -> Option<RevenueEvidence> {
    let data: SignalData = serde_json::from_str(payload).ok()?;
    let since: Date = data.since?;
    let normal = data.extra.get("normal_minor").and_then(serde_json::Value::as_f64)?;
    Some(RevenueEvidence { since: day::number(since), orders: 0.0, expected: 0.0, observed: 0.0, chance: 1.0, normal })
}

/// Orders by day from one on; `None` for who sells too little to be judged. Days on which the worth of a sale is not known are left
/// out: what conversions bring each is that of the others.
fn order_days(state: &PartnerState, number: i32, from: i32) -> Option<Vec<OrderDay>> {
    let enough = state.sum(Measure::Conversions, number - 210, number) >= ORDERS_MIN;
    let one = |sale: SaleDay| OrderDay { day: sale.day, orders: sale.conversions as f64, revenue: sale.revenue as f64 };
    enough.then(|| priced_days(state, from).into_iter().map(one).collect())
}

/// Days with sales from one on, all of known worth, in order.
fn priced_days(state: &PartnerState, from: i32) -> Vec<SaleDay> {
    let mut days = state.by_day_since(from, Measure::Conversions, Measure::Revenue);
    if !state.is_priced() {
        days.retain(|one| state.sum(Measure::Unpriced, one.day, one.day) <= 0);
    }
    days
}

/// What the best of a programme are compared by; none while a sale of these days has no rate.
fn approved_revenue(state: &PartnerState, number: i32) -> Option<i64> {
    let from = number - REVENUE_DAYS + 1;
    (state.sum(Measure::Unpriced, from, number) <= 0).then(|| state.sum(Measure::ApprovedRevenue, from, number))
}

/// Approved sales by day, with how many of the day's have no rate.
pub fn approved_days(state: &PartnerState) -> Vec<ApprovedDay> {
    let priced = state.is_priced();
    let one = |sale: SaleDay| ApprovedDay {
        day: sale.day,
        conversions: sale.conversions,
        revenue: sale.revenue,
        unpriced: if priced { 0 } else { state.sum(Measure::Unpriced, sale.day, sale.day).max(0) },
    };
    state.by_day(Measure::ApprovedConversions, Measure::ApprovedRevenue).into_iter().map(one).collect()
}

/// The wins of a week, and the mark of what was told if it changes.
#[must_use]
pub fn wins(state: &PartnerState, number: i32, close: &DayClose) -> Option<(Vec<Win>, Vec<u8>)> {
    let before: Option<Told> = state.mark(marks::WINS).and_then(|json| serde_json::from_slice(json).ok());
    let ranked = approved_revenue(state, number);
    let (wins, told) = win::look(&approved_days(state), number, ranked, close.tier_limits.as_ref(), before.as_ref());
    // Who sells is looked at for the first time before there is anything to tell, or the first win of everybody would be what was so
    // before the first look. Who never did need not be written for it.
    let begins = before.is_none() && (told != Told::default() || state.last_sale_day().is_some());
    let changed = begins || before.as_ref().is_some_and(|before| *before != told);
    changed.then(|| (wins, serde_json::to_vec(&told).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use rapport_insight::dip::{ProgramState, program};
    use rapport_partner::LastingSignal;

    use super::*;

    fn close(on: i32) -> DayClose {
        program::close(on, &[], &[], &ProgramState::default()).0
    }

    /// Two sales a day up to day 300, worth about 50.00 each, and half of that from day 250 to 279.
    fn partner() -> PartnerState {
        let mut state = PartnerState::default();
        for day in 0..300 {
            let worth = 8_000 + i64::from(day * 37 % 41) * 100;
            let worth = if (250..280).contains(&day) { worth / 2 } else { worth };
            for (measure, value) in [
                (Measure::Conversions, 2),
                (Measure::Revenue, worth),
                (Measure::ApprovedConversions, 2),
                (Measure::ApprovedRevenue, worth),
            ] {
                state.open.add(day, measure, value);
            }
        }
        state
    }

    /// The payload the engine writes, as far as it is read again.
    fn raise(state: &mut PartnerState, evidence: &RevenueEvidence) {
        let payload = serde_json::json!({
            "since": day::date_of(evidence.since).to_string(), "normal_minor": evidence.normal,
        });
        state.raise(LastingSignal {
            kind: KIND.into(),
            id: "dip-revenue:1".into(),
            since: jiff::Timestamp::UNIX_EPOCH,
            payload: payload.to_string().into(),
        });
    }

    #[test]
    fn a_dip_of_revenue_begins_lasts_and_ends() {
        let mut state = partner();
        let budget = Budget::default();
        let look = |state: &PartnerState, on: i32| judge(state, on, &close(on), budget);
        let found = (200..300).find(|on| look(&state, *on).is_some()).unwrap();
        assert!((252..265).contains(&found), "{found}");
        let Some(RevenueDip::Began(evidence)) = look(&state, found) else { panic!("it begins") };
        assert!((25..=55).contains(&evidence.drop_percent()), "{evidence:?}");
        raise(&mut state, &evidence);
        let Some(RevenueDip::Lasts(later)) = look(&state, 275) else { panic!("it lasts") };
        assert_eq!((later.since, later.normal), (evidence.since, evidence.normal));
        let end = (found + 1..300).find(|on| matches!(look(&state, *on), Some(RevenueDip::Recovered(_)))).unwrap();
        assert!((283..292).contains(&end), "{end}");
        assert_eq!(look(&state, 299 + FORGOTTEN_DAYS), Some(RevenueDip::Forgotten));
    }

    #[test]
    fn days_before_those_looked_at_make_no_difference() {
        let mut state = partner();
        state.open.add(100, Measure::Unpriced, 1);
        for on in 180..=330 {
            let seen = |from: i32| {
                let days = order_days(&state, on, from);
                days.and_then(|days| Orders::of(&days, on)).map(|orders| format!("{orders:?}"))
            };
            assert_eq!(seen(on - LOOKS_BACK + 1), seen(i32::MIN), "{on}");
            assert!(seen(i32::MIN).is_some() || on > 300, "{on}");
        }
    }

    #[test]
    fn an_outage_judges_nothing() {
        let outage = DayClose { outage: true, ..close(260) };
        assert_eq!(judge(&partner(), 260, &outage, Budget::default()), None);
    }

    #[test]
    fn a_day_with_a_sale_without_a_rate_is_left_out_and_the_others_are_judged() {
        let (mut state, budget) = (partner(), Budget::default());
        // Two sales of which one counts as nothing look like half the worth.
        for day in (100..240).step_by(9) {
            state.open.add(day, Measure::Unpriced, 1);
            state.open.add(day, Measure::Revenue, -4_000);
        }
        let without = |on: i32| judge(&state, on, &close(on), budget);
        assert!((200..250).all(|on| without(on).is_none()));
        let found = (250..270).find(|on| without(*on).is_some()).unwrap();
        let Some(RevenueDip::Began(evidence)) = without(found) else { panic!("it begins") };
        raise(&mut state, &evidence);
        // From then on nothing of known worth: whether it goes on cannot be said for ever.
        for day in found + 1..300 {
            state.open.add(day, Measure::Unpriced, 1);
        }
        let late = found + FORGOTTEN_DAYS;
        assert_eq!(judge(&state, late, &close(late), budget), Some(RevenueDip::Forgotten));
        let early = late - 1;
        assert_ne!(judge(&state, early, &close(early), budget), Some(RevenueDip::Forgotten));
    }

    /// What is told of a best month and of a place, of one who was looked at before.
    fn told(state: &PartnerState, number: i32) -> Vec<String> {
        let mut state = state.clone();
        state.set_mark(marks::WINS, serde_json::to_vec(&Told::default()).unwrap());
        let close = DayClose { tier_limits: Some([1, 1, 1, i64::MAX, i64::MAX]), ..close(number) };
        let (found, _) = wins(&state, number, &close).unwrap();
        found.iter().map(Win::id).filter(|id| !id.starts_with("streak")).collect()
    }

    #[test]
    fn a_sale_without_a_rate_silences_what_it_could_have_changed() {
        let mut state = partner();
        // July, days 181 to 211, brought more than any before.
        (181..212).for_each(|day| state.open.add(day, Measure::ApprovedRevenue, 2_000));
        let both = ["personal-best:1970-07-01", "rank-top-10"];
        assert_eq!(told(&state, 213), both);
        let without = |day: i32| {
            let mut state = state.clone();
            state.open.add(day, Measure::Unpriced, 1);
            told(&state, 213)
        };
        assert_eq!(without(40), both, "a sale of February is no reason to say nothing");
        assert_eq!(without(150), both[..1], "of the last 90 days it is not known what was sold");
        assert!(without(190).is_empty(), "nor what July brought");
        // Who is compared with others is known by the same days.
        let mut besides = Besides::default();
        besides.add(&state, 213, true);
        state.open.add(40, Measure::Unpriced, 1);
        besides.add(&state, 213, true);
        assert_eq!(besides.approved.len(), 2);
        state.open.add(150, Measure::Unpriced, 1);
        besides.add(&state, 213, true);
        assert_eq!(besides.approved.len(), 2);
    }

    #[test]
    fn the_first_win_of_a_newcomer_is_told() {
        let mut state = PartnerState::default();
        let mut told = Vec::new();
        for week in 0..13 {
            // Recorded on its day, approved four weeks later.
            state.open.add(7 * week, Measure::Conversions, 1);
            if week >= 4 {
                state.open.add(7 * (week - 4), Measure::ApprovedConversions, 1);
            }
            let sunday = 7 * week + 3;
            if let Some((wins, mark)) = wins(&state, sunday, &close(sunday)) {
                told.extend(wins.iter().map(|win| (week, win.id())));
                state.set_mark(marks::WINS, mark);
            }
        }
        assert_eq!(told, [(7, "streak-4:1969-12-29".to_owned())]);
    }

    #[test]
    fn wins_are_kept_in_the_mark_and_told_once() {
        let mut state = partner();
        let (wins_at_first, mark) = wins(&state, 150, &close(150)).unwrap();
        assert_eq!(wins_at_first, []);
        state.set_mark(marks::WINS, mark);
        let ranked = DayClose { tier_limits: Some([1, 1, 1, i64::MAX, i64::MAX]), ..close(157) };
        let (told, mark) = wins(&state, 157, &ranked).unwrap();
        assert_eq!(told.iter().map(Win::id).collect::<Vec<_>>(), ["rank-top-10"]);
        state.set_mark(marks::WINS, mark);
        assert_eq!(wins(&state, 157, &ranked), None, "nothing new");
        assert_eq!(wins(&PartnerState::default(), 157, &ranked), None, "who never sold is not written");
    }
}
