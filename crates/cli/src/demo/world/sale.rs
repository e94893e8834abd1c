//! A sale's life: pending, weeks later approved or reversed, then paid.

use jiff::Timestamp;
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::chance::{log_normal, one_of};
use super::people::Person;
use super::plan::Plan;
use super::telling::{Telling, later};

const DAY_MINUTES: i64 = 24 * 60;
const CATALOGUE: &[(&str, &str, f64)] = &[
    ("trail-runner", "shoes", 1.6),
    ("city-sneaker", "shoes", 1.3),
    ("rain-boot", "shoes", 1.1),
    ("merino-base", "clothing", 0.9),
    ("down-jacket", "clothing", 3.2),
    ("wool-socks", "clothing", 0.25),
    ("day-pack-20", "bags", 1.2),
    ("duffel-60", "bags", 1.9),
    ("belt-bag", "bags", 0.5),
    ("camp-stove", "outdoor", 1.4),
    ("tent-two", "outdoor", 4.1),
    ("head-torch", "outdoor", 0.6),
    ("steel-bottle", "kitchen", 0.4),
    ("coffee-press", "kitchen", 0.7),
    ("chef-knife", "kitchen", 1.5),
];

/// A sale that will be paid: its payout takes it along.
#[derive(Debug)]
pub struct Sale {
    id: String,
    data: Value,
    /// What the partner earns, in minor units.
    pub commission: i64,
    /// When it was approved.
    pub approved_at: Timestamp,
}

impl Sale {
    /// Draws a sale, tells it and what the advertiser will decide. Comes back when it is approved: somebody has to pay it.
    pub fn happen(
        rng: &mut StdRng,
        person: &Person,
        plan: &Plan,
        number: u32,
        sold_at: Timestamp,
        telling: &mut Telling,
    ) -> Option<Self> {
        let id = format!("{}-s{number}", person.id);
        let share = match person.business {
            "coupon" => 0.05,
            "b2b" => 0.06,
            "app" => 0.08,
            _ => 0.11,
        };
        let order = log_normal(rng, plan.order, 0.45);
        let mut lines = Vec::new();
        let mut amount = 0;
        for _ in 0..rng.random_range(1..=3) {
            // Everybody has favourites, so that a top product means something.
            let favourite = super::chance::number_of(&person.id) as usize % CATALOGUE.len();
            let (sku, category, weight) =
                if rng.random_bool(0.4) { CATALOGUE[favourite] } else { *one_of(rng, CATALOGUE) };
            let value = (order * weight / 2.0).round().max(100.0) as i64;
            amount += value;
            lines.push(json!({ "sku": sku, "category": category, "amount": value }));
        }
        let commission = (amount as f64 * share).round() as i64;
        let mut data = json!({
            "conversion_id": id, "status": "pending", "revision": 1, "amount": amount, "commission": commission,
            "currency": "EUR", "occurred_at": sold_at.to_string(), "lines": lines,
            "customer": if rng.random_bool(0.55) { "new" } else { "returning" },
        });
        if person.business == "coupon" {
            data["promo_code"] = json!(format!("{}10", person.id.split('-').next().unwrap_or("save").to_uppercase()));
        }
        telling.tell(format!("{id}/1"), "conversion", &person.id, sold_at, data.clone());
        let reversed = rng.random_bool(0.085);
        let days = if reversed { rng.random_range(4..40) } else { rng.random_range(20..60) };
        let decided = later(sold_at, days * DAY_MINUTES + rng.random_range(0..300));
        data["revision"] = json!(2);
        data["status"] = json!(if reversed { "reversed" } else { "approved" });
        telling.tell(format!("{id}/2"), "conversion", &person.id, decided, data.clone());
        (!reversed).then_some(Self { id, data, commission, approved_at: decided })
    }

    /// Tells that it is paid.
    pub fn pay(mut self, partner: &str, at: Timestamp, telling: &mut Telling) {
        self.data["revision"] = json!(3);
        self.data["status"] = json!("paid");
        telling.tell(format!("{}/3", self.id), "conversion", partner, at, self.data);
    }
}
