//! The stored form: a format byte, tagged fields, a checksum.
//!
//! `format u8 · (tag varint · length varint · bytes)* · crc32c of all before, little endian`. Fields stand in ascending order of their
//! tags. A reader keeps fields it does not know and writes them back, so that an older binary does not lose what a newer one wrote.
//! Numbers within fields are varints (LEB128), signed ones zigzag; instants are milliseconds of the Unix epoch.

mod conversion;
mod days;
mod hot;

use std::sync::Arc;

use jiff::Timestamp;

/// The format this binary writes.
pub const FORMAT: u8 = 1;

/// Why stored bytes cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// The checksum or the structure is wrong: rebuild the state from the log.
    #[error("stored state is damaged")]
    Corrupt,
    /// A newer binary wrote a format this one does not read.
    #[error("stored state has format {0}, which this version does not read")]
    UnknownFormat(u8),
}

/// Fields of a newer version, as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown(Vec<(u64, Vec<u8>)>);

impl Unknown {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a field.
    pub fn keep(&mut self, tag: u64, bytes: &[u8]) {
        self.0.push((tag, bytes.to_vec()));
    }
}

/// Writes one encoded value.
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self::with_room(256)
    }

    /// With room for about so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(bytes);
        bytes.push(FORMAT);
        Writer { bytes }
    }

    /// Writes a field unless `fill`, which appends, leaves it empty.
    pub(crate) fn field(&mut self, tag: u64, fill: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        put(&mut self.bytes, tag);
        // Most fields are shorter than 128 bytes: their length takes the one byte kept free for it.
        let place = self.bytes.len();
        self.bytes.push(0);
        fill(&mut self.bytes);
        let length = self.bytes.len() - place - 1;
        if length == 0 {
            self.bytes.truncate(before);
        } else if length >= 0x80 {
            let mut told = Vec::with_capacity(4);
            put(&mut told, length as u64);
            drop(self.bytes.splice(place..=place, told));
        } else if let Some(told) = self.bytes.get_mut(place) {
            *told = length as u8;
        }
    }

    pub(crate) fn finish(mut self, unknown: &Unknown) -> Vec<u8> {
        for (tag, bytes) in &unknown.0 {
            put(&mut self.bytes, *tag);
            put(&mut self.bytes, bytes.len() as u64);
            self.bytes.extend_from_slice(bytes);
        }
        let sum = crc32c::crc32c(&self.bytes);
        self.bytes.extend_from_slice(&sum.to_le_bytes());
        self.bytes
    }
}

/// Checks format and checksum and gives the fields.
pub(crate) fn open(bytes: &[u8]) -> Result<Reader<'_>, EncodingError> {
    let (body, sum) = bytes.split_last_chunk::<4>().ok_or(EncodingError::Corrupt)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(EncodingError::Corrupt);
    }
    match body.split_first() {
        Some((&FORMAT, fields)) => Ok(Reader(fields)),
        Some((&format, _)) => Err(EncodingError::UnknownFormat(format)),
        None => Err(EncodingError::Corrupt),
    }
}

/// Bytes still to be read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next field.
    pub(crate) fn field(&mut self) -> Result<(u64, Reader<'a>), EncodingError> {
        let tag = self.number()?;
        Ok((tag, Reader(self.bytes()?)))
    }

    pub(crate) fn number(&mut self) -> Result<u64, EncodingError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(EncodingError::Corrupt);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(EncodingError::Corrupt)
    }

    pub(crate) fn signed(&mut self) -> Result<i64, EncodingError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn byte(&mut self) -> Result<u8, EncodingError> {
        let (byte, rest) = self.0.split_first().ok_or(EncodingError::Corrupt)?;
        self.0 = rest;
        Ok(*byte)
    }

    /// Bytes with their length before them.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], EncodingError> {
        let length = usize::try_from(self.number()?).map_err(|_| EncodingError::Corrupt)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(EncodingError::Corrupt)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, EncodingError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| EncodingError::Corrupt)
    }

    pub(crate) fn shared(&mut self) -> Result<Arc<str>, EncodingError> {
        self.text().map(Arc::from)
    }

    /// A day number.
    pub(crate) fn day(&mut self) -> Result<i32, EncodingError> {
        i32::try_from(self.signed()?).map_err(|_| EncodingError::Corrupt)
    }

    pub(crate) fn instant(&mut self) -> Result<Timestamp, EncodingError> {
        get_instant(self)
    }
}

/// Appends a number.
pub(crate) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a signed number.
pub(crate) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)) as u64);
}

/// Appends bytes with their length.
pub(crate) fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

// An instant is milliseconds and, so that comparing by event time survives storing, the nanoseconds within; nearly always 0.
const EXACT: u64 = 1;

/// Appends an instant: milliseconds shifted by one, the low bit saying that nanoseconds follow.
pub(crate) fn put_instant(bytes: &mut Vec<u8>, at: Timestamp) {
    // Not by its nanoseconds as one number: dividing 128 bits takes longer than all else here.
    let within = i64::from(at.subsec_nanosecond());
    let (millis, rest) = (at.as_second() * 1_000 + within.div_euclid(1_000_000), within.rem_euclid(1_000_000));
    // The range of instants is under 2^49 milliseconds: the shift loses nothing.
    let zigzag = ((millis << 1) ^ (millis >> 63)) as u64;
    put(bytes, zigzag << 1 | if rest == 0 { 0 } else { EXACT });
    if rest != 0 {
        put(bytes, rest as u64);
    }
}

fn get_instant(reader: &mut Reader<'_>) -> Result<Timestamp, EncodingError> {
    let number = reader.number()?;
    let rest = if number & EXACT == 0 { 0 } else { reader.number()? };
    let zigzag = number >> 1;
    let millis = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
    if rest == 0 {
        return Timestamp::from_millisecond(millis).map_err(|_| EncodingError::Corrupt);
    }
    let nanos = i128::from(millis) * 1_000_000 + i128::from(rest);
    Timestamp::from_nanosecond(nanos).map_err(|_| EncodingError::Corrupt)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LENGTHS: [usize; 10] = [0, 1, 2, 126, 127, 128, 129, 700, 16_383, 16_384];

    /// A field as it is told of in the head of this file, made in a buffer of its own.
    fn plain(tag: u64, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !content.is_empty() {
            put(&mut bytes, tag);
            put_bytes(&mut bytes, content);
        }
        bytes
    }

    proptest! {
        #[test]
        fn fields_of_any_length_stand_one_behind_the_other(
            fields in prop::collection::vec((1_u64..300, prop::sample::select(LENGTHS.to_vec())), 0..6),
        ) {
            let mut writer = Writer::new();
            let mut expected = vec![FORMAT];
            for (tag, length) in fields {
                let content: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
                writer.field(tag, |bytes| bytes.extend_from_slice(&content));
                expected.extend(plain(tag, &content));
            }
            expected.extend(crc32c::crc32c(&expected).to_le_bytes());
            prop_assert_eq!(writer.finish(&Unknown::default()), expected);
        }

        #[test]
        fn an_instant_is_its_milliseconds_and_the_nanoseconds_within(
            millis in -377_705_000_000_000_i64..253_402_200_000_000, within in prop::option::of(0_i128..1_000_000),
        ) {
            let nanos = i128::from(millis) * 1_000_000 + within.unwrap_or(0);
            let at = Timestamp::from_nanosecond(nanos).unwrap();
            let mut bytes = Vec::new();
            put_instant(&mut bytes, at);
            let mut expected = Vec::new();
            let zigzag = ((millis << 1) ^ (millis >> 63)) as u64;
            let rest = within.unwrap_or(0) as u64;
            put(&mut expected, zigzag << 1 | u64::from(rest != 0));
            if rest != 0 {
                put(&mut expected, rest);
            }
            prop_assert_eq!(&bytes, &expected);
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.instant(), Ok(at));
            prop_assert!(reader.is_empty());
        }
    }
}
