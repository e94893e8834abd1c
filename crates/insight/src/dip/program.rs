//! The programme's share of a day: how much more or less than normal everybody converted.
//!
//! The factor takes in weekday, promotion, holiday and outage at once, so that none of them looks like a dip of each partner.
//! Robust by weighting (a large noisy partner counts no more than its information) and by clipping (a viral post is one
//! partner's, not the programme's). Sums are exact integers, hence independent of the order of the parts.

use serde::{Deserialize, Serialize};

use super::packed::{Corrupt, Reader};
use super::part::DayPart;
use crate::top_share::{self, Limits, TopShare};

/// Partners with exposure below which a programme's factor would be those few partners' own noise.
pub const PARTNERS_MIN: u32 = 10;
/// A day this far (in log) below its weekday's normal is a programme outage: about half of normal.
const OUTAGE: f64 = -0.65;
/// Normal, for an outage, is the second lowest of the six weekdays: promotions lift a median for weeks, after which plain
/// days look like outages (1.4 false programme days a year by the median in simulation, .1 this way, all outages found).
const OUTAGE_RANK: usize = 1;
/// Same weekdays remembered, and how many are needed to call a day unusual.
const WEEKS: usize = 6;
const WEEKS_MIN: usize = 3;
const FIT_EVERY_DAYS: i32 = 7;

/// Gamma prior of the partners' daily rates, fitted weekly over the programme.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Prior {
    /// a0: conversions the prior is worth.
    pub shape: f32,
    /// b0: days the prior is worth.
    pub exposure: f32,
}

impl Default for Prior {
    /// Before the first fit: the skew common in partner programmes, two conversions a day on average, worth little.
    fn default() -> Self {
        Self { shape: 0.3, exposure: 0.15 }
    }
}

/// The coordinator's verdict over a programme's day, handed to every partner of it: pass 2 needs nothing else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DayClose {
    /// [Day number](crate::day::number).
    pub day: i32,
    /// f: conversions of the day over normal ones; 1 with fewer than [`PARTNERS_MIN`] partners.
    pub factor: f64,
    /// log f less its median on this weekday over the last six weeks; 0 while too few weeks are known.
    pub log_deviation: f64,
    /// The whole programme fell: no partner is judged by this day, none learns from it.
    pub outage: bool,
    /// Partners the factor rests on.
    pub partners: u32,
    /// The prior valid from this day on.
    pub prior: Prior,
    /// For each declared group by share, in that order: from which revenue on a partner belongs to it.
    pub top_share: Vec<Limits>,
    /// What an order brought over all partners against normal, by window of the revenue scan; none in records of an older binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_factors: Option<super::revenue::OrderFactors>,
    /// Approved revenue of 90 days from which on a partner is among the best; on the day of a week's look only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_limits: Option<crate::win::TierLimits>,
}

/// What the coordinator remembers of a programme from day to day.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramState {
    last_day: i32,
    fitted_on: i32,
    prior: Prior,
    /// Oldest first, per weekday.
    log_factors: [Vec<f32>; 7],
}

impl Default for ProgramState {
    fn default() -> Self {
        Self { last_day: i32::MIN, fitted_on: i32::MIN, prior: Prior::default(), log_factors: Default::default() }
    }
}

/// Closes a day: its verdict, and the state for the next. Parts may come in any order.
///
/// Days are closed in order. A day at or before the last closed one gives its factor again but leaves the state unchanged.
#[must_use]
pub fn close(day: i32, parts: &[DayPart], groups: &[TopShare], state: &ProgramState) -> (DayClose, ProgramState) {
    let mut next = state.clone();
    let new = day > state.last_day;
    let history = state.history(day);
    let usual = median(history);
    let partners = u32::try_from(parts.iter().filter(|part| part.eligible()).count()).unwrap_or(u32::MAX);
    let (mut factor_of_day, mut log_deviation, mut outage) = (1.0, 0.0, false);
    if partners >= PARTNERS_MIN {
        factor_of_day = factor(parts, usual.map_or(1.0, f64::exp));
        if let Some(usual) = usual.filter(|_| history.len() >= WEEKS_MIN) {
            log_deviation = factor_of_day.ln() - usual;
            outage = factor_of_day.ln() - ranked(history, OUTAGE_RANK).unwrap_or(usual) < OUTAGE;
        }
        if new {
            next.remember(day, factor_of_day.ln());
        }
    }
    if new {
        next.last_day = day;
        if day.saturating_sub(state.fitted_on) >= FIT_EVERY_DAYS {
            next.fitted_on = day;
            next.prior = fit(parts).unwrap_or(state.prior);
        }
    }
    let mut revenues: Vec<i64> = parts.iter().map(|part| part.revenue).collect();
    let close = DayClose {
        day,
        factor: factor_of_day,
        log_deviation,
        outage,
        partners,
        prior: next.prior,
        top_share: top_share::limits(&mut revenues, groups),
        order_factors: None,
        tier_limits: None,
    };
    (close, next)
}

/// f = (2 + Σ w·y) / (2 + Σ w·μ), w = 1/(1 + 2αμ), y clipped at μf + 3 sd + 1; three rounds.
fn factor(parts: &[DayPart], start: f64) -> f64 {
    let mut factor = start.clamp(1e-4, 1e4);
    for _ in 0..3 {
        let (mut seen, mut normal) = (ExactSum::default(), ExactSum::default());
        for part in parts.iter().filter(|part| part.eligible()) {
            let (mu, alpha) = (f64::from(part.mu), f64::from(part.alpha));
            let weight = 1.0 / (1.0 + 2.0 * alpha * mu);
            let here = mu * factor;
            let most = here + 3.0 * (here + alpha * here * here).sqrt() + 1.0;
            seen.add(weight * f64::from(part.y).min(most));
            normal.add(weight * mu);
        }
        factor = (2.0 + seen.value()) / (2.0 + normal.value());
    }
    factor.clamp(1e-4, 1e4)
}

/// Matches the first two moments of the partners' rates. The variance is lessened by what counting noise adds to it.
/// `None` with fewer than [`PARTNERS_MIN`] partners that have a few days behind them.
fn fit(parts: &[DayPart]) -> Option<Prior> {
    let known = || parts.iter().filter(|part| part.eligible() && part.exposure >= 3.0 && part.exposure.is_finite());
    let (mut n, mut rates, mut noise) = (0_u32, ExactSum::default(), ExactSum::default());
    for part in known() {
        let (rate, exposure) = (f64::from(part.count / part.exposure), f64::from(part.exposure));
        n += 1;
        rates.add(rate);
        noise.add(rate / exposure + f64::from(part.alpha) * rate * rate / exposure);
    }
    if n < PARTNERS_MIN {
        return None;
    }
    let mean = (rates.value() / f64::from(n)).max(1e-4);
    let mut squares = ExactSum::default();
    for part in known() {
        squares.add((f64::from(part.count / part.exposure) - mean).powi(2));
    }
    let variance = (squares.value() - noise.value()) / f64::from(n);
    // Bounds: one huge partner must not make the prior worthless, nor equal partners make it a certainty.
    let shape = if variance > 0.0 { (mean * mean / variance).clamp(0.1, 2.0) } else { 2.0 };
    Some(Prior { shape: shape as f32, exposure: (shape / mean) as f32 })
}

/// A sum in units of 2^-32, exact and therefore the same in every order.
#[derive(Default)]
struct ExactSum(i128);

impl ExactSum {
    fn add(&mut self, value: f64) {
        // The cast saturates and takes NaN as 0; the cap keeps a billion of them within i128.
        self.0 += (value.clamp(-1e18, 1e18) * 4_294_967_296.0) as i128;
    }

    fn value(&self) -> f64 {
        self.0 as f64 / 4_294_967_296.0
    }
}

fn median(values: &[f32]) -> Option<f64> {
    let middle = values.len() / 2;
    Some((ranked(values, middle)? + ranked(values, values.len().saturating_sub(1) / 2)?) / 2.0)
}

/// The value of that rank, 0 being the lowest.
fn ranked(values: &[f32], rank: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.get(rank).copied().map(f64::from)
}

const VERSION: u8 = 1;

impl ProgramState {
    /// The last closed day, if any was.
    #[must_use]
    pub fn last_day(&self) -> Option<i32> {
        (self.last_day > i32::MIN).then_some(self.last_day)
    }

    /// The prior of the last fit.
    #[must_use]
    pub fn prior(&self) -> Prior {
        self.prior
    }

    fn history(&self, day: i32) -> &[f32] {
        self.log_factors.get(day.rem_euclid(7) as usize).map_or(&[], Vec::as_slice)
    }

    /// Outages are remembered too: one in six moves neither median nor second lowest, and a lasting fall is normal
    /// after two weeks.
    fn remember(&mut self, day: i32, log_factor: f64) {
        if let Some(history) = self.log_factors.get_mut(day.rem_euclid(7) as usize) {
            if history.len() >= WEEKS {
                history.remove(0);
            }
            history.push(log_factor as f32);
        }
    }

    /// The state as bytes: at most 192.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.last_day.to_le_bytes());
        out.extend_from_slice(&self.fitted_on.to_le_bytes());
        out.extend_from_slice(&self.prior.shape.to_le_bytes());
        out.extend_from_slice(&self.prior.exposure.to_le_bytes());
        for history in &self.log_factors {
            out.push(history.len() as u8);
            history.iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        }
        out
    }

    /// The state of such bytes.
    ///
    /// # Errors
    /// [`Corrupt`] for another version, missing or surplus bytes, and numbers no state holds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader(bytes);
        if reader.u8()? != VERSION {
            return Err(Corrupt);
        }
        let (last_day, fitted_on) = (reader.i32()?, reader.i32()?);
        let prior = Prior { shape: reader.amount()?, exposure: reader.amount()? };
        let mut log_factors: [Vec<f32>; 7] = Default::default();
        for history in &mut log_factors {
            let length = usize::from(reader.u8()?);
            if length > WEEKS {
                return Err(Corrupt);
            }
            for _ in 0..length {
                history.push(reader.f32()?);
            }
        }
        reader.end()?;
        Ok(Self { last_day, fitted_on, prior, log_factors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(y: u32, mu: f32) -> DayPart {
        DayPart { y, mu, alpha: 0.2, count: mu * 30.0, exposure: 30.0, revenue: i64::from(y) * 4000 }
    }

    fn run(days: impl Iterator<Item = (i32, u32)>, partners: usize) -> Vec<DayClose> {
        let mut state = ProgramState::default();
        days.map(|(day, y)| {
            let (close, next) = close(day, &vec![part(y, 5.0); partners], &[], &state);
            state = next;
            close
        })
        .collect()
    }

    #[test]
    fn few_partners_make_no_programme() {
        let closes = run((0..60).map(|day| (day, if day == 50 { 0 } else { 5 })), 9);
        assert!(closes.iter().all(|close| close.factor == 1.0 && !close.outage && close.log_deviation == 0.0));
    }

    #[test]
    fn a_day_without_conversions_of_a_whole_programme_is_an_outage_at_once() {
        let closes = run((0..60).map(|day| (day, if day == 50 { 0 } else { 5 })), 100);
        let outages: Vec<i32> = closes.iter().filter(|close| close.outage).map(|close| close.day).collect();
        assert_eq!(outages, [50]);
    }

    #[test]
    fn closed_weekends_are_no_outage() {
        let closes = run((0..90).map(|day| (day, if day % 7 > 4 { 0 } else { 5 })), 100);
        assert!(closes.iter().all(|close| !close.outage));
    }

    #[test]
    fn a_lasting_fall_becomes_normal() {
        let closes = run((0..160).map(|day| (day, if day >= 60 { 1 } else { 5 })), 100);
        assert!(closes.iter().any(|close| close.outage));
        assert!(closes.iter().filter(|close| close.day >= 60 + 14).all(|close| !close.outage));
    }

    #[test]
    fn a_viral_post_is_not_the_programmes() {
        let mut parts = vec![part(5, 5.0); 50];
        parts.push(part(1_000_000, 5.0));
        let (close, _) = close(0, &parts, &[], &ProgramState::default());
        assert!((close.factor - 1.0).abs() < 0.1, "{}", close.factor);
    }

    #[test]
    fn a_day_closed_twice_changes_nothing() {
        let parts = vec![part(5, 4.0); 20];
        let (first, state) = close(3, &parts, &[], &ProgramState::default());
        let (_, again) = close(3, &parts, &[], &state);
        assert_eq!(state, again);
        assert!(first.factor > 1.0);
    }

    #[test]
    fn no_parts_and_senseless_parts_close_to_one() {
        assert_eq!(close(0, &[], &[], &ProgramState::default()).0.factor, 1.0);
        let bad = DayPart { mu: f32::NAN, alpha: f32::INFINITY, ..part(3, 1.0) };
        let (verdict, state) = close(0, &[bad; 30], &[], &ProgramState::default());
        assert_eq!((verdict.factor, verdict.partners), (1.0, 0));
        assert_eq!(state.prior(), Prior::default());
    }

    proptest! {
        #[test]
        fn the_order_of_parts_is_of_no_account(
            mut rows in prop::collection::vec((0_u32..1000, 0.0_f32..300.0), 0..60), day in -1000_i32..1000,
        ) {
            let all = |rows: &[(u32, f32)]| rows.iter().map(|(y, mu)| part(*y, *mu)).collect::<Vec<_>>();
            let forward = close(day, &all(&rows), &[], &ProgramState::default());
            rows.reverse();
            prop_assert_eq!(forward, close(day, &all(&rows), &[], &ProgramState::default()));
        }

        #[test]
        fn any_numbers_give_a_usable_factor(
            rows in prop::collection::vec((any::<u32>(), any::<f32>(), any::<f32>()), 0..40),
        ) {
            let parts: Vec<DayPart> =
                rows.iter().map(|(y, mu, alpha)| DayPart { alpha: *alpha, exposure: *alpha, ..part(*y, *mu) }).collect();
            let (close, state) = close(0, &parts, &[], &ProgramState::default());
            prop_assert!(close.factor > 0.0 && close.factor.is_finite());
            prop_assert!(close.prior.shape > 0.0 && close.prior.exposure > 0.0);
            prop_assert_eq!(ProgramState::decode(&state.encode()), Ok(state));
        }

        #[test]
        fn damaged_states_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..220)) {
            let _ = ProgramState::decode(&bytes);
        }

        #[test]
        fn states_survive_storage(factors in prop::collection::vec(0_u32..40, 0..80)) {
            let mut state = ProgramState::default();
            for (day, y) in (0..).zip(factors) {
                state = close(day, &[part(y, 5.0); 12], &[], &state).1;
            }
            let bytes = state.encode();
            prop_assert!(bytes.len() <= 192);
            prop_assert_eq!(ProgramState::decode(&bytes), Ok(state));
        }
    }
}
