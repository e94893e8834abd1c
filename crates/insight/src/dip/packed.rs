//! Small numbers for small states: a detector must fit into 256 bytes, of which 28 days of history take most.

use std::fmt;

/// Exponent of the smallest value a [`half`] can hold: 2^-36.
const LOWEST_EXPONENT: u32 = 127 - 36;

/// Stored bytes that cannot be a state: another version, cut short, or numbers no state can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stored state is of another version or damaged")
    }
}

impl std::error::Error for Corrupt {}

/// A non-negative number in 16 bits: 6 of exponent, 10 of mantissa; .05 % precise from 1.5e-11 to 1.3e8.
/// Negative numbers and NaN become 0, larger ones the largest.
pub(super) fn half(value: f32) -> u16 {
    // `max` also turns NaN into 0. The added half step rounds to nearest.
    let bits = value.max(0.0).to_bits().saturating_add(0x1000) >> 13;
    let lowest = LOWEST_EXPONENT << 10;
    if bits <= lowest { 0 } else { u16::try_from(bits - lowest).unwrap_or(u16::MAX) }
}

/// The number a [`half`] stands for.
pub(super) fn whole(half: u16) -> f32 {
    if half == 0 { 0.0 } else { f32::from_bits((u32::from(half) + (LOWEST_EXPONENT << 10)) << 13) }
}

/// A day's count in 16 bits: exact up to 32,767, then in steps of 256 up to 8.4 million, then saturated.
pub(super) fn count(value: u32) -> u16 {
    if value < 0x8000 { value as u16 } else { 0x8000 | (value >> 8).min(0x7fff) as u16 }
}

/// The count a packed [`count`] stands for.
pub(super) fn counted(packed: u16) -> u32 {
    if packed < 0x8000 { u32::from(packed) } else { u32::from(packed & 0x7fff) << 8 }
}

/// A day left out of every window: outage, gap, or before a recovery.
pub(super) const LEFT_OUT: u8 = 255;

/// A weight in (0, 1] in one byte, in steps of 2^(1/16) down to 2^-15.8. The same weight goes on both what was seen and
/// what was expected, so that its rounding shifts neither against the other.
pub(super) fn weight(value: f32) -> u8 {
    let steps = (-16.0 * value.clamp(1e-30, 1.0).log2()).round();
    steps.min(254.0) as u8
}

/// All weights, by their byte; [`LEFT_OUT`] is 0.
pub(super) static WEIGHTS: [f32; 256] = weights();

const fn weights() -> [f32; 256] {
    // 2^(-1/16), taken 254 times: const code has no `powf`.
    let mut table = [0.0_f32; 256];
    let mut value = 1.0_f64;
    let mut step = 0;
    while step < LEFT_OUT as usize {
        table[step] = value as f32;
        value *= 0.957_603_280_698_573_6;
        step += 1;
    }
    table
}

/// Reads little-endian fields one after the other.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (head, tail) = self.0.split_first_chunk::<N>().ok_or(Corrupt)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Corrupt> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Corrupt> {
        self.bytes().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Corrupt> {
        self.bytes().map(u32::from_le_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, Corrupt> {
        self.bytes().map(i32::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, Corrupt> {
        self.bytes().map(i64::from_le_bytes)
    }

    /// A number any arithmetic of the detector can take: finite and not absurd.
    pub(super) fn f32(&mut self) -> Result<f32, Corrupt> {
        let value = f32::from_le_bytes(self.bytes()?);
        if value.abs() < 1e18 { Ok(value) } else { Err(Corrupt) }
    }

    /// As [`Reader::f32`], and not negative.
    pub(super) fn amount(&mut self) -> Result<f32, Corrupt> {
        self.f32().and_then(|value| if value >= 0.0 { Ok(value) } else { Err(Corrupt) })
    }

    pub(super) fn halves<const N: usize>(&mut self) -> Result<[u16; N], Corrupt> {
        let mut out = [0; N];
        for slot in &mut out {
            *slot = self.u16()?;
        }
        Ok(out)
    }

    pub(super) fn end(&self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_amount_is_zero_and_what_is_too_large_saturates() {
        for value in [f32::NAN, -1.0, f32::NEG_INFINITY, 0.0, 1e-30] {
            assert_eq!(whole(half(value)), 0.0);
        }
        assert!(whole(half(f32::INFINITY)) > 1e8);
        assert_eq!(counted(count(u32::MAX)), 0x7fff << 8);
    }

    proptest! {
        #[test]
        fn halves_keep_three_digits(value in 1e-9_f32..1e8) {
            prop_assert!((whole(half(value)) / value - 1.0).abs() < 5e-4);
        }

        #[test]
        fn a_stored_half_reads_back_as_itself(packed: u16) {
            prop_assert_eq!(half(whole(packed)), packed);
        }

        #[test]
        fn small_counts_are_exact_and_order_is_kept(a in 0_u32..0x8000, b: u32) {
            prop_assert_eq!(counted(count(a)), a);
            prop_assert_eq!(counted(count(a)) <= counted(count(b)), a <= b || counted(count(b)) == a);
        }

        #[test]
        fn weights_keep_their_size(value in 2e-5_f32..1.0) {
            let kept = WEIGHTS[usize::from(weight(value))];
            prop_assert!((kept / value - 1.0).abs() < 0.023);
        }
    }
}
