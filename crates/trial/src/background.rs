//! The other partners of a test's programme: steady, noisy, the same in every run of a seed.
//!
//! A fifth of them bring four fifths of the sales, as in most programmes; so a partner of five sales a day is none of the
//! few, unless the test leaves the background out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rapport_insight::dip::{Budget, DayPart, Detector, ProgramState, program};

/// Order value of everybody's sales, in minor units.
const AMOUNT: i64 = 4_000;
/// Steady partners of one seed, from one day on. Days are worked out when they are first asked for.
#[derive(Debug)]
pub struct Background {
    first_day: i32,
    /// Days of revenue that groups by share compare.
    share_days: usize,
    partners: Vec<Steady>,
    state: ProgramState,
    noise: u64,
    days: Vec<Arc<Vec<DayPart>>>,
}

#[derive(Debug)]
struct Steady {
    detector: Detector,
    /// Sales a day, times 16.
    rate: u64,
    recent: std::collections::VecDeque<u32>,
}

/// First day, partners, seed, days of revenue that groups by share compare.
type Which = (i32, u32, u64, i32);

/// Backgrounds by what makes them the same, shared by all tests of a run.
#[derive(Debug, Default)]
pub struct Backgrounds {
    known: Mutex<BTreeMap<Which, Arc<Mutex<Background>>>>,
}

impl Backgrounds {
    /// The background that begins on a day.
    pub fn of(&self, first_day: i32, partners: u32, seed: u64, share_days: i32) -> Arc<Mutex<Background>> {
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let new = || Arc::new(Mutex::new(Background::new(first_day, partners, seed, share_days)));
        known.entry((first_day, partners, seed, share_days)).or_insert_with(new).clone()
    }
}

impl Background {
    fn new(first_day: i32, partners: u32, seed: u64, share_days: i32) -> Self {
        let partners = (0..partners)
            .map(|index| {
                // The first fifth brings 30 to 45 a day, the others 1 to 4.
                let few = index % 5 == 0;
                let step = u64::from(index / 5 % 16);
                let rate = if few { 480 + step * 15 } else { 16 + step * 3 };
                Steady { detector: Detector::default(), rate, recent: std::collections::VecDeque::new() }
            })
            .collect();
        Self {
            first_day,
            share_days: usize::try_from(share_days).unwrap_or_default(),
            partners,
            state: ProgramState::default(),
            noise: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            days: Vec::new(),
        }
    }

    /// Everybody's part of a day; nothing before the first.
    pub fn parts(&mut self, day: i32) -> Arc<Vec<DayPart>> {
        let Ok(index) = usize::try_from(day - self.first_day) else { return Arc::default() };
        while self.days.len() <= index {
            let day = self.first_day + self.days.len() as i32;
            let parts = self.live(day);
            self.days.push(Arc::new(parts));
        }
        self.days.get(index).cloned().unwrap_or_default()
    }

    fn live(&mut self, day: i32) -> Vec<DayPart> {
        let noise = &mut self.noise;
        let mut draw = || {
            *noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *noise >> 40
        };
        let share_days = self.share_days;
        let mut counts = Vec::with_capacity(self.partners.len());
        for partner in &mut self.partners {
            // Between three quarters and five quarters of the rate, rounded by chance.
            let wanted = partner.rate * (192 + draw() % 129) / 256;
            let count = u32::try_from((wanted + draw() % 16) / 16).unwrap_or_default();
            partner.recent.push_back(count);
            if partner.recent.len() > share_days {
                partner.recent.pop_front();
            }
            counts.push(count);
        }
        let parts: Vec<DayPart> = self
            .partners
            .iter()
            .zip(&counts)
            .filter_map(|(partner, count)| {
                let sold: i64 = partner.recent.iter().map(|count| i64::from(*count)).sum();
                partner.detector.part(day, *count, sold * AMOUNT)
            })
            .collect();
        let (close, next) = program::close(day, &parts, &[], &self.state);
        self.state = next;
        for (partner, count) in self.partners.iter_mut().zip(&counts) {
            partner.detector.close(*count, &close, Budget::default());
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_days_in_any_order_of_asking() {
        let backgrounds = Backgrounds::default();
        let one = backgrounds.of(100, 30, 1, 90);
        let late = one.lock().unwrap().parts(120);
        let again = Backgrounds::default().of(100, 30, 1, 90);
        let mut again = again.lock().unwrap();
        again.parts(101);
        assert_eq!(late, again.parts(120));
        assert!(again.parts(99).is_empty());
        assert_ne!(late, Backgrounds::default().of(100, 30, 2, 90).lock().unwrap().parts(120));
    }
}
