//! The compiled expression and how it is judged.

use std::cmp::Ordering;
use std::sync::Arc;

use super::syntax::{Arithmetic, Comparison};
use super::{Scope, Truth, Type, Value};
use crate::money::Money;

/// A compiled expression. Judging it asks the scope for its names and allocates nothing by itself.
#[derive(Clone, Debug)]
pub struct Expr {
    pub(super) text: Arc<str>,
    pub(super) tree: Tree,
    pub(super) ty: Type,
    pub(super) maybe_missing: bool,
    pub(super) names: Vec<Arc<str>>,
}

/// Two expressions are equal when they are written alike; they were compiled against the same names.
impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.text == other.text
    }
}

impl Eq for Expr {}

impl Expr {
    /// The expression as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The type of its value.
    pub fn ty(&self) -> Type {
        self.ty
    }

    /// Whether its value may be missing because a name in it may be.
    pub fn maybe_missing(&self) -> bool {
        self.maybe_missing
    }

    /// The names it asks, each once, in order of first use.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The one name it consists of: `partner.country`.
    pub fn as_name(&self) -> Option<&str> {
        match &self.tree {
            Tree::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Its value now.
    pub fn value(&self, scope: &dyn Scope) -> Value {
        self.tree.value(scope)
    }

    /// Its answer now; unknown if it is not a yes-or-no expression.
    pub fn judge(&self, scope: &dyn Scope) -> Truth {
        self.tree.truth(scope)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Tree {
    Constant(Value),
    Name(Arc<str>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Not(Box<Tree>),
    Compare(Comparison, Box<Tree>, Box<Tree>),
    /// Equal to one of these.
    OneOf(Box<Tree>, Vec<Tree>),
    /// One of a list that is a value.
    In(Box<Tree>, Box<Tree>),
    Arithmetic(Arithmetic, Box<Tree>, Box<Tree>),
    Negate(Box<Tree>),
    TextTest(TextTest, Box<Tree>, Box<Tree>),
    Call {
        object: Arc<str>,
        method: Arc<str>,
        args: Args,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

/// Arguments known at compile time need no work at each judgement.
#[derive(Clone, Debug)]
pub(super) enum Args {
    Fixed(Box<[Value]>),
    Computed(Vec<Tree>),
}

impl Tree {
    pub(super) fn truth(&self, scope: &dyn Scope) -> Truth {
        match self {
            Tree::Constant(value) => value.truth(),
            Tree::And(left, right) => match left.truth(scope) {
                Truth::False => Truth::False,
                left => left.and(right.truth(scope)),
            },
            Tree::Or(left, right) => match left.truth(scope) {
                Truth::True => Truth::True,
                left => left.or(right.truth(scope)),
            },
            Tree::Not(inner) => inner.truth(scope).negated(),
            Tree::Compare(comparison, left, right) => {
                let (mut a, mut b) = (Value::Missing, Value::Missing);
                compare(*comparison, left.seen(scope, &mut a), right.seen(scope, &mut b), scope)
            }
            Tree::OneOf(needle, items) => {
                let mut a = Value::Missing;
                let needle = needle.seen(scope, &mut a);
                let mut found = Truth::False;
                for item in items {
                    let mut b = Value::Missing;
                    found = found.or(compare(Comparison::Equal, needle, item.seen(scope, &mut b), scope));
                    if found.is_true() {
                        break;
                    }
                }
                found
            }
            Tree::In(needle, list) => {
                let (mut a, mut b) = (Value::Missing, Value::Missing);
                match (needle.seen(scope, &mut a), list.seen(scope, &mut b)) {
                    (Value::Text(text), Value::List(texts)) => Truth::from(texts.iter().any(|item| item == text)),
                    _ => Truth::Unknown,
                }
            }
            Tree::TextTest(test, text, part) => {
                let (mut a, mut b) = (Value::Missing, Value::Missing);
                match (text.seen(scope, &mut a), part.seen(scope, &mut b)) {
                    (Value::Text(text), Value::Text(part)) => Truth::from(match test {
                        TextTest::StartsWith => text.starts_with(&**part),
                        TextTest::EndsWith => text.ends_with(&**part),
                        TextTest::Contains => text.contains(&**part),
                    }),
                    _ => Truth::Unknown,
                }
            }
            Tree::Name(_) | Tree::Arithmetic(..) | Tree::Negate(_) | Tree::Call { .. } => self.value(scope).truth(),
        }
    }

    pub(super) fn value(&self, scope: &dyn Scope) -> Value {
        match self {
            Tree::Constant(value) => value.clone(),
            Tree::Name(name) => scope.value(name),
            Tree::Arithmetic(sign, left, right) => {
                let (mut a, mut b) = (Value::Missing, Value::Missing);
                calculate(*sign, left.seen(scope, &mut a), right.seen(scope, &mut b), scope)
            }
            Tree::Negate(inner) => match inner.value(scope) {
                Value::Count(count) => count.checked_neg().map(Value::Count).into(),
                Value::Number(number) => Value::Number(-number),
                Value::Percent(percent) => Value::Percent(-percent),
                Value::Money(money) => {
                    money.minor.checked_neg().map(|minor| Value::Money(Money { minor, ..money })).into()
                }
                Value::Duration(duration) => duration.checked_neg().map(Value::Duration).into(),
                _ => Value::Missing,
            },
            Tree::Call { object, method, args } => match args {
                Args::Fixed(args) => scope.call(object, method, args),
                Args::Computed(args) => {
                    let args: Vec<Value> = args.iter().map(|arg| arg.value(scope)).collect();
                    if args.iter().any(Value::is_missing) { Value::Missing } else { scope.call(object, method, &args) }
                }
            },
            _ => Value::from(self.truth(scope)),
        }
    }

    /// The value without copying a constant.
    fn seen<'a>(&'a self, scope: &dyn Scope, slot: &'a mut Value) -> &'a Value {
        match self {
            Tree::Constant(value) => value,
            _ => {
                *slot = self.value(scope);
                slot
            }
        }
    }
}

/// Compares two values of fitting types; unknown if one is missing, or if money cannot be converted.
pub(super) fn compare(comparison: Comparison, left: &Value, right: &Value, scope: &dyn Scope) -> Truth {
    let ordering = match (left, right) {
        (Value::Count(a), Value::Count(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => return equality(comparison, a == b),
        (Value::Bool(a), Value::Bool(b)) => return equality(comparison, a == b),
        (Value::Money(a), Value::Money(b)) if a.currency == b.currency => Some(a.minor.cmp(&b.minor)),
        (Value::Money(a), Value::Money(b)) => scope
            .convert(*a, b.currency)
            .filter(|converted| converted.currency == b.currency)
            .map(|converted| converted.minor.cmp(&b.minor)),
        (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(b)),
        (Value::Instant(a), Value::Instant(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        _ => number(left).zip(number(right)).and_then(|(a, b)| a.partial_cmp(&b)),
    };
    let Some(ordering) = ordering else { return Truth::Unknown };
    Truth::from(match comparison {
        Comparison::Equal => ordering == Ordering::Equal,
        Comparison::NotEqual => ordering != Ordering::Equal,
        Comparison::Less => ordering == Ordering::Less,
        Comparison::LessOrEqual => ordering != Ordering::Greater,
        Comparison::Greater => ordering == Ordering::Greater,
        Comparison::GreaterOrEqual => ordering != Ordering::Less,
    })
}

fn equality(comparison: Comparison, equal: bool) -> Truth {
    match comparison {
        Comparison::Equal => Truth::from(equal),
        Comparison::NotEqual => Truth::from(!equal),
        _ => Truth::Unknown,
    }
}

/// A value on the line of numbers; the check has seen to it that only fitting ones meet.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Count(count) => Some(*count as f64),
        Value::Number(number) | Value::Percent(number) => Some(*number),
        _ => None,
    }
}

/// Calculates with two values; missing if one is, on overflow, and on division by nothing.
pub(super) fn calculate(sign: Arithmetic, left: &Value, right: &Value, scope: &dyn Scope) -> Value {
    calculated(sign, left, right, scope).into()
}

fn calculated(sign: Arithmetic, left: &Value, right: &Value, scope: &dyn Scope) -> Option<Value> {
    use Arithmetic::{Divide, Minus, Plus, Remainder, Times};
    let finite = |number: f64| number.is_finite().then_some(number);
    Some(match (left, right) {
        (Value::Missing, _) | (_, Value::Missing) => return None,
        (Value::Count(a), Value::Count(b)) => match sign {
            Plus => Value::Count(a.checked_add(*b)?),
            Minus => Value::Count(a.checked_sub(*b)?),
            Times => Value::Count(a.checked_mul(*b)?),
            Remainder => Value::Count(a.checked_rem(*b)?),
            Divide => Value::Number(finite(*a as f64 / *b as f64)?),
        },
        (Value::Money(a), Value::Money(b)) => {
            let b = if a.currency == b.currency { *b } else { scope.convert(*b, a.currency)? };
            match sign {
                Plus => Value::Money(a.checked_add(b)?),
                Minus => Value::Money(a.checked_sub(b)?),
                Divide if a.currency == b.currency => Value::Number(finite(a.minor as f64 / b.minor as f64)?),
                _ => return None,
            }
        }
        (Value::Money(money), factor) => match sign {
            Times => Value::Money(money.times(number(factor)?)?),
            Divide => Value::Money(money.divided(number(factor)?)?),
            _ => return None,
        },
        (factor, Value::Money(money)) if sign == Times => Value::Money(money.times(number(factor)?)?),
        (Value::Instant(a), Value::Instant(b)) if sign == Minus => Value::Duration(a.duration_since(*b)),
        (Value::Instant(a), Value::Duration(b)) => match sign {
            Plus => Value::Instant(a.checked_add(*b).ok()?),
            Minus => Value::Instant(a.checked_sub(*b).ok()?),
            _ => return None,
        },
        (Value::Date(a), Value::Date(b)) if sign == Minus => Value::Count(a.duration_since(*b).as_hours() / 24),
        (Value::Duration(a), Value::Duration(b)) => match sign {
            Plus => Value::Duration(a.checked_add(*b)?),
            Minus => Value::Duration(a.checked_sub(*b)?),
            Divide => Value::Number(finite(a.as_secs_f64() / b.as_secs_f64())?),
            _ => return None,
        },
        _ => {
            let (a, b) = (number(left)?, number(right)?);
            let result = finite(match sign {
                Plus => a + b,
                Minus => a - b,
                Times => a * b,
                Divide => a / b,
                Remainder => a % b,
            })?;
            let percent = matches!(left, Value::Percent(_)) || matches!(right, Value::Percent(_));
            // A percentage over a percentage is a plain ratio.
            let ratio = sign == Divide && matches!(right, Value::Percent(_));
            if percent && !ratio { Value::Percent(result) } else { Value::Number(result) }
        }
    })
}
