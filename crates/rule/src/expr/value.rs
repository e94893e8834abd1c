//! Values at run time, and the three truth values.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Type;
use crate::money::Money;

/// What a name or an expression is worth. Cloning never copies text.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not known. Every comparison with it is [`Truth::Unknown`].
    Missing,
    /// Yes or no.
    Bool(bool),
    /// Words.
    Text(Arc<str>),
    /// How many; whole.
    Count(i64),
    /// A number without a unit.
    Number(f64),
    /// An amount in a currency.
    Money(Money),
    /// On the scale 0–100, and beyond it for changes.
    Percent(f64),
    /// A length of exact time.
    Duration(SignedDuration),
    /// A moment.
    Instant(Timestamp),
    /// A day of the programme's calendar.
    Date(Date),
    /// Several words.
    List(Arc<[Arc<str>]>),
}

impl Value {
    /// A text value.
    pub fn text(text: &str) -> Value {
        Value::Text(Arc::from(text))
    }

    /// A list of texts.
    pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
        Value::List(texts.into_iter().map(Arc::from).collect())
    }

    /// Whether nothing is known.
    pub fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    /// Its type; none when missing.
    pub fn ty(&self) -> Option<Type> {
        Some(match self {
            Value::Missing => return None,
            Value::Bool(_) => Type::Bool,
            Value::Text(_) => Type::Text,
            Value::Count(_) => Type::Count,
            Value::Number(_) => Type::Number,
            Value::Money(_) => Type::Money,
            Value::Percent(_) => Type::Percent,
            Value::Duration(_) => Type::Duration,
            Value::Instant(_) => Type::Instant,
            Value::Date(_) => Type::Date,
            Value::List(_) => Type::List,
        })
    }

    /// The truth of a yes-or-no value; anything else is unknown.
    pub fn truth(&self) -> Truth {
        match self {
            Value::Bool(value) => Truth::from(*value),
            _ => Truth::Unknown,
        }
    }
}

impl From<Option<Value>> for Value {
    fn from(value: Option<Value>) -> Value {
        value.unwrap_or(Value::Missing)
    }
}

/// As people read it in explanations and texts: `214`, `31`, `100.00 EUR`, `?` for what is missing.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => f.write_str("?"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Text(text) => f.write_str(text),
            Value::Count(count) => write!(f, "{count}"),
            // Rounded for people; no more digits than anybody compares with.
            Value::Number(number) | Value::Percent(number) => write!(f, "{}", (number * 1000.0).round() / 1000.0),
            Value::Money(money) => write!(f, "{money}"),
            Value::Duration(duration) => write!(f, "{duration:#}"),
            Value::Instant(instant) => write!(f, "{instant}"),
            Value::Date(date) => write!(f, "{date}"),
            Value::List(texts) => f.write_str(&texts.join(", ")),
        }
    }
}

/// True, false, or not known (Kleene's strong logic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// ✓
    True,
    /// ✗
    False,
    /// `?`: something it depends on is missing.
    Unknown,
}

impl Truth {
    /// Both: false as soon as one is, unknown while one is.
    pub const fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::True, Truth::True) => Truth::True,
            _ => Truth::Unknown,
        }
    }

    /// Either: true as soon as one is, unknown while one is.
    pub const fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::True, _) | (_, Truth::True) => Truth::True,
            (Truth::False, Truth::False) => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// The opposite; unknown stays unknown.
    pub const fn negated(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }

    /// Whether it is true: what an `if` needs.
    pub const fn is_true(self) -> bool {
        matches!(self, Truth::True)
    }

    /// Whether it is false: what an `unless` needs to let pass.
    pub const fn is_false(self) -> bool {
        matches!(self, Truth::False)
    }

    /// ✓, ✗ or `?`.
    pub const fn sign(self) -> char {
        match self {
            Truth::True => '✓',
            Truth::False => '✗',
            Truth::Unknown => '?',
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::True } else { Truth::False }
    }
}

impl From<Truth> for Value {
    fn from(truth: Truth) -> Value {
        match truth {
            Truth::True => Value::Bool(true),
            Truth::False => Value::Bool(false),
            Truth::Unknown => Value::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{False, True, Unknown};
    use super::*;

    #[test]
    fn the_logic_has_three_values() {
        let table = [
            // a, b, a and b, a or b
            (True, True, True, True),
            (True, False, False, True),
            (True, Unknown, Unknown, True),
            (False, True, False, True),
            (False, False, False, False),
            (False, Unknown, False, Unknown),
            (Unknown, True, Unknown, True),
            (Unknown, False, False, Unknown),
            (Unknown, Unknown, Unknown, Unknown),
        ];
        for (a, b, and, or) in table {
            assert_eq!((a.and(b), a.or(b)), (and, or), "{a:?} {b:?}");
            assert_eq!(a.and(b).negated(), a.negated().or(b.negated()), "De Morgan for {a:?} {b:?}");
        }
        assert_eq!(Unknown.negated(), Unknown);
    }

    #[test]
    fn values_read_as_people_write_them() {
        assert_eq!(Value::Percent(31.0).to_string(), "31");
        assert_eq!(Value::Number(0.1 + 0.2).to_string(), "0.3");
        assert_eq!(Value::list(["a", "b"]).to_string(), "a, b");
        assert_eq!(Value::Missing.to_string(), "?");
    }
}
