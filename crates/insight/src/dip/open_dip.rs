//! A dip that lasts: its running sums, so that evidence stays the total since its first day.

use super::evidence::Evidence;
use super::packed::{Corrupt, Reader};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OpenDip {
    /// Day at whose close it was found.
    pub(super) began: i32,
    /// First day of its evidence.
    pub(super) since: i32,
    pub(super) expected: f32,
    pub(super) observed: u32,
    pub(super) spread: f32,
}

impl OpenDip {
    pub(super) const BYTES: usize = 20;

    pub(super) fn add(&mut self, expected: f32, observed: u32, spread: f32) {
        // Saturates where storage still takes it.
        self.expected = (self.expected + expected).min(1e17);
        self.observed = self.observed.saturating_add(observed);
        self.spread = (self.spread + spread).min(1e17);
    }

    pub(super) fn evidence(&self, known: f32) -> Evidence {
        Evidence::new(self.since, f64::from(self.expected), self.observed, f64::from(self.spread), f64::from(known))
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.began.to_le_bytes());
        out.extend_from_slice(&self.since.to_le_bytes());
        out.extend_from_slice(&self.expected.to_le_bytes());
        out.extend_from_slice(&self.observed.to_le_bytes());
        out.extend_from_slice(&self.spread.to_le_bytes());
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Corrupt> {
        Ok(Self {
            began: reader.i32()?,
            since: reader.i32()?,
            expected: reader.amount()?,
            observed: reader.u32()?,
            spread: reader.amount()?,
        })
    }
}
