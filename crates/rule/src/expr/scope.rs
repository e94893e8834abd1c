//! What the names are worth now.

use super::Value;
use crate::money::{Currency, Money};

/// The values an expression is judged against. It answers for every name its [`super::Environment`] declares; what it
/// does not know is [`Value::Missing`].
pub trait Scope {
    /// The value of a path, of the declared type or missing. Asked for every judgement: keep it cheap.
    fn value(&self, path: &str) -> Value;

    /// The result of a declared method.
    fn call(&self, object: &str, method: &str, args: &[Value]) -> Value {
        let _ = (object, method, args);
        Value::Missing
    }

    /// Why a value is missing, in a few words for who reads an explanation, where that can be said.
    fn why_missing(&self, path: &str) -> Option<&'static str> {
        let _ = path;
        None
    }

    /// An amount in another currency at the rate of the day; none when no rate is known, and the comparison is then `?`.
    fn convert(&self, money: Money, to: Currency) -> Option<Money> {
        let _ = (money, to);
        None
    }
}
