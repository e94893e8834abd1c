//! A report as rows under heads that have a type. CSV and Parquet are written from the same sheet, so that they say the same.

use jiff::Timestamp;
use rapport_partner::{FigureValue, Unit, metric::unit_name};
use rapport_rule::{Currency, Money};

use super::csv_field;

/// What a report says, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    /// Which report it is.
    pub(super) report: &'static str,
    pub(super) program: String,
    /// The moment it tells of.
    pub(super) as_of: Timestamp,
    pub(super) columns: Vec<Column>,
    /// As many cells as there are columns.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Count,
    /// Any number; money among them in whole units.
    Number,
    Money(Currency),
}

/// A column's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// A unit of the catalogue of figures, or where it stands.
    pub(super) unit: &'static str,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Count(i64),
    /// With as many decimal digits as CSV shows.
    Number {
        value: f64,
        decimals: usize,
    },
    Money(Money),
}

/// The unit of a column whose rows differ.
pub(super) const BY_ROW: &str = "by row";

impl Column {
    pub(super) fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: Kind::Text, unit: "text" }
    }

    pub(super) fn count(name: impl Into<String>) -> Self {
        Self::of(name, Unit::Count, Currency::EUR)
    }

    pub(super) fn money(name: impl Into<String>, currency: Currency) -> Self {
        Self::of(name, Unit::Money, currency)
    }

    /// Each row says in what it is counted.
    pub(super) fn by_row(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: Kind::Number, unit: BY_ROW }
    }

    /// As the catalogue counts it; only money looks at the currency.
    pub(super) fn of(name: impl Into<String>, unit: Unit, currency: Currency) -> Self {
        let kind = match unit {
            Unit::Count => Kind::Count,
            Unit::Money => Kind::Money(currency),
            Unit::Number | Unit::Percent => Kind::Number,
        };
        Self { name: name.into(), kind, unit: unit_name(unit) }
    }
}

impl Cell {
    /// Text; none of it is nothing.
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
    }

    /// As any spreadsheet reads it: money in whole units with a point.
    fn csv(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            Cell::Text(text) => csv_field(text),
            Cell::Count(count) => count.to_string(),
            Cell::Number { value, decimals } => format!("{value:.0$}", *decimals),
            Cell::Money(money) => {
                let text = money.to_string();
                text.split_once(' ').map_or(text.clone(), |(number, _)| number.to_owned())
            }
        }
    }
}

impl From<Option<FigureValue>> for Cell {
    fn from(value: Option<FigureValue>) -> Self {
        match value {
            None => Cell::Empty,
            Some(FigureValue::Count(count)) => Cell::Count(count),
            Some(FigureValue::Money(money)) => Cell::Money(money),
            Some(FigureValue::Number(value) | FigureValue::Percent(value)) => Cell::Number { value, decimals: 4 },
        }
    }
}

impl Sheet {
    /// Heads and rows as lines of CSV.
    pub(super) fn csv(&self) -> Vec<String> {
        let heads: Vec<String> = self.columns.iter().map(|column| csv_field(&column.name)).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(Cell::csv).collect::<Vec<_>>().join(","));
        std::iter::once(heads.join(",")).chain(rows).collect()
    }
}
