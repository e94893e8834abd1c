//! The closed days: sorted cells, days as differences.

use crate::bucket::{Cell, Cells};
use crate::encoding::{EncodingError, Reader, Unknown, Writer, open, put, put_signed};
use crate::measure::Measure;
use crate::state::PartnerState;

const CELLS: u64 = 1;

impl PartnerState {
    /// The days part: what [`PartnerState::close_through`] said has changed.
    pub fn encode_days(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.field(CELLS, |bytes| put_cells(bytes, &self.days));
        writer.finish(&self.unknown_days)
    }
}

/// Cells and unknown fields of a days part.
pub(super) fn decode(bytes: &[u8]) -> Result<(Cells, Unknown), EncodingError> {
    let mut fields = open(bytes)?;
    let (mut cells, mut unknown) = (Cells::default(), Unknown::default());
    while !fields.is_empty() {
        match fields.field()? {
            (CELLS, field) => cells = get_cells(field)?,
            (tag, field) => unknown.keep(tag, field.0),
        }
    }
    Ok((cells, unknown))
}

/// (days since the last cell's day, measure, value) per cell.
pub(super) fn put_cells(bytes: &mut Vec<u8>, cells: &Cells) {
    let mut last = 0i64;
    for cell in cells.iter() {
        let day = i64::from(cell.day);
        put_signed(bytes, day - last);
        put(bytes, cell.measure as u64);
        put_signed(bytes, cell.value);
        last = day;
    }
}

pub(super) fn get_cells(mut field: Reader<'_>) -> Result<Cells, EncodingError> {
    // Three bytes are the least a cell takes.
    let mut all = Vec::with_capacity(field.0.len() / 3);
    let mut last = 0i64;
    while !field.is_empty() {
        last = last.checked_add(field.signed()?).ok_or(EncodingError::Corrupt)?;
        let day = i32::try_from(last).map_err(|_| EncodingError::Corrupt)?;
        let number = u8::try_from(field.number()?).map_err(|_| EncodingError::Corrupt)?;
        let measure = Measure::from_number(number).ok_or(EncodingError::Corrupt)?;
        all.push(Cell { day, measure, value: field.signed()? });
    }
    Cells::from_sorted(all).ok_or(EncodingError::Corrupt)
}
