//! Partners' pasts, packed: what a shard hands the coordinator to fit a programme from.

use xxhash_rust::xxh3::xxh3_64;

use super::history::ActiveDay;
use crate::dip::Corrupt;

/// Partners a programme is fitted from at most. More would make the estimates no better that anybody could see (their
/// standard errors are below 1 % by then), only the day's parts larger.
pub const SAMPLE: usize = 20_000;

/// One partner's past, with what tells it from others.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnPast {
    /// The partner's id.
    pub partner: String,
    /// [Day number](crate::day::number) from which on the partner could sell, where that is known and in the time looked at.
    pub joined: Option<i32>,
    /// Days on which the partner converted, in order.
    pub days: Vec<ActiveDay>,
}

/// Packs pasts, and keeps at most so many: those whose ids hash lowest, a random sample that is the same however often and
/// in whichever order it is drawn.
#[derive(Debug, Clone)]
pub struct PastWriter {
    most: usize,
    kept: std::collections::BTreeMap<(u64, String), Vec<u8>>,
}

const VERSION: u8 = 1;

impl PastWriter {
    /// A writer of one of `shards` shards: each keeps its share of [`SAMPLE`].
    #[must_use]
    pub fn of_shards(shards: usize) -> Self {
        Self { most: SAMPLE.div_ceil(shards.max(1)), kept: Default::default() }
    }

    /// Adds a partner's past: the day of joining, and the days with conversions in order.
    pub fn push(&mut self, partner: &str, joined: Option<i32>, days: &[ActiveDay]) {
        let key = (xxh3_64(partner.as_bytes()), partner.to_owned());
        let full = self.kept.len() >= self.most;
        if full && self.kept.last_key_value().is_some_and(|(last, _)| *last <= key) {
            return;
        }
        let mut packed = Vec::with_capacity(8 + 6 * days.len());
        put(&mut packed, partner.len() as u64);
        packed.extend_from_slice(partner.as_bytes());
        // Shifted by one: 0 is not known.
        put(&mut packed, joined.map_or(0, |day| zigzag(i64::from(day)) + 1));
        put(&mut packed, days.len() as u64);
        let mut before = 0_i64;
        for one in days {
            put(&mut packed, zigzag(i64::from(one.day) - before));
            before = i64::from(one.day);
            put(&mut packed, u64::from(one.orders));
            // Whole minor units; casts saturate and take NaN as 0.
            put(&mut packed, one.spend.max(0.0).round() as u64);
        }
        self.kept.insert(key, packed);
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }

    /// The packed bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut out = vec![VERSION];
        self.kept.into_values().for_each(|packed| out.extend(packed));
        out
    }
}

/// Reads what a [`PastWriter`] packed. No bytes at all are no pasts.
///
/// # Errors
/// [`Corrupt`] for another version and for damaged bytes.
pub fn read(bytes: &[u8]) -> Result<Vec<OwnPast>, Corrupt> {
    let Some((version, mut rest)) = bytes.split_first() else { return Ok(Vec::new()) };
    if *version != VERSION {
        return Err(Corrupt);
    }
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(take(&mut rest)?).map_err(|_| Corrupt)?;
        let (id, after) = rest.split_at_checked(length).ok_or(Corrupt)?;
        rest = after;
        let partner = std::str::from_utf8(id).map_err(|_| Corrupt)?.to_owned();
        let joined = match take(&mut rest)? {
            0 => None,
            day => Some(i32::try_from(unzigzag(day - 1)).map_err(|_| Corrupt)?),
        };
        let count = take(&mut rest)?;
        // Each day has three bytes at least: damage must not ask for memory.
        if count > rest.len() as u64 / 3 {
            return Err(Corrupt);
        }
        let (mut days, mut before) = (Vec::with_capacity(count as usize), 0_i64);
        for _ in 0..count {
            before = before.checked_add(unzigzag(take(&mut rest)?)).ok_or(Corrupt)?;
            let day = i32::try_from(before).map_err(|_| Corrupt)?;
            let orders = u32::try_from(take(&mut rest)?).map_err(|_| Corrupt)?;
            days.push(ActiveDay { day, orders, spend: take(&mut rest)? as f64 });
        }
        all.push(OwnPast { partner, joined, days });
    }
    Ok(all)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Seven bits a byte, the lowest first.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(rest: &mut &[u8]) -> Result<u64, Corrupt> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or(Corrupt)?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(pasts: &[OwnPast], most: usize) -> Vec<u8> {
        let mut writer = PastWriter { most, kept: Default::default() };
        pasts.iter().for_each(|one| writer.push(&one.partner, one.joined, &one.days));
        writer.finish()
    }

    fn sorted(mut pasts: Vec<OwnPast>) -> Vec<OwnPast> {
        pasts.sort_by(|one, other| one.partner.cmp(&other.partner));
        pasts
    }

    #[test]
    fn a_sample_is_the_same_in_any_order() {
        let all: Vec<OwnPast> =
            (0..500).map(|i| OwnPast { partner: format!("p{i}"), joined: Some(i), days: Vec::new() }).collect();
        let reversed: Vec<OwnPast> = all.iter().rev().cloned().collect();
        assert_eq!(packed(&all, 40), packed(&reversed, 40));
        let sample = read(&packed(&all, 40)).unwrap();
        assert_eq!(sample.len(), 40);
        let mean = sample.iter().filter_map(|one| one.joined).sum::<i32>() / 40;
        assert!((150..350).contains(&mean), "{mean}: a sample of all of them");
    }

    proptest! {
        #[test]
        fn pasts_survive_packing(
            rows in prop::collection::btree_map(".{0,30}", (prop::option::of(any::<i32>()),
                prop::collection::vec((-700_000_i32..3_000_000, any::<u32>(), 0_u64..1 << 50), 0..8)), 0..20),
        ) {
            let pasts: Vec<OwnPast> = rows.into_iter().map(|(partner, (joined, days))| {
                let days = days.into_iter().map(|(day, orders, spend)| ActiveDay { day, orders, spend: spend as f64 });
                OwnPast { partner, joined, days: days.collect() }
            }).collect();
            prop_assert_eq!(sorted(read(&packed(&pasts, 99)).unwrap()), sorted(pasts));
        }

        #[test]
        fn damaged_pasts_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
