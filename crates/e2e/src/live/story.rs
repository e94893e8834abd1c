//! What the trackers of a live run tell, and when: drawn from a seed, stamped with the time at which it is told.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

/// Those who sell are approved within this time: before processes stand still and hold an approval behind a sale, which
/// would then be of somebody who is not active yet.
const APPROVED_WITHIN_MS: u64 = 12_000;
/// Some come after the second version was applied, and do not sell.
const LATE_MS: std::ops::Range<u64> = 36_000..44_000;
/// A sale comes this long after the approval at least.
const SELLS_AFTER_MS: u64 = 3_000;
/// Nothing is told after this time.
pub const TOLD_WITHIN_MS: u64 = 60_000;

/// Which topic a record goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Partners.
    Partners,
    /// Conversions.
    Conversions,
    /// Activity.
    Activity,
}

/// A record to be told.
#[derive(Debug, Clone)]
pub struct Line {
    /// Milliseconds after the run's beginning.
    pub at_ms: u64,
    /// Where.
    pub family: Family,
    kind: &'static str,
    id: String,
    partner: String,
    data: Value,
    /// When the conversion itself happened: when its first record was told.
    conversion: Option<String>,
}

/// What must be counted in the end.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Partner and conversion → amount and final status.
    pub conversions: BTreeMap<(String, String), (i64, &'static str)>,
    /// Partner → clicks.
    pub clicks: BTreeMap<String, i64>,
    /// Partners who did not agree to mail.
    pub without_consent: BTreeSet<String>,
}

/// Draws the records in the order in which they are told.
#[must_use]
pub fn draw(seed: u64, partners: usize, sales: usize) -> (Vec<Line>, Expected) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut lines, mut expected) = (Vec::new(), Expected::default());
    for number in 0..partners {
        let partner = format!("p{number:04}");
        let late = number % 4 == 3;
        let approved_ms = random.random_range(if late { LATE_MS } else { 0..APPROVED_WITHIN_MS });
        let consents = number % 10 != 0;
        expected.clicks.insert(partner.clone(), 0);
        if !consents {
            expected.without_consent.insert(partner.clone());
        }
        let line = |at_ms, family, kind, id: String, data, conversion: Option<&str>| Line {
            at_ms,
            family,
            kind,
            id,
            partner: partner.clone(),
            data,
            conversion: conversion.map(str::to_owned),
        };
        let mut data = json!({ "name": format!("Partner {number}"), "email": format!("{partner}@live.example") });
        if consents {
            data["consent"] = json!({ "source": "form", "time": "2024-01-01T00:00:00Z", "wording": "v1" });
        }
        lines.push(line(approved_ms, Family::Partners, "partner.approved", format!("approved-{partner}"), data, None));
        for sale in 0..if late { 0 } else { sales } {
            let at = random.random_range(approved_ms + SELLS_AFTER_MS..TOLD_WITHIN_MS - 12_000);
            let id = format!("c-{partner}-{sale}");
            let amount = random.random_range(500..20_000_i64);
            let sold = |status: &str, revision: i64| {
                json!({ "conversion_id": id, "status": status, "revision": revision, "amount": amount,
                        "commission": amount / 10, "currency": "EUR" })
            };
            let record = |at: u64, status: &str, revision: i64| {
                let event = format!("{id}-{revision}");
                line(at, Family::Conversions, "conversion", event, sold(status, revision), Some(&id))
            };
            lines.push(record(at, "pending", 1));
            if random.random_bool(0.05) {
                // A tracker repeats itself.
                lines.push(record(at + 700, "pending", 1));
            }
            let became = match random.random_range(0..10) {
                0 => "reversed",
                1..5 => "approved",
                _ => "pending",
            };
            if became != "pending" {
                lines.push(record(at + 8_000, became, 2));
            }
            expected.conversions.insert((partner.clone(), id.clone()), (amount, became));
        }
        for click in 0..random.random_range(0..12) {
            let at = random.random_range(approved_ms..TOLD_WITHIN_MS);
            let count = random.random_range(1..20_i64);
            *expected.clicks.entry(partner.clone()).or_default() += count;
            let data = json!({ "count": count, "link": "l1" });
            let id = format!("click-{partner}-{click}");
            lines.push(line(at, Family::Activity, "link.clicked", id.clone(), data.clone(), None));
            if random.random_bool(0.05) {
                lines.push(line(at + 900, Family::Activity, "link.clicked", id, data, None));
            }
        }
    }
    lines.sort_by_key(|line| line.at_ms);
    (lines, expected)
}

/// Turns records into JSON; a repeated record is repeated as it was.
#[derive(Debug, Default)]
pub struct Teller {
    told: BTreeMap<String, String>,
    sold: BTreeMap<String, Timestamp>,
}

impl Teller {
    /// The record's JSON when it is told now.
    pub fn tell(&mut self, line: &Line, now: Timestamp) -> String {
        if let Some(told) = self.told.get(&line.id) {
            return told.clone();
        }
        let mut data = line.data.clone();
        if let Some(conversion) = &line.conversion {
            let sold = self.sold.entry(conversion.clone()).or_insert(now);
            data["occurred_at"] = json!(sold.to_string());
        }
        let event = json!({ "id": line.id, "kind": line.kind, "program": "default", "partner": line.partner,
            "occurred_at": now.to_string(), "data": data });
        self.told.insert(line.id.clone(), event.to_string());
        event.to_string()
    }
}
