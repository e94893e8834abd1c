//! The rows of a table or of a list, each asked for its values by the names of the source.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use rapport_rule::suggest::nearest;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::{ITEMS_MAX, Unreadable};
use crate::config::{FeedColumn, FeedCurrency, FeedFormat, FeedOrigin};

/// A larger item of a list is left out unread. Small values take many times their bytes when they are read, so a list is read item by
/// item, and no item is longer than what that may cost.
const ITEM_BYTES_MAX: usize = 256 << 10;
/// A header with more columns is none.
const COLUMNS_MAX: usize = 10_000;

/// All rows of a source.
pub(super) enum Rows<'a> {
    Table { reader: Box<csv::Reader<&'a [u8]>>, header: BTreeMap<String, usize>, cells: usize },
    List { items: std::vec::IntoIter<&'a RawValue>, at: usize },
}

/// One of them.
pub(super) enum Row<'h> {
    Cells {
        record: csv::ByteRecord,
        header: &'h BTreeMap<String, usize>,
        cells: usize,
    },
    /// Why it cannot be read, where it cannot.
    Item {
        item: Result<Json, String>,
        at: usize,
    },
}

impl<'a> Rows<'a> {
    pub(super) fn of(bytes: &'a [u8], origin: &FeedOrigin) -> Result<Self, Unreadable> {
        match &origin.format {
            FeedFormat::Csv { separator } => Self::table(bytes, *separator, origin),
            FeedFormat::Json { items } => Self::list(bytes, items),
        }
    }

    fn table(bytes: &'a [u8], separator: u8, origin: &FeedOrigin) -> Result<Self, Unreadable> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(bytes);
        let mut first = csv::ByteRecord::new();
        if !matches!(reader.read_byte_record(&mut first), Ok(true)) {
            return Err(Unreadable::Empty);
        }
        if first.len() > COLUMNS_MAX {
            return Err(Unreadable::TooMany { what: "columns", most: COLUMNS_MAX });
        }
        let mut header = BTreeMap::new();
        for (at, cell) in first.iter().enumerate() {
            // Of two columns of one name the first is meant.
            header.entry(String::from_utf8_lossy(cell).trim().to_owned()).or_insert(at);
        }
        for column in origin.columns.values().flat_map(named) {
            if !header.contains_key(column) {
                let near = nearest(column, header.keys().map(String::as_str)).map(str::to_owned);
                return Err(Unreadable::NoColumn { column: column.to_owned(), near });
            }
        }
        Ok(Self::Table { reader: Box::new(reader), header, cells: first.len() })
    }

    fn list(bytes: &'a [u8], keys: &[String]) -> Result<Self, Unreadable> {
        let unreadable = |error: serde_json::Error| Unreadable::NoJson(error.to_string());
        let mut at: &'a RawValue = serde_json::from_slice(bytes).map_err(unreadable)?;
        let no_list = || Unreadable::NoList(keys.join("."));
        for key in keys {
            let found = if starts_with(at, '{') { under(at, key).map_err(unreadable)? } else { None };
            at = found.ok_or_else(no_list)?;
        }
        if !starts_with(at, '[') {
            return Err(no_list());
        }
        let items = items(at).map_err(unreadable)?;
        if items.len() > ITEMS_MAX {
            return Err(Unreadable::TooMany { what: "items", most: ITEMS_MAX });
        }
        Ok(Self::List { items: items.into_iter(), at: 0 })
    }

    /// The next row, while there is one.
    pub(super) fn next(&mut self) -> Option<Row<'_>> {
        match self {
            Self::Table { reader, header, cells } => {
                let mut record = csv::ByteRecord::new();
                // From memory a record is always read: rows may be of any length, and bytes of any kind.
                let is_there = matches!(reader.read_byte_record(&mut record), Ok(true));
                is_there.then_some(Row::Cells { record, header, cells: *cells })
            }
            Self::List { items, at } => {
                let text = items.next()?.get();
                *at += 1;
                let item = if text.len() > ITEM_BYTES_MAX {
                    Err("it is larger than 256 KiB".to_owned())
                } else {
                    serde_json::from_str(text).map_err(|error| format!("it cannot be read: {error}"))
                };
                Some(Row::Item { item, at: *at })
            }
        }
    }
}

/// Whether JSON that was found sound is of the kind that begins so.
fn starts_with(value: &RawValue, sign: char) -> bool {
    value.get().trim_start().starts_with(sign)
}

/// The value under a key of an object; of two of one name the last, as everywhere in JSON.
fn under<'a>(object: &'a RawValue, key: &str) -> Result<Option<&'a RawValue>, serde_json::Error> {
    struct Under<'k>(&'k str);
    impl<'de> Visitor<'de> for Under<'_> {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    found = Some(map.next_value::<&'de RawValue>()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    serde_json::Deserializer::from_str(object.get()).deserialize_map(Under(key))
}

/// The items of a list, each still as it was written, and no more than show that there are too many.
fn items(list: &RawValue) -> Result<Vec<&RawValue>, serde_json::Error> {
    struct Items;
    impl<'de> Visitor<'de> for Items {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = list.next_element::<&'de RawValue>()? {
                if items.len() > ITEMS_MAX {
                    while list.next_element::<IgnoredAny>()?.is_some() {}
                    break;
                }
                items.push(item);
            }
            Ok(items)
        }
    }
    serde_json::Deserializer::from_str(list.get()).deserialize_seq(Items)
}

/// The columns of the source that a field is made of.
fn named(column: &FeedColumn) -> Vec<&str> {
    match column {
        FeedColumn::Named(name) => vec![name.as_str()],
        FeedColumn::Money { amount, currency: FeedCurrency::Column(currency), .. } => {
            vec![amount.as_str(), currency.as_str()]
        }
        FeedColumn::Money { amount, currency: FeedCurrency::Always(_), .. } => vec![amount.as_str()],
    }
}

impl Row<'_> {
    /// Where it stands, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Cells { record, .. } => format!("line {}", record.position().map_or(0, csv::Position::line)),
            Self::Item { at, .. } => format!("item {at}"),
        }
    }

    /// A row with more or fewer cells than the header was cut or shifted: what stands in it stands in the wrong column.
    pub(super) fn is_whole(&self) -> Result<(), String> {
        match self {
            Self::Cells { record, cells, .. } if record.len() != *cells => {
                Err(format!("it has {} cells, and the header {cells}", record.len()))
            }
            Self::Item { item: Err(why), .. } => Err(why.clone()),
            Self::Item { item: Ok(item), .. } if !item.is_object() => Err("it is not an object".to_owned()),
            _ => Ok(()),
        }
    }

    /// How many rows of the source are lost with one that is not whole: a quote that nobody closes takes those behind it into its
    /// cell.
    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Cells { record, .. } => 1 + record.as_slice().iter().filter(|byte| **byte == b'\n').count(),
            Self::Item { .. } => 1,
        }
    }

    /// The text of a column, without the spaces around it; none where nothing stands.
    pub(super) fn text(&self, column: &str) -> Result<Option<Cow<'_, str>>, String> {
        let text = match self {
            Self::Cells { record, header, .. } => {
                let cell = header.get(column).and_then(|at| record.get(*at)).unwrap_or_default();
                Cow::Borrowed(std::str::from_utf8(cell).map_err(|_| "is not UTF-8".to_owned())?)
            }
            Self::Item { item, .. } => match item.as_ref().ok().and_then(|item| below(item, column)) {
                None | Some(Json::Null) => return Ok(None),
                Some(Json::String(text)) => Cow::Borrowed(text.as_str()),
                Some(Json::Number(number)) => Cow::Owned(number.to_string()),
                Some(Json::Bool(_)) => return Err("is true or false".to_owned()),
                Some(Json::Array(_)) => return Err("is a list".to_owned()),
                Some(Json::Object(_)) => return Err("has keys of its own: name one, like `price.value`".to_owned()),
            },
        };
        let text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        Ok((!text.is_empty()).then_some(text))
    }
}

/// The value under a key, or under a key of a key.
fn below<'j>(item: &'j Json, column: &str) -> Option<&'j Json> {
    item.get(column).or_else(|| column.split('.').try_fold(item, |at, key| at.get(key)))
}
