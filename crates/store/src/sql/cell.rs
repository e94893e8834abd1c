//! Values on their way into a statement.

use std::borrow::Cow;

use jiff::Timestamp;

use super::statement::Kind;

/// One value. Nulls carry their type, because PostgreSQL asks for it.
#[derive(Debug, Clone)]
pub(crate) enum Cell<'a> {
    Null(Kind),
    Text(Cow<'a, str>),
    Int(i64),
    Bytes(Cow<'a, [u8]>),
    Bool(bool),
}

/// A type that fills one kind of column.
pub(crate) trait Fills {
    const KIND: Kind;
}

macro_rules! fills {
    ($($type:ty => $kind:ident, $value:ident => $cell:expr;)*) => {$(
        impl Fills for $type {
            const KIND: Kind = Kind::$kind;
        }
        impl<'a> From<$type> for Cell<'a> {
            fn from($value: $type) -> Self {
                $cell
            }
        }
    )*};
}

fills! {
    i64 => Int, value => Cell::Int(value);
    i32 => Int, value => Cell::Int(value.into());
    i16 => Int, value => Cell::Int(value.into());
    u32 => Int, value => Cell::Int(value.into());
    usize => Int, value => Cell::Int(i64::try_from(value).unwrap_or(i64::MAX));
    Timestamp => Int, value => Cell::Int(value.as_millisecond());
    bool => Bool, value => Cell::Bool(value);
    String => Text, value => Cell::Text(printable(Cow::Owned(value)));
    Vec<u8> => Bytes, value => Cell::Bytes(Cow::Owned(value));
}

impl Fills for &str {
    const KIND: Kind = Kind::Text;
}
impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Cell::Text(printable(Cow::Borrowed(text)))
    }
}
impl Fills for &String {
    const KIND: Kind = Kind::Text;
}
impl<'a> From<&'a String> for Cell<'a> {
    fn from(text: &'a String) -> Self {
        Cell::from(text.as_str())
    }
}
impl Fills for &[u8] {
    const KIND: Kind = Kind::Bytes;
}
impl<'a> From<&'a [u8]> for Cell<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Cell::Bytes(Cow::Borrowed(bytes))
    }
}
impl Fills for &Vec<u8> {
    const KIND: Kind = Kind::Bytes;
}
impl<'a> From<&'a Vec<u8>> for Cell<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Cell::from(bytes.as_slice())
    }
}
impl<'a, T: Fills + Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null(T::KIND), Into::into)
    }
}

/// PostgreSQL keeps no NUL in text. One in a free text (a dead letter's detail) must not make a commit fail for ever.
fn printable(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}

impl Cell<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn int(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) const fn bool(&self) -> Option<bool> {
        if let Self::Bool(flag) = self { Some(*flag) } else { None }
    }
}

/// Values as an array of cells.
macro_rules! cells {
    ($($value:expr),* $(,)?) => { [$($crate::sql::Cell::from($value)),*] };
}
pub(crate) use cells;

/// The rows of a batch, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Rows<'a, const COLUMNS: usize> {
    cells: Vec<[Cell<'a>; COLUMNS]>,
}

impl<'a, const COLUMNS: usize> Rows<'a, COLUMNS> {
    /// In the order given.
    pub(crate) fn of(rows: impl IntoIterator<Item = [Cell<'a>; COLUMNS]>) -> Self {
        Self { cells: rows.into_iter().collect() }
    }

    /// The last row of each identity, in the order of identities. PostgreSQL refuses to write a row twice in one statement, and
    /// writing in one order keeps two writers from waiting for each other in a circle.
    pub(crate) fn last_of<K: Ord>(rows: impl IntoIterator<Item = (K, [Cell<'a>; COLUMNS])>) -> Self {
        let rows: std::collections::BTreeMap<_, _> = rows.into_iter().collect();
        Self { cells: rows.into_values().collect() }
    }

    pub(super) fn as_slice(&self) -> &[[Cell<'a>; COLUMNS]] {
        &self.cells
    }
}
