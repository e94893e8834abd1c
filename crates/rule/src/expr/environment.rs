//! Which names an expression may use, and what is known of them before anything runs.

use std::sync::Arc;

use super::Value;
use crate::finding::Findings;
use crate::yaml::Node;

/// The types of values, units included: a count is no percent and no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Yes or no.
    Bool,
    /// Words.
    Text,
    /// How many: whole, 0 or more unless [`Variable::may_be_negative`].
    Count,
    /// A number without a unit.
    Number,
    /// An amount in a currency.
    Money,
    /// On the scale 0–100.
    Percent,
    /// A length of exact time.
    Duration,
    /// A moment.
    Instant,
    /// A day.
    Date,
    /// Several words.
    List,
}

impl Type {
    /// The type for people, with its article: "a count".
    pub const fn described(self) -> &'static str {
        match self {
            Type::Bool => "true or false",
            Type::Text => "a text",
            Type::Count => "a count",
            Type::Number => "a number",
            Type::Money => "an amount of money",
            Type::Percent => "a percentage",
            Type::Duration => "a length of time",
            Type::Instant => "a moment",
            Type::Date => "a date",
            Type::List => "a list of texts",
        }
    }

    /// How to write a value of this type, for hints.
    pub const fn example(self) -> &'static str {
        match self {
            Type::Bool => "true",
            Type::Text => "\"vip\"",
            Type::Count => "3",
            Type::Number => "1.5",
            Type::Money => "money(\"100 EUR\")",
            Type::Percent => "40",
            Type::Duration => "duration(\"36 hours\")",
            Type::Instant => "instant(\"2026-10-01T08:00:00Z\")",
            Type::Date => "date(\"2026-10-01\")",
            Type::List => "[\"NO\", \"SE\"]",
        }
    }
}

/// What is known of a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// Its type.
    pub ty: Type,
    /// Whether it may be missing when the expression is judged.
    pub maybe_missing: bool,
    /// Whether a count or amount may be below 0; otherwise `x >= 0` is always true and said so.
    pub may_be_negative: bool,
    /// What it is never above, if it has such a bound; `x > bound` is never true and said so.
    pub at_most: Option<u32>,
    /// The only texts it can have; comparing with another is R0214.
    pub closed_set: Option<Arc<[Arc<str>]>>,
    /// Whether it may be another text all the same, one that others make up and nobody can mean: nothing follows from its being none
    /// of the set.
    pub may_be_another: bool,
}

impl Variable {
    /// A name that always has a value of this type.
    pub const fn of(ty: Type) -> Variable {
        Variable {
            ty,
            maybe_missing: false,
            may_be_negative: false,
            at_most: None,
            closed_set: None,
            may_be_another: false,
        }
    }

    /// The same, and it may be missing.
    pub fn or_missing(self) -> Variable {
        Variable { maybe_missing: true, ..self }
    }

    /// The same, and it may be below 0.
    pub fn or_negative(self) -> Variable {
        Variable { may_be_negative: true, ..self }
    }

    /// The same, and it is never above this.
    pub fn never_above(self, bound: u32) -> Variable {
        Variable { at_most: Some(bound), ..self }
    }

    /// A text that can only be one of these.
    pub fn one_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Variable {
        Variable { closed_set: Some(texts.into_iter().map(Arc::from).collect()), ..Variable::of(Type::Text) }
    }
}

/// A method of an object: `event.has_category("shoes")`.
#[derive(Clone, Debug, PartialEq)]
pub struct Method {
    /// The types of its arguments, in order.
    pub args: Vec<Type>,
    /// The type of its result.
    pub returns: Type,
}

/// Why a constant may not be given to a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The code of the finding.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// The nearest right thing.
    pub near: Option<String>,
}

/// What may be named where an expression stands.
pub trait Environment {
    /// What a dotted path (`partner.country`, `conversions_90d`) is; none if there is no such name.
    fn lookup(&self, path: &str) -> Option<Variable>;

    /// All names, or those worth proposing, for "did you mean".
    fn names(&self) -> Vec<String>;

    /// Why there is no such name, where it is made of parts that may each be wrong: "a window has 1 to 400 days".
    fn why_not(&self, path: &str) -> Option<String> {
        let _ = path;
        None
    }

    /// A method of an object (`event`, `has_category`); none if there is none.
    fn method(&self, object: &str, method: &str) -> Option<Method> {
        let _ = (object, method);
        None
    }

    /// Whether a constant may be given to a method: what is wrong with it, and the nearest right thing.
    ///
    /// # Errors
    /// The value names what does not exist.
    fn argument(&self, object: &str, method: &str, value: &Value) -> Result<(), Refused> {
        let _ = (object, method, value);
        Ok(())
    }

    /// Whether a name can ever have this text: what is wrong with it, for those that are written in a form of their own (a country's two
    /// letters).
    ///
    /// # Errors
    /// It never can.
    fn possible(&self, path: &str, text: &str) -> Result<(), Refused> {
        let _ = (path, text);
        Ok(())
    }

    /// Keys under which a condition is written as a map and not as an expression, besides `any` and `not`.
    fn forms(&self) -> &'static [&'static str] {
        &[]
    }

    /// The expression that the map under such a key stands for; none with at least one error.
    fn spelled_out(&self, form: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
        let _ = (form, node, path, findings);
        None
    }

    /// The methods of an object, for "did you mean".
    fn methods(&self, object: &str) -> Vec<String> {
        let _ = object;
        Vec::new()
    }
}
