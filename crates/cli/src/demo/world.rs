//! A programme that might exist: partners with names and habits, and a year of what happens to them.
//!
//! Pure and seeded: the same seed and the same mails give the same events, byte for byte. It speaks the event contract like any
//! tracker. It knows its dips; nobody tells the engine.

mod chance;
mod partner;
mod people;
mod plan;
mod reaction;
mod rhythm;
mod sale;
mod telling;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

pub use plan::Dip;
pub use reaction::{Asked, OptOut, ReceivedMail};
pub use telling::{Told, later};

use partner::{Partner, midnight};
use rhythm::Rhythm;
use telling::Telling;

/// The first day of the world.
pub const START: Date = date(2026, 1, 1);

/// What world is wanted.
#[derive(Debug, Clone)]
pub struct WorldSettings {
    /// The programme's id.
    pub program: String,
    /// The programme's zone.
    pub zone: TimeZone,
    /// Same seed, same world.
    pub seed: u64,
    /// How many partners, those who join later included.
    pub partners: usize,
    /// How many days.
    pub days: usize,
}

/// The world, lived through up to some day.
#[derive(Debug)]
pub struct World {
    settings: WorldSettings,
    zone: TimeZone,
    partners: Vec<Partner>,
    by_id: BTreeMap<String, usize>,
    rhythm: Rhythm,
    telling: Telling,
    /// The next day to live.
    day: usize,
}

impl World {
    /// A world before its first day.
    pub fn new(settings: WorldSettings) -> Self {
        let WorldSettings { seed, partners, days, .. } = settings;
        let mut taken = BTreeSet::new();
        let partners: Vec<Partner> = (0..partners)
            .map(|number| {
                let mut rng = chance::stream(seed, 0x1000 + number as u64);
                let person = people::draw(&mut rng, number, &mut taken);
                let plan = plan::Plan::draw(&mut rng, &person.id, days);
                Partner::new(person, plan, rng)
            })
            .collect();
        let by_id = partners.iter().enumerate().map(|(place, partner)| (partner.person.id.clone(), place)).collect();
        Self {
            zone: settings.zone.clone(),
            partners,
            by_id,
            rhythm: Rhythm::draw(seed, START, days),
            telling: Telling::new(seed, &settings.program),
            settings,
            day: 0,
        }
    }

    /// The programme's id.
    pub fn program(&self) -> &str {
        &self.settings.program
    }

    /// The first instant of a day (0 is the first).
    pub fn midnight(&self, day: usize) -> Timestamp {
        midnight(rhythm::on(START, day), &self.zone)
    }

    /// One past the last instant.
    pub fn end(&self) -> Timestamp {
        self.midnight(self.settings.days)
    }

    /// From when workflows are deployed: after the veterans were introduced, so that nobody of them is welcomed.
    pub fn deployed_at(&self) -> Timestamp {
        later(self.midnight(0), 30)
    }

    /// When the next record is delivered; `None` after the last day.
    pub fn next_at(&mut self) -> Option<Timestamp> {
        while self.day < self.settings.days && self.telling.next_at().is_none_or(|at| at >= self.midnight(self.day)) {
            self.live_a_day();
        }
        self.telling.next_at().filter(|at| *at < self.end())
    }

    /// Everything delivered up to and including the instant.
    pub fn take_until(&mut self, until: Timestamp) -> Vec<Told> {
        while self.day < self.settings.days && self.midnight(self.day) <= until {
            self.live_a_day();
        }
        let last = later(self.end(), -1);
        self.telling.take_until(until.min(last))
    }

    fn live_a_day(&mut self) {
        let from = self.midnight(self.day);
        for partner in &mut self.partners {
            partner.live(self.day, START, from, &self.rhythm, &mut self.telling);
        }
        self.day += 1;
    }

    /// The true dips, by start.
    pub fn dips(&self) -> Vec<Dip> {
        let mut dips: Vec<Dip> = self.partners.iter().filter_map(|partner| partner.plan.dip.clone()).collect();
        dips.sort_by_key(|dip| dip.start);
        dips
    }

    /// First day and days of the outage, if there is one.
    pub fn outage(&self) -> Option<(usize, usize)> {
        self.rhythm.outage
    }

    /// The day of the world an instant lies in, in the programme's zone.
    pub fn day_of(&self, at: Timestamp) -> i64 {
        let day = at.to_zoned(self.zone.clone()).date();
        day.since(START).map_or(0, |span| i64::from(span.get_days()))
    }

    /// The date of a day.
    pub fn date(&self, day: usize) -> Date {
        rhythm::on(START, day)
    }

    /// Everybody's ids.
    pub fn partners(&self) -> impl Iterator<Item = &str> {
        self.partners.iter().map(|partner| partner.person.id.as_str())
    }

    /// Lets partners react to mails they received; comes back with those who want no more of a topic.
    pub fn react(&mut self, mut mails: Vec<ReceivedMail>) -> Vec<OptOut> {
        // Several mailers deliver in any order.
        mails.sort_by(|a, b| (a.at, &a.message).cmp(&(b.at, &b.message)));
        let mut gone = Vec::new();
        for mail in mails {
            let Some(partner) = self.by_id.get(&mail.partner).and_then(|place| self.partners.get(*place)) else {
                continue;
            };
            gone.extend(reaction::react(self.settings.seed, partner, &mail, &mut self.telling));
        }
        gone
    }
}

#[cfg(test)]
mod tests;
