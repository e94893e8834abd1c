//! The closed days: sorted cells, days as differences.

use crate::bucket::{Cell, Cells};
use crate::encoding::{EncodingError, Reader, Writer, open, put, put_signed};
use crate::measure::Measure;
use crate::received::MailId;
use crate::state::PartnerState;

const CELLS: u64 = 1;
const MAILS: u64 = 2;

impl PartnerState {
    /// The days part: what [`PartnerState::close_through`] said has changed.
    pub fn encode_days(&self) -> Vec<u8> {
        // A cell of the day before or the same takes about four bytes.
        let mut writer = Writer::with_room(64 + 4 * (self.days.len() + self.mails.len()));
        writer.field(CELLS, |bytes| put_cells(bytes, &self.days));
        writer.field(MAILS, |bytes| put_cells(bytes, &self.mails));
        writer.finish(&self.unknown_days)
    }
}

/// Reads a days part into a state.
pub(super) fn decode(bytes: &[u8], state: &mut PartnerState) -> Result<(), EncodingError> {
    let mut fields = open(bytes)?;
    while !fields.is_empty() {
        match fields.field()? {
            (CELLS, field) => state.days = get_cells(field)?,
            (MAILS, field) => state.mails = get_cells(field)?,
            (tag, field) => state.unknown_days.keep(tag, field.0),
        }
    }
    Ok(())
}

/// What cells can be about: a number that is stored, never used anew.
pub(super) trait Stored: Copy + Ord {
    fn number(self) -> u64;
    fn from_number(number: u64) -> Option<Self>;
}

impl Stored for Measure {
    fn number(self) -> u64 {
        self as u64
    }

    fn from_number(number: u64) -> Option<Self> {
        Measure::from_number(u8::try_from(number).ok()?)
    }
}

impl Stored for MailId {
    fn number(self) -> u64 {
        self.0.into()
    }

    fn from_number(number: u64) -> Option<Self> {
        u32::try_from(number).ok().map(MailId)
    }
}

/// (days since the last cell's day, what was counted, value) per cell.
pub(super) fn put_cells<K: Stored>(bytes: &mut Vec<u8>, cells: &Cells<K>) {
    let mut last = 0i64;
    for cell in cells.iter() {
        let day = i64::from(cell.day);
        put_signed(bytes, day - last);
        put(bytes, cell.of.number());
        put_signed(bytes, cell.value);
        last = day;
    }
}

pub(super) fn get_cells<K: Stored>(mut field: Reader<'_>) -> Result<Cells<K>, EncodingError> {
    // Three bytes are the least a cell takes.
    let mut all = Vec::with_capacity(field.0.len() / 3);
    let mut last = 0i64;
    while !field.is_empty() {
        last = last.checked_add(field.signed()?).ok_or(EncodingError::Corrupt)?;
        let day = i32::try_from(last).map_err(|_| EncodingError::Corrupt)?;
        let of = K::from_number(field.number()?).ok_or(EncodingError::Corrupt)?;
        all.push(Cell { day, of, value: field.signed()? });
    }
    Cells::from_sorted(all).ok_or(EncodingError::Corrupt)
}
