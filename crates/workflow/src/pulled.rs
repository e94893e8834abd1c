//! Reads what a shop publishes into the items of a feed: every row is held against the fields, and what does not fit is left out
//! and told with its line.
//!
//! Nothing in it is believed. Values are data: what looks like a formula or like markup is text, which templates escape. A source
//! of which more than a tenth does not fit is refused as a whole: it is rather another file than a few bad rows.

mod rows;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json};

use crate::config::{Feed, FeedOrigin, is_valid_item, may_be_missing_of_item};
use rows::{Row, Rows};

/// More than one item of so many that does not fit, and nothing of the source is taken.
const GOOD_OF_ONE_BAD: usize = 10;
/// A source of more items is refused: mails show a few of twenty thousand at most.
const ITEMS_MAX: usize = 1_000_000;
/// So many that do not fit are told; the others are counted.
const TOLD_MAX: usize = 20;

/// What was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// Items that fit, in the order of the source.
    pub items: Vec<Json>,
    /// Items that did not.
    pub bad: Bad,
    /// Items whose last day has passed.
    pub expired: usize,
    /// Items beyond `at_most`.
    pub beyond: usize,
}

/// Items that did not fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bad {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub told: Vec<LeftOut>,
}

/// An item that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it stands: `line 12`, `item 3`.
    pub place: String,
    /// Why it is left out.
    pub why: String,
}

/// Why a source is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// It is not JSON.
    NoJson(String),
    /// There is no list where one should be.
    NoList(String),
    /// It has no such column.
    NoColumn {
        /// The column that is named.
        column: String,
        /// The one it resembles.
        near: Option<String>,
    },
    /// It holds no item.
    Empty,
    /// It holds more than anybody means.
    TooMany {
        /// Of what.
        what: &'static str,
        /// So many it may hold.
        most: usize,
    },
    /// More than a tenth does not fit.
    TooManyBad {
        /// What does not.
        bad: Bad,
        /// How many items there are.
        of: usize,
    },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJson(why) => write!(f, "it is not JSON: {why}"),
            Self::NoList(keys) if keys.is_empty() => {
                f.write_str("it is not a list of items; `items` may say where one is")
            }
            Self::NoList(keys) => write!(f, "there is no list of items at `{keys}`"),
            Self::NoColumn { column, near: None } => write!(f, "it has no column `{column}`"),
            Self::NoColumn { column, near: Some(near) } => {
                write!(f, "it has no column `{column}`; is `{near}` meant?")
            }
            Self::Empty => f.write_str("it holds no item"),
            Self::TooMany { what, most } => write!(f, "it holds more than {most} {what}"),
            Self::TooManyBad { bad, of } => {
                write!(f, "{} of {of} items do not fit, which is more than a tenth", bad.count)
            }
        }
    }
}

impl std::error::Error for Unreadable {}

/// Reads the items of a feed that is pulled. `zone` is the programme's, by whose days items end.
///
/// # Errors
/// See [`Unreadable`]: nothing of such a source is taken.
pub fn read(
    feed: &Feed,
    origin: &FeedOrigin,
    bytes: &[u8],
    today: Date,
    zone: &TimeZone,
) -> Result<Pulled, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut pulled = Pulled { items: Vec::new(), bad: Bad::default(), expired: 0, beyond: 0 };
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    let mut all = 0;
    let mut rows = Rows::of(bytes, origin)?;
    while let Some(row) = rows.next() {
        if all >= ITEMS_MAX {
            return Err(Unreadable::TooMany { what: "items", most: ITEMS_MAX });
        }
        let place = row.place();
        if let Err(why) = row.is_whole() {
            all += row.rows();
            pulled.bad.add(place, why, row.rows());
            continue;
        }
        all += 1;
        let item = match item(feed, origin, &row, zone) {
            Ok(item) => item,
            Err(why) => {
                pulled.bad.add(place, why, 1);
                continue;
            }
        };
        let id = item.get("id").and_then(Json::as_str).unwrap_or_default().to_owned();
        if let Some(first) = places.get(&id) {
            let why = format!("its `id` is that of {first}");
            pulled.bad.add(place, why, 1);
            continue;
        }
        places.insert(id, place);
        if !is_valid_item(&item, today) {
            pulled.expired += 1;
        } else if pulled.items.len() < origin.at_most {
            pulled.items.push(item);
        } else {
            pulled.beyond += 1;
        }
    }
    if all == 0 {
        return Err(Unreadable::Empty);
    }
    if pulled.bad.count * GOOD_OF_ONE_BAD > all {
        return Err(Unreadable::TooManyBad { bad: pulled.bad, of: all });
    }
    Ok(pulled)
}

/// The file of a feed: when its items were pulled, and an item a line, so that a difference shows which changed.
#[must_use]
pub fn file_text(items: &[Json], pulled_at: Timestamp) -> String {
    let mut text = format!("{{\n\"pulled_at\": \"{pulled_at}\",\n\"items\": [");
    for (at, item) in items.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&item.to_string());
    }
    text.push_str("\n]\n}\n");
    text
}

impl Bad {
    fn add(&mut self, place: String, why: String, rows: usize) {
        self.count += rows;
        if self.told.len() < TOLD_MAX {
            self.told.push(LeftOut { place, why });
        }
    }
}

fn item(feed: &Feed, origin: &FeedOrigin, row: &Row<'_>, zone: &TimeZone) -> Result<Json, String> {
    let mut item = Map::new();
    for (name, ty) in &feed.fields {
        let Some(column) = origin.columns.get(name) else { continue };
        match value::of(*ty, column, row, zone).map_err(|why| format!("`{name}` {why}"))? {
            Some(value) => {
                item.insert(name.to_string(), value);
            }
            None if may_be_missing_of_item(name) => {}
            None => return Err(format!("`{name}` is missing")),
        }
    }
    Ok(Json::Object(item))
}
