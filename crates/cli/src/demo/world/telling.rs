//! How the world tells what happens: contract JSON, delivered mostly at once, sometimes late, sometimes twice.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::{SignedDuration, Timestamp};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::chance::stream;

/// A record on its way to rapport.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// When it is delivered; the event itself may be older.
    pub at: Timestamp,
    /// Which of several at once comes first.
    number: u64,
    /// The record.
    pub value: Vec<u8>,
}

/// Events that are to be delivered, in order of time.
#[derive(Debug)]
pub struct Telling {
    program: String,
    waiting: BinaryHeap<Reverse<Told>>,
    number: u64,
    rng: StdRng,
}

impl Telling {
    /// Nothing to tell yet.
    pub fn new(seed: u64, program: &str) -> Self {
        Self { program: program.to_owned(), waiting: BinaryHeap::new(), number: 0, rng: stream(seed, 0x7E11) }
    }

    /// An event of a partner. `id` must be unique; telling it twice is the world's way of testing who listens.
    pub fn tell(&mut self, id: String, kind: &str, partner: &str, at: Timestamp, data: Value) {
        let event = json!({
            "id": id, "kind": kind, "program": self.program, "partner": partner, "occurred_at": at.to_string(), "data": data,
        });
        let value = event.to_string().into_bytes();
        let late = self.rng.random_bool(0.005).then(|| self.rng.random_range(2 * 60..30 * 60));
        let delivered = late.map_or(at, |minutes| later(at, minutes));
        if self.rng.random_bool(0.003) {
            let again = later(delivered, self.rng.random_range(1..40));
            self.push(again, value.clone());
        }
        self.push(delivered, value);
    }

    /// An event that comes exactly once and in time.
    pub fn tell_plainly(&mut self, id: String, kind: &str, partner: &str, at: Timestamp, data: Value) {
        let event = json!({
            "id": id, "kind": kind, "program": self.program, "partner": partner, "occurred_at": at.to_string(), "data": data,
        });
        self.push(at, event.to_string().into_bytes());
    }

    fn push(&mut self, at: Timestamp, value: Vec<u8>) {
        self.number += 1;
        self.waiting.push(Reverse(Told { at, number: self.number, value }));
    }

    /// When the next record is delivered.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.waiting.peek().map(|Reverse(told)| told.at)
    }

    /// Everything delivered up to and including the instant, in order.
    pub fn take_until(&mut self, until: Timestamp) -> Vec<Told> {
        let mut taken = Vec::new();
        while self.next_at().is_some_and(|at| at <= until) {
            taken.extend(self.waiting.pop().map(|Reverse(told)| told));
        }
        taken
    }
}

/// So many minutes later.
pub fn later(at: Timestamp, minutes: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(at)
}
