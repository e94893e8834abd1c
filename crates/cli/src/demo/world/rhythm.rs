//! What all partners share: the week, the season, promotions, one outage, growth.

use jiff::civil::Date;
use rand::Rng;

use super::chance::stream;

/// The programme's days as factors on everybody's sales.
#[derive(Debug)]
pub struct Rhythm {
    promotions: Vec<Promotion>,
    /// First day and number of days of the outage.
    pub outage: Option<(usize, usize)>,
    days: usize,
}

#[derive(Debug)]
struct Promotion {
    first: usize,
    days: usize,
    lift: f64,
}

impl Rhythm {
    /// Draws promotions and the outage of a year that begins on `start`.
    pub fn draw(seed: u64, start: Date, days: usize) -> Self {
        let mut rng = stream(seed, 0xA11);
        let mut promotions: Vec<Promotion> = (0..(days / 52))
            .map(|_| Promotion {
                first: rng.random_range(0..days),
                days: rng.random_range(3..9),
                lift: rng.random_range(1.25..1.9),
            })
            .collect();
        for day in 0..days {
            let date = on(start, day);
            let fixed = match (date.month(), date.day()) {
                (11, 24) => Some((5, 1.9)),
                (12, 24) => Some((4, 0.6)),
                (7, 6) => Some((21, 0.85)),
                _ => None,
            };
            promotions.extend(fixed.map(|(days, lift)| Promotion { first: day, days, lift }));
        }
        let outage = (days >= 50).then(|| (rng.random_range(days * 2 / 5..days * 4 / 5), 2));
        Self { promotions, outage, days }
    }

    /// The factor of a day, for a partner who reacts to promotions with `elasticity` (1 is usual).
    pub fn factor(&self, day: usize, elasticity: f64) -> f64 {
        let promotions: f64 = self
            .promotions
            .iter()
            .filter(|promotion| (promotion.first..promotion.first + promotion.days).contains(&day))
            .map(|promotion| promotion.lift.powf(elasticity))
            .product();
        let growth = 1.0 + 0.18 * day as f64 / self.days.max(365) as f64;
        let outage = self.outage.is_some_and(|(first, days)| (first..first + days).contains(&day));
        promotions * growth * if outage { 0.08 } else { 1.0 }
    }
}

/// The share of an average day that a weekday brings (Monday first), by kind of business.
pub fn weekday(business: &str, date: Date) -> f64 {
    let week: [f64; 7] = match business {
        "b2b" => [1.3, 1.3, 1.3, 1.25, 1.15, 0.35, 0.35],
        "influencer" => [0.85, 0.85, 0.9, 0.95, 1.1, 1.2, 1.15],
        "coupon" => [1.05, 1.0, 1.0, 1.05, 1.1, 0.9, 0.9],
        _ => [1.1, 1.1, 1.08, 1.05, 0.97, 0.8, 0.9],
    };
    week[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
}

/// The date of a day of the world.
pub fn on(start: Date, day: usize) -> Date {
    start.saturating_add(jiff::Span::new().days(i64::try_from(day).unwrap_or(0)))
}
