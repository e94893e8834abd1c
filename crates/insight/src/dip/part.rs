//! What one partner adds to the day of its programme, and how a shard packs these for the coordinator.

use super::packed::{Corrupt, Reader};

/// One partner's day: pass 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DayPart {
    /// Conversions of the day.
    pub y: u32,
    /// Conversions that are normal for this partner on this weekday of the programme, before the day's factor.
    /// 0 for a partner too new to say: such a part only counts for the revenue.
    pub mu: f32,
    /// Overdispersion: variance = mean + α · mean².
    pub alpha: f32,
    /// Discounted conversions behind `mu`.
    pub count: f32,
    /// Discounted days behind `mu`.
    pub exposure: f32,
    /// Revenue the groups compare partners by, in minor units of the programme's currency.
    pub revenue: i64,
}

impl DayPart {
    /// Whether the partner takes part in the programme's factor.
    #[must_use]
    pub fn eligible(&self) -> bool {
        self.mu > 0.0 && self.mu.is_finite()
    }
}

const VERSION: u8 = 1;

/// Packs parts, each under its partner's id, as a shard hands them to the coordinator.
#[derive(Debug, Clone)]
pub struct PartWriter(Vec<u8>);

impl Default for PartWriter {
    fn default() -> Self {
        Self(vec![VERSION])
    }
}

impl PartWriter {
    /// Adds a partner's part. Ids beyond 65,535 bytes are cut there; the id only labels, no sum depends on it.
    pub fn push(&mut self, partner: &str, part: &DayPart) {
        let id = &partner[..partner.floor_char_boundary(usize::from(u16::MAX))];
        self.0.extend_from_slice(&(id.len() as u16).to_le_bytes());
        self.0.extend_from_slice(id.as_bytes());
        self.0.extend_from_slice(&part.y.to_le_bytes());
        for number in [part.mu, part.alpha, part.count, part.exposure] {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        self.0.extend_from_slice(&part.revenue.to_le_bytes());
    }

    /// The packed bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what a [`PartWriter`] packed, one (partner id, part) after the other; stops after the first damage.
#[derive(Debug, Clone)]
pub struct PartReader<'a> {
    rest: &'a [u8],
    broken: bool,
}

impl<'a> PartReader<'a> {
    /// A reader over packed parts. No bytes at all are no parts.
    ///
    /// # Errors
    /// [`Corrupt`] for another version.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        match bytes.split_first() {
            None => Ok(Self { rest: bytes, broken: false }),
            Some((&VERSION, rest)) => Ok(Self { rest, broken: false }),
            Some(_) => Err(Corrupt),
        }
    }

    fn read(&mut self) -> Result<(&'a str, DayPart), Corrupt> {
        let length = usize::from(Reader(self.rest).u16()?);
        let (id, rest) = self.rest.get(2..).and_then(|rest| rest.split_at_checked(length)).ok_or(Corrupt)?;
        let mut reader = Reader(rest);
        let part = DayPart {
            y: reader.u32()?,
            mu: reader.amount()?,
            alpha: reader.amount()?,
            count: reader.amount()?,
            exposure: reader.amount()?,
            revenue: reader.i64()?,
        };
        self.rest = &rest[rest.len() - reader.0.len()..];
        Ok((std::str::from_utf8(id).map_err(|_| Corrupt)?, part))
    }
}

impl<'a> Iterator for PartReader<'a> {
    type Item = Result<(&'a str, DayPart), Corrupt>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.rest.is_empty() {
            return None;
        }
        let item = self.read();
        self.broken = item.is_err();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_survive_packing(rows in prop::collection::vec((".{0,40}", 0_u32.., 0.0_f32..1e9, 0_i64..), 0..20)) {
            let mut writer = PartWriter::default();
            let parts: Vec<(String, DayPart)> = rows.into_iter().map(|(id, y, mu, revenue)| {
                (id, DayPart { y, mu, alpha: 0.2, count: mu * 3.0, exposure: 3.0, revenue })
            }).collect();
            parts.iter().for_each(|(id, part)| writer.push(id, part));
            let bytes = writer.finish();
            let read: Vec<_> = PartReader::new(&bytes).unwrap().map(|r| r.unwrap()).collect();
            prop_assert_eq!(read.len(), parts.len());
            for ((a, b), (c, d)) in read.iter().zip(&parts) {
                prop_assert_eq!((*a, b), (c.as_str(), d));
            }
        }

        #[test]
        fn damaged_parts_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(reader) = PartReader::new(&bytes) {
                let errors = reader.filter(Result::is_err).count();
                prop_assert!(errors <= 1);
            }
        }
    }
}
