//! The engine's alarms against the dips that truly were.

use serde::Serialize;

use super::world::Dip;

/// An alarm within so many days of a dip's start found it.
const FOUND_WITHIN: i64 = 28;
/// Sizes by usual sales a week: name and least.
const SIZES: [(&str, f64); 3] = [("10 and more", 10.0), ("3 to 10", 3.0), ("below 3", 0.0)];

/// A signal that somebody sells less.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Of whom.
    pub partner: String,
    /// The day of the world.
    pub day: i64,
    /// A silence: raised for partners too small for a dip.
    pub is_silence: bool,
}

/// How well the alarms fit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Score {
    /// True dips.
    #[serde(rename = "true")]
    pub true_dips: usize,
    /// With a dip signal within 28 days of their start.
    pub found: usize,
    /// Without.
    pub missed: usize,
    /// Dip signals without a true dip.
    pub false_alarms: usize,
    /// False alarms per partner and year.
    pub false_alarms_per_partner_year: f64,
    /// By how much the partner usually sells.
    pub by_size: Vec<Size>,
}

/// The same for partners of one size.
#[derive(Debug, Clone, Serialize)]
pub struct Size {
    /// Usual conversions a week.
    pub sales_a_week: &'static str,
    /// True dips.
    #[serde(rename = "true")]
    pub true_dips: usize,
    /// Found.
    pub found: usize,
    /// Median days from start to alarm.
    pub median_days: Option<i64>,
    /// Not found, but a silence was noticed while they lasted.
    pub silence: usize,
    /// Neither.
    pub unnoticed: usize,
}

impl Score {
    /// Compares.
    pub fn of(dips: &[Dip], alarms: &[Alarm], partner_years: f64) -> Self {
        let mut score = Score { true_dips: dips.len(), ..Score::default() };
        for (place, (name, least)) in SIZES.iter().enumerate() {
            let most = place.checked_sub(1).map_or(f64::MAX, |larger| SIZES[larger].1);
            let of_size: Vec<&Dip> = dips.iter().filter(|dip| (*least..most).contains(&dip.usual_per_week)).collect();
            let mut delays: Vec<i64> = of_size.iter().filter_map(|dip| delay(dip, alarms)).collect();
            delays.sort_unstable();
            let silent = |dip: &&&Dip| delay(dip, alarms).is_none() && noticed_as_silence(dip, alarms);
            let silence = of_size.iter().filter(silent).count();
            score.found += delays.len();
            score.by_size.push(Size {
                sales_a_week: name,
                true_dips: of_size.len(),
                found: delays.len(),
                median_days: delays.get(delays.len() / 2).copied(),
                silence,
                unnoticed: of_size.len() - delays.len() - silence,
            });
        }
        score.missed = score.true_dips - score.found;
        let is_false = |alarm: &&Alarm| {
            !alarm.is_silence && !dips.iter().any(|dip| dip.partner == alarm.partner && belongs(dip, alarm.day))
        };
        score.false_alarms = alarms.iter().filter(is_false).count();
        score.false_alarms_per_partner_year =
            (score.false_alarms as f64 / partner_years.max(1e-9) * 1000.0).round() / 1000.0;
        score
    }
}

/// Days from the dip's start to the first alarm that found it.
fn delay(dip: &Dip, alarms: &[Alarm]) -> Option<i64> {
    let start = dip.start as i64;
    let of_dip = alarms.iter().filter(|alarm| !alarm.is_silence && alarm.partner == dip.partner);
    of_dip.map(|alarm| alarm.day - start).filter(|days| (0..=FOUND_WITHIN).contains(days)).min()
}

/// Whether an alarm on a day has this dip as its reason: while it lasts, or soon after its start.
fn belongs(dip: &Dip, day: i64) -> bool {
    let (start, end) = (dip.start as i64, dip.end as i64);
    (start..=end.max(start + FOUND_WITHIN)).contains(&day)
}

fn noticed_as_silence(dip: &Dip, alarms: &[Alarm]) -> bool {
    alarms.iter().any(|alarm| alarm.is_silence && alarm.partner == dip.partner && belongs(dip, alarm.day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_found_late_or_false() {
        let dip = |partner: &str, start, end| Dip {
            partner: partner.to_owned(),
            start,
            end,
            depth: 0.5,
            usual_per_week: 12.0,
        };
        let alarm = |partner: &str, day| Alarm { partner: partner.to_owned(), day, is_silence: false };
        let dips = [dip("a", 100, 150), dip("b", 100, 110), dip("c", 200, 260)];
        let silence = Alarm { is_silence: true, ..alarm("c", 230) };
        // b's alarm comes too late to have found it but within the dip's reach; d has no dip.
        let alarms = [alarm("a", 109), alarm("a", 140), alarm("b", 160), alarm("d", 5), silence];
        let score = Score::of(&dips, &alarms, 10.0);
        assert_eq!((score.true_dips, score.found, score.missed, score.false_alarms), (3, 1, 2, 2));
        assert_eq!(score.by_size[0].median_days, Some(9));
        assert_eq!((score.by_size[0].silence, score.by_size[0].unnoticed), (1, 1));
        assert!((score.false_alarms_per_partner_year - 0.2).abs() < 1e-9);
    }
}
