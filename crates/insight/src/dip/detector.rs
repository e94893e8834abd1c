//! One partner's detector: what is normal, the last 28 days, and whether a dip lasts.

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::evidence::Evidence;
use super::open_dip::OpenDip;
use super::packed::{self, Corrupt, LEFT_OUT, Reader, WEIGHTS};
use super::part::DayPart;
use super::program::{DayClose, Prior};

// The settings below were chosen together, on simulated programmes and on real retail counts at once; what wins in one
// alone (a longer memory in simulation, a shorter one in retail) loses in the other.

/// Days a window may span.
const WINDOW: usize = 28;
/// Days before a day counts as normal: a dip must not hide itself while it is being found.
const LAG: i32 = 7;
/// Exposure days before a partner takes part in its programme's factor, and before it is judged.
const PART_FROM: u16 = 10;
const JUDGE_FROM: u16 = 60;
/// Memory of the rate in days: short while young, so that a start is soon forgotten.
const MEMORY: f32 = 90.0;
/// Memory of overdispersion in days.
const ALPHA_MEMORY: f32 = 60.0;
/// Memory of the partner's own past scores in days.
const SCORE_MEMORY: f32 = 70.0;
/// Standard deviations beyond which a high day is taken as so high: posts that go round are not the partner's normal.
const CLIP: f32 = 2.0;
/// Exposure days up to which the rate takes high days as they are, and weekdays are the programme's.
const YOUNG: u16 = 14;
const MEMORY_YOUNG: f32 = 15.0;
const WEEKDAY_MEMORY: f32 = 180.0;
/// Weight, in counts, of "this partner's weekdays are the programme's".
const WEEKDAY_PRIOR: f32 = 120.0;
/// Overdispersion expected before anything is known, and its weight in days.
const ALPHA: f32 = 0.2;
const ALPHA_PRIOR: f32 = 60.0;
const ALPHA_MIN: f32 = 0.01;
const ALPHA_MAX: f32 = 10.0;
/// Posterior standard deviations an expectation is lowered by.
const DOUBT: f32 = 0.3;
/// How much of the programme's unusualness a partner may miss: partners react to promotions each in their own way.
const ELASTICITY: f32 = 0.5;
/// Bounds of the ratio a window may claim: never "nothing at all", never a trifle.
const RATIO_MIN: f32 = 0.02;
const RATIO_MAX: f32 = 0.75;
/// ln .75
const LN_RATIO_MAX: f32 = -0.287_682_07;
/// Own past scores: what is usual for anybody, its weight in days, and the cap of a single one.
const SCORE_USUAL: f32 = 0.8;
const SCORE_PRIOR: f32 = 60.0;
const SCORE_MAX: f32 = 10.0;
/// Below one conversion a week no method finds a dip; such partners are judged by silence.
const RATE_MIN: f32 = 1.0 / 7.0;
/// A day's conversions beyond this count as this, in what was seen and in what is normal: so many are a tracker's mistake, and sums of
/// them would leave the precision a state is stored in. A fall from above to above is not seen.
pub const COUNT_MAX: u32 = 100_000;
/// Share of expectation that three days must reach together to end a dip.
const RECOVERED: f32 = 0.85;

/// A partner's detector. At most 256 bytes stored; kept in stored precision, so a restart changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Detector {
    last_day: i32,
    exposure_days: u16,
    /// A and B: discounted winsorised conversions and exposure, up to seven days ago.
    count: f32,
    exposure: f32,
    prior: (u16, u16),
    /// Sums behind α: squared deviation beyond Poisson, and squared mean.
    alpha: (f32, f32),
    weekday_seen: [u16; 7],
    weekday_expected: [u16; 7],
    /// Slot of a day is day mod 28.
    seen: [u16; WINDOW],
    expected: [u16; WINDOW],
    weight: [u8; WINDOW],
    /// Exposure and score of the last week, not yet learnt. Slot of a day is day mod 7.
    recent_exposure: [u16; 7],
    recent_score: [u16; 7],
    score_sum: f32,
    score_days: f32,
    dip: Option<OpenDip>,
}

/// Whether a day's score may raise a dip, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The score counts.
    Judged,
    /// Fewer than 60 days of exposure.
    TooYoung,
    /// Normally less than about one conversion a week: judged by silence instead.
    TooFew,
    /// The whole programme fell on this day.
    Outage,
    /// The day was closed before.
    Closed,
}

impl Standing {
    /// The stable name of this standing.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Judged => "judged",
            Self::TooYoung => "too_young",
            Self::TooFew => "too_few",
            Self::Outage => "outage",
            Self::Closed => "closed",
        }
    }
}

/// What a day's close says about the partner's dip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dip {
    /// No dip, or none that can be judged.
    None,
    /// A dip was found today.
    Began(Evidence),
    /// The dip found earlier goes on; the evidence is the newest.
    Lasts(Evidence),
    /// The dip ended: the last three days together reached 85 % of expectation.
    Recovered(Evidence),
}

/// Outcome of a partner's day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How strongly the last days speak for a dip, by the partner's own standard; 0 or more.
    pub score: f32,
    /// Whether the score counts.
    pub standing: Standing,
    /// Evidence of the window behind the score, `None` when nothing speaks for a dip.
    pub window: Option<Evidence>,
    /// What begins, lasts or ends.
    pub dip: Dip,
}

/// Score and window of one scan, in sums not lowered by doubt.
struct Scan {
    score: f32,
    days: usize,
}

impl Default for Detector {
    fn default() -> Self {
        Self {
            last_day: i32::MIN,
            exposure_days: 0,
            count: 0.0,
            exposure: 0.0,
            prior: {
                let prior = Prior::default();
                (packed::half(prior.shape), packed::half(prior.exposure))
            },
            alpha: (0.0, 0.0),
            weekday_seen: [0; 7],
            weekday_expected: [0; 7],
            seen: [0; WINDOW],
            expected: [0; WINDOW],
            weight: [LEFT_OUT; WINDOW],
            recent_exposure: [0; 7],
            recent_score: [0; 7],
            score_sum: 0.0,
            score_days: 0.0,
            dip: None,
        }
    }
}

fn week(day: i32) -> usize {
    day.rem_euclid(7) as usize
}

fn slot(day: i32) -> usize {
    day.rem_euclid(WINDOW as i32) as usize
}

impl Detector {
    /// The last closed day, if any was.
    #[must_use]
    pub fn last_day(&self) -> Option<i32> {
        (self.last_day > i32::MIN).then_some(self.last_day)
    }

    /// Days the partner was exposed to conversions: closed days less outages.
    #[must_use]
    pub fn exposure_days(&self) -> u16 {
        self.exposure_days
    }

    /// Conversions a day that are normal for the partner when nothing is special about the day.
    #[must_use]
    pub fn rate(&self) -> f32 {
        let prior = self.prior();
        (self.count + prior.shape) / (self.exposure + prior.exposure).max(1e-6)
    }

    fn prior(&self) -> Prior {
        Prior { shape: packed::whole(self.prior.0), exposure: packed::whole(self.prior.1) }
    }

    fn overdispersion(&self) -> f32 {
        ((ALPHA * ALPHA_PRIOR + self.alpha.0) / (ALPHA_PRIOR + self.alpha.1)).clamp(ALPHA_MIN, ALPHA_MAX)
    }

    fn weekday_factor(&self, day: i32) -> f32 {
        let seen = packed::whole(self.weekday_seen[week(day)]);
        let expected = packed::whole(self.weekday_expected[week(day)]);
        (WEEKDAY_PRIOR + seen) / (WEEKDAY_PRIOR + expected)
    }

    /// Pass 1: what the partner adds to the programme's day. `y` are the day's conversions, `revenue` what groups by share
    /// compare. `None` when there is nothing to add: too new for the factor, and without revenue.
    #[must_use]
    pub fn part(&self, day: i32, y: u32, revenue: i64) -> Option<DayPart> {
        let (eligible, y) = (self.exposure_days >= PART_FROM && self.exposure > 0.0, y.min(COUNT_MAX));
        if !eligible && revenue <= 0 && y == 0 {
            return None;
        }
        Some(DayPart {
            y,
            mu: if eligible { self.rate() * self.weekday_factor(day) } else { 0.0 },
            alpha: self.overdispersion(),
            count: self.count,
            exposure: self.exposure,
            revenue,
        })
    }

    /// Pass 2: judges the day and learns from it. Days skipped since the last close count as not exposed.
    pub fn close(&mut self, y: u32, close: &DayClose, budget: Budget) -> Verdict {
        let (day, y) = (close.day, y.min(COUNT_MAX));
        if day <= self.last_day {
            return Verdict { score: 0.0, standing: Standing::Closed, window: None, dip: Dip::None };
        }
        self.advance(day);
        self.prior = (packed::half(close.prior.shape), packed::half(close.prior.exposure));
        if close.outage {
            return Verdict { score: 0.0, standing: Standing::Outage, window: None, dip: self.unchanged() };
        }
        let today = self.record(day, y, close);
        let scan = self.scan(day);
        let score = scan.score / (1.0 + self.usual_score());
        self.recent_score[week(day)] = packed::half(scan.score.min(SCORE_MAX));
        let window = (scan.days > 0).then(|| self.window(day, scan.days));
        let standing = if self.exposure_days < JUDGE_FROM {
            Standing::TooYoung
        } else if self.rate().min(self.count / self.exposure) < RATE_MIN {
            Standing::TooFew
        } else {
            Standing::Judged
        };
        let found = window.filter(|_| standing == Standing::Judged && score >= budget.threshold());
        let dip = match (self.dip.take(), found) {
            (Some(mut dip), _) => {
                dip.add(today.0, y, today.1);
                self.goes_on(day, dip)
            }
            (None, Some(dip)) => {
                self.dip = Some(dip);
                Dip::Began(dip.evidence(self.known()))
            }
            (None, None) => Dip::None,
        };
        Verdict { score, standing, window: window.map(|window| window.evidence(self.known())), dip }
    }

    /// Counts behind the rate: the posterior's shape.
    fn known(&self) -> f32 {
        self.count + self.prior().shape
    }

    fn unchanged(&self) -> Dip {
        self.dip.map_or(Dip::None, |dip| Dip::Lasts(dip.evidence(self.known())))
    }

    fn goes_on(&mut self, day: i32, dip: OpenDip) -> Dip {
        let evidence = dip.evidence(self.known());
        let (mut seen, mut expected) = (0, 0.0);
        for back in 0..3 {
            let at = slot(day.wrapping_sub(back));
            seen += packed::counted(self.seen[at]);
            expected += packed::whole(self.expected[at]);
        }
        if expected > 0.0 && seen as f32 >= RECOVERED * expected {
            // What belongs to the ended dip must not raise the next one.
            for back in 3..WINDOW as i32 {
                self.weight[slot(day.wrapping_sub(back))] = LEFT_OUT;
            }
            return Dip::Recovered(evidence);
        }
        self.dip = Some(dip);
        Dip::Lasts(evidence)
    }

    /// Moves to `day`: learns what is now a week old, and frees the slots of this and of skipped days.
    fn advance(&mut self, day: i32) {
        // Beyond a window's length every slot is free already.
        let first = self.last_day.saturating_add(1).max(day.saturating_sub(WINDOW as i32 + LAG));
        for passing in first..=day {
            self.learn(passing.saturating_sub(LAG));
            let at = slot(passing);
            (self.seen[at], self.expected[at], self.weight[at]) = (0, 0, LEFT_OUT);
            self.recent_exposure[week(passing)] = 0;
            self.recent_score[week(passing)] = 0;
        }
        self.last_day = day;
    }

    /// Takes a day's count into what is normal. Days without exposure (outages, gaps) teach nothing.
    fn learn(&mut self, day: i32) {
        let exposure = packed::whole(self.recent_exposure[week(day)]);
        if exposure <= 0.0 {
            return;
        }
        let seen = packed::counted(self.seen[slot(day)]) as f32;
        let expected = packed::whole(self.expected[slot(day)]);
        let alpha = self.overdispersion();
        let clipped = seen.min(expected + CLIP * (expected + alpha * expected * expected).sqrt() + 1.0);
        // While next to nothing is known what is expected is the programme's usual, and a day far above it no outlier: the rate must get
        // to where the partner is. It is no sign of an erratic partner or of a strong weekday either: the spread learns from clipped
        // days only, weekdays wait.
        let seen = if self.exposure_days > YOUNG { clipped } else { seen };
        let keep = 1.0 - 1.0 / (f32::from(self.exposure_days) * 0.5).clamp(MEMORY_YOUNG, MEMORY);
        self.count = self.count * keep + seen;
        self.exposure = self.exposure * keep + exposure;

        let keep = 1.0 - 1.0 / ALPHA_MEMORY;
        let scale = (1.0 + expected).powi(2);
        self.alpha.0 = self.alpha.0 * keep + ((clipped - expected).powi(2) - expected) / scale;
        self.alpha.1 = self.alpha.1 * keep + expected * expected / scale;

        let at = week(day);
        if self.exposure_days > YOUNG {
            let keep = 1.0 - 7.0 / WEEKDAY_MEMORY;
            let weight = 1.0 / (1.0 + alpha * expected);
            let plain = expected / self.weekday_factor(day);
            self.weekday_seen[at] = packed::half(packed::whole(self.weekday_seen[at]) * keep + weight * seen);
            self.weekday_expected[at] = packed::half(packed::whole(self.weekday_expected[at]) * keep + weight * plain);
        }

        let keep = 1.0 - 1.0 / SCORE_MEMORY;
        self.score_sum = self.score_sum * keep + packed::whole(self.recent_score[at]);
        self.score_days = self.score_days * keep + 1.0;
    }

    /// Enters the day into the window; returns its expectation and variance beyond Poisson.
    fn record(&mut self, day: i32, y: u32, close: &DayClose) -> (f32, f32) {
        self.exposure_days = self.exposure_days.saturating_add(1);
        let exposure = close.factor as f32 * self.weekday_factor(day);
        let expected = exposure * self.rate();
        let dispersion = self.overdispersion() + (ELASTICITY * close.log_deviation as f32).powi(2);
        let at = slot(day);
        self.seen[at] = packed::count(y);
        self.expected[at] = packed::half(expected);
        self.weight[at] = packed::weight(1.0 / (1.0 + expected * self.certainty() * dispersion));
        self.recent_exposure[week(day)] = packed::half(exposure);
        (packed::whole(self.expected[at]), expected * expected * dispersion)
    }

    /// Lowers an expectation by part of its posterior standard deviation: the most valuable line of the detector.
    fn certainty(&self) -> f32 {
        let known = self.known();
        if known > 1.0 { 1.0 - DOUBT / known.sqrt() } else { 0.0 }
    }

    fn usual_score(&self) -> f32 {
        (SCORE_USUAL * SCORE_PRIOR + self.score_sum) / (SCORE_PRIOR + self.score_days)
    }

    /// The strongest window: max over w ≤ 28 of Y·ln t + (1 − t)·M, t = Y/M within bounds.
    fn scan(&self, day: i32) -> Scan {
        let certainty = self.certainty();
        let (mut seen, mut expected) = (0.0_f32, 0.0_f32);
        let mut best = Scan { score: 0.0, days: 0 };
        for days in 1..=WINDOW {
            let at = slot(day.wrapping_sub(days as i32 - 1));
            if self.weight[at] == LEFT_OUT {
                continue;
            }
            let weight = WEIGHTS[usize::from(self.weight[at])];
            seen += weight * packed::counted(self.seen[at]) as f32;
            expected += weight * packed::whole(self.expected[at]) * certainty;
            if seen >= RATIO_MAX * expected {
                // ln .75 + .25 < 0: at the upper bound a window speaks only while Y < .87 M.
                let score = seen * LN_RATIO_MAX + (1.0 - RATIO_MAX) * expected;
                if score > best.score {
                    best = Scan { score, days };
                }
                continue;
            }
            let ratio = (seen / expected).max(RATIO_MIN);
            let score = seen * ratio.ln() + (1.0 - ratio) * expected;
            if score > best.score {
                best = Scan { score, days };
            }
        }
        best
    }

    /// Evidence of the last days as they are, whatever the scan would have chosen: a window looked for among many is always the
    /// least likely one. `None` before any day was closed.
    #[must_use]
    pub fn evidence_of_last(&self, days: usize) -> Option<Evidence> {
        let window = self.window(self.last_day()?, days.clamp(1, WINDOW));
        (window.expected > 0.0).then(|| window.evidence(self.known()))
    }

    /// The sums of a window, not lowered, as the dip they would make.
    fn window(&self, day: i32, days: usize) -> OpenDip {
        let since = day.saturating_sub(days as i32 - 1);
        let mut dip = OpenDip { began: day, since, expected: 0.0, observed: 0, spread: 0.0 };
        let certainty = self.certainty().max(0.05);
        for at in (since..=day).map(slot).filter(|at| self.weight[*at] != LEFT_OUT) {
            let expected = packed::whole(self.expected[at]);
            let spread = expected * (1.0 / WEIGHTS[usize::from(self.weight[at])] - 1.0) / certainty;
            dip.add(expected, packed::counted(self.seen[at]), spread);
        }
        dip
    }

    const VERSION: u8 = 1;

    /// The detector as bytes: 231, or 251 while a dip lasts.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.push(Self::VERSION);
        out.extend_from_slice(&self.last_day.to_le_bytes());
        out.extend_from_slice(&self.exposure_days.to_le_bytes());
        for value in [self.count, self.exposure, self.alpha.0, self.alpha.1, self.score_sum, self.score_days] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        let halves = [self.prior.0, self.prior.1].into_iter();
        let halves = halves.chain(self.weekday_seen).chain(self.weekday_expected);
        let halves = halves.chain(self.recent_exposure).chain(self.recent_score).chain(self.seen).chain(self.expected);
        halves.for_each(|half| out.extend_from_slice(&half.to_le_bytes()));
        out.extend_from_slice(&self.weight);
        if let Some(dip) = &self.dip {
            dip.encode(&mut out);
        }
        out
    }

    /// The detector of such bytes.
    ///
    /// # Errors
    /// [`Corrupt`] for another version, missing or surplus bytes, and numbers no detector holds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut reader = Reader(bytes);
        if reader.u8()? != Self::VERSION {
            return Err(Corrupt);
        }
        let (last_day, exposure_days) = (reader.i32()?, reader.u16()?);
        let (count, exposure) = (reader.amount()?, reader.amount()?);
        let alpha = (reader.f32()?, reader.amount()?);
        let (score_sum, score_days) = (reader.amount()?, reader.amount()?);
        let detector = Self {
            last_day,
            exposure_days,
            count,
            exposure,
            alpha,
            score_sum,
            score_days,
            prior: (reader.u16()?, reader.u16()?),
            weekday_seen: reader.halves()?,
            weekday_expected: reader.halves()?,
            recent_exposure: reader.halves()?,
            recent_score: reader.halves()?,
            seen: reader.halves()?,
            expected: reader.halves()?,
            weight: reader.bytes()?,
            dip: if reader.0.len() == OpenDip::BYTES { Some(OpenDip::decode(&mut reader)?) } else { None },
        };
        reader.end()?;
        Ok(detector)
    }
}
