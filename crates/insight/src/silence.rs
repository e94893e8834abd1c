//! Silence: no conversion for 2.5 times the partner's usual gap. For partners too small for a dip, and for those who stop.
//!
//! A rhythm of one's own instead of a fixed number of days: forty days are nothing to one who converts monthly and an
//! alarm to one who converts daily.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::day;

/// Conversion days before there is a rhythm to break.
pub const CONVERSION_DAYS_MIN: usize = 3;
/// Latest gaps the usual one is taken from.
pub const GAPS: usize = 12;
const TIMES_THE_GAP: f64 = 2.5;
const DAYS_MIN: f64 = 14.0;
/// Longer than any rhythm a history of 400 days can show; keeps a damaged figure from moving a timer out of reach.
const DAYS_MAX: f64 = 1000.0;

/// The usual gap in days: the median of the gaps between the latest [`GAPS`] + 1 conversion days.
/// `days` in any order, repeated days count once. `None` before [`CONVERSION_DAYS_MIN`] different days.
#[must_use]
pub fn usual_gap(days: impl IntoIterator<Item = Date>) -> Option<f64> {
    let mut days: Vec<Date> = days.into_iter().collect();
    days.sort_unstable();
    days.dedup();
    if days.len() < CONVERSION_DAYS_MIN {
        return None;
    }
    let recent = days.get(days.len().saturating_sub(GAPS + 1)..).unwrap_or(&days);
    let mut gaps: Vec<i32> = recent.windows(2).map(|pair| day::number(pair[1]) - day::number(pair[0])).collect();
    gaps.sort_unstable();
    let upper = f64::from(*gaps.get(gaps.len() / 2)?);
    let lower = f64::from(*gaps.get((gaps.len() - 1) / 2)?);
    Some((lower + upper) / 2.0)
}

/// A silence: what it is told with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// The first day of silence. It begins at that day's first instant in the programme's zone, unless a conversion came.
    pub begins_on: Date,
    /// The last conversion day before it.
    pub last_on: Date,
    /// The usual gap between conversion days, in days.
    pub usual_gap_days: f64,
    /// Whole days without a conversion at which it begins.
    pub after_days: i32,
}

/// When silence begins if nothing more comes: after 2.5 usual gaps, at least 14, whole days without a conversion.
///
/// Set a timer for the first instant of [`Silence::begins_on`]; a conversion in between moves it, one after it ends the
/// silence. `None` for a gap that is none (NaN, zero, negative).
#[must_use]
pub fn begins(last_on: Date, usual_gap_days: f64) -> Option<Silence> {
    if usual_gap_days.is_nan() || usual_gap_days <= 0.0 {
        return None;
    }
    let after_days = (TIMES_THE_GAP * usual_gap_days).ceil().clamp(DAYS_MIN, DAYS_MAX) as i32;
    let begins_on = day::plus(last_on, i64::from(after_days) + 1);
    Some(Silence { begins_on, last_on, usual_gap_days, after_days })
}

/// When silence begins for a partner with these conversion days; `None` before there is a rhythm.
#[must_use]
pub fn of(days: impl IntoIterator<Item = Date> + Clone) -> Option<Silence> {
    let gap = usual_gap(days.clone())?;
    begins(days.into_iter().max()?, gap)
}

impl Silence {
    /// Whole days without a conversion as seen on `today`, which itself is not over.
    #[must_use]
    pub fn days_silent(&self, today: Date) -> i32 {
        (day::number(today) - day::number(self.last_on) - 1).max(0)
    }

    /// Whether the partner is silent on `today`, if no conversion came since.
    #[must_use]
    pub fn lasts(&self, today: Date) -> bool {
        today >= self.begins_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn on(numbers: &[i32]) -> Vec<Date> {
        numbers.iter().map(|n| day::date_of(*n)).collect()
    }

    #[test]
    fn a_monthly_partner_is_silent_after_75_days() {
        let silence = of(on(&[0, 30, 60, 90])).unwrap();
        assert_eq!((silence.after_days, silence.usual_gap_days), (75, 30.0));
        assert_eq!(silence.begins_on, day::date_of(90 + 76));
        assert!(!silence.lasts(day::date_of(90 + 75)) && silence.lasts(day::date_of(90 + 76)));
        assert_eq!(silence.days_silent(silence.begins_on), 75);
    }

    #[test]
    fn nobody_is_silent_before_two_weeks() {
        assert_eq!(of(on(&(0..70).collect::<Vec<_>>())).unwrap().after_days, 14);
    }

    #[test]
    fn two_days_are_no_rhythm_and_repeated_days_are_one() {
        assert_eq!(of(on(&[])), None);
        assert_eq!(of(on(&[1, 9])), None);
        assert_eq!(of(on(&[1, 9, 9, 1])), None);
    }

    #[test]
    fn one_long_pause_does_not_change_a_rhythm() {
        assert_eq!(usual_gap(on(&[0, 5, 10, 15, 115, 120])), Some(5.0));
    }

    #[test]
    fn a_gap_that_is_none_begins_no_silence() {
        for gap in [0.0, -1.0, f64::NAN] {
            assert_eq!(begins(date(2026, 1, 1), gap), None);
        }
        assert_eq!(begins(date(2026, 1, 1), f64::INFINITY).unwrap().after_days, 1000);
        assert_eq!(begins(Date::MAX, 1.0).unwrap().begins_on, Date::MAX);
    }

    proptest! {
        #[test]
        fn the_order_of_days_is_of_no_account(mut days in prop::collection::vec(0_i32..400, 0..40)) {
            let forward = of(on(&days));
            days.reverse();
            prop_assert_eq!(&forward, &of(on(&days)));
            if let Some(silence) = forward {
                prop_assert!(silence.after_days >= 14 && f64::from(silence.after_days) >= 2.5 * silence.usual_gap_days);
            }
        }
    }
}
