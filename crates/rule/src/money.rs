//! Amounts of money: whole minor units and a currency, never a bare number.

mod iso4217;

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A currency of ISO 4217, as its three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Euro, the currency examples are written in.
    pub const EUR: Currency = Currency(*b"EUR");

    /// Reads `EUR`; none unless it is a current code of ISO 4217 in capital letters.
    pub fn parse(code: &str) -> Option<Currency> {
        let letters: [u8; 3] = code.as_bytes().try_into().ok()?;
        iso4217::exponent(letters).map(|_| Currency(letters))
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }

    /// How many decimal digits the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        iso4217::exponent(self.0).unwrap_or(2)
    }

    /// How many minor units make one: 100 for EUR, 1 for JPY.
    pub fn minor_per_unit(self) -> i64 {
        10_i64.pow(self.exponent())
    }

    /// The known code nearest to a word, for "did you mean".
    pub fn nearest(word: &str) -> Option<&'static str> {
        let upper = word.to_uppercase();
        let exact = iso4217::codes().find(|code| *code == upper);
        exact.or_else(|| crate::suggest::nearest(&upper, iso4217::codes()))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Currency::parse(&code).ok_or_else(|| serde::de::Error::custom("not a currency of ISO 4217"))
    }
}

/// An amount in whole minor units (cents for EUR, yen for JPY).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; negative for what is taken back.
    pub minor: i64,
    /// Their currency.
    pub currency: Currency,
}

/// Why a text is no amount of money.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum MoneyError {
    /// No currency behind the number.
    #[error("`{0}` needs a currency, like `100 EUR`")]
    NoCurrency(String),
    /// The word behind the number is no currency.
    #[error("`{code}` is no currency of ISO 4217")]
    UnknownCurrency {
        /// The word as written.
        code: String,
        /// The currency it resembles.
        near: Option<&'static str>,
    },
    /// What stands in front is not a plain decimal number.
    #[error("money is a number and a currency, like `100 EUR` or `9.90 EUR`")]
    NotANumber,
    /// More decimal digits than the currency has.
    #[error("{currency} has {digits} decimal digits")]
    TooManyDigits {
        /// The currency.
        currency: Currency,
        /// How many digits it has.
        digits: u32,
    },
    /// Beyond what fits.
    #[error("the amount is too large")]
    TooLarge,
}

impl Money {
    /// That many minor units of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Money {
        Money { minor, currency }
    }

    /// Reads `100 EUR`, `9.90 EUR`, `-5 EUR`. No thousands separators: `1,000` means different things in Oslo and Boston.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        let text = text.trim();
        let number_ends = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
        let (number, code) = text.split_at_checked(number_ends).ok_or(MoneyError::NotANumber)?;
        let code = code.trim();
        if number.is_empty() {
            return Err(MoneyError::NotANumber);
        }
        if code.is_empty() {
            return Err(MoneyError::NoCurrency(text.to_owned()));
        }
        if code.starts_with(|c: char| !c.is_alphabetic()) {
            return Err(MoneyError::NotANumber);
        }
        let currency = Currency::parse(code)
            .ok_or_else(|| MoneyError::UnknownCurrency { code: code.to_owned(), near: Currency::nearest(code) })?;
        Money::from_decimal(number, currency)
    }

    /// The amount in its right form, for a text that is none and can only be this one: its currency stands in front (`EUR 100`), in
    /// small letters (`100 eur`), or is the sign of the euro. None for what may be two amounts: `1,000 EUR`, `€ 1.000`.
    pub fn put_right(text: &str) -> Option<String> {
        let text = text.trim();
        let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '-';
        let (number, code) = if text.starts_with(is_number) {
            text.split_at_checked(text.find(|c: char| !is_number(c))?)?
        } else {
            let (code, number) = text.split_at_checked(text.find(is_number)?)?;
            (number, code)
        };
        if number.rsplit_once('.').is_some_and(|(_, fraction)| fraction.len() == 3) {
            return None;
        }
        let code = match code.trim() {
            "€" => "EUR".to_owned(),
            code => code.to_uppercase(),
        };
        let right = format!("{number} {code}");
        (right != text && Money::parse(&right).is_ok()).then_some(right)
    }

    /// Reads a plain decimal number (`100`, `9.9`, `-5.00`) as an amount of a currency, exactly.
    pub fn from_decimal(number: &str, currency: Currency) -> Result<Money, MoneyError> {
        let (negative, digits) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let complete = !whole.is_empty() && (digits.len() == whole.len() || !fraction.is_empty());
        if !complete || !plain(whole) || !plain(fraction) {
            return Err(MoneyError::NotANumber);
        }
        let exponent = currency.exponent() as usize;
        let significant = fraction.trim_end_matches('0');
        if significant.len() > exponent {
            return Err(MoneyError::TooManyDigits { currency, digits: currency.exponent() });
        }
        let padded = format!("{whole}{significant:0<exponent$}");
        let minor: i64 = padded.parse().map_err(|_| MoneyError::TooLarge)?;
        Ok(Money { minor: if negative { -minor } else { minor }, currency })
    }

    /// The sum, if the currency is the same and it fits.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        let minor = self.minor.checked_add(other.minor).filter(|_| self.currency == other.currency)?;
        Some(Money { minor, ..self })
    }

    /// The difference, if the currency is the same and it fits.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        let minor = self.minor.checked_sub(other.minor).filter(|_| self.currency == other.currency)?;
        Some(Money { minor, ..self })
    }

    /// The amount times a factor, rounded half away from zero to whole minor units; none when it does not fit.
    pub fn times(self, factor: f64) -> Option<Money> {
        self.rounded(self.minor as f64 * factor)
    }

    /// The amount divided by a number, rounded likewise; none when that is 0 or the result does not fit.
    pub fn divided(self, by: f64) -> Option<Money> {
        self.rounded(self.minor as f64 / by)
    }

    fn rounded(self, minor: f64) -> Option<Money> {
        let minor = minor.round();
        // 2^53: beyond it f64 no longer counts in ones.
        (minor.is_finite() && minor.abs() <= 9_007_199_254_740_992.0).then_some(Money { minor: minor as i64, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent() as usize;
        let per_unit = self.currency.minor_per_unit().unsigned_abs();
        let (whole, rest) = (self.minor.unsigned_abs() / per_unit, self.minor.unsigned_abs() % per_unit);
        let sign = if self.minor < 0 { "-" } else { "" };
        if exponent == 0 {
            write!(f, "{sign}{whole} {}", self.currency)
        } else {
            write!(f, "{sign}{whole}.{rest:0exponent$} {}", self.currency)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = match Money::parse(text) {
            Ok(money) => money.to_string(),
            Err(MoneyError::UnknownCurrency { near, .. }) => format!("unknown currency, near {near:?}"),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn money_keeps_its_minor_units_exactly() {
        check("100 EUR", "100.00 EUR");
        check("9.9 EUR", "9.90 EUR");
        check("-0.05 EUR", "-0.05 EUR");
        check("1000 JPY", "1000 JPY");
        check("1.234 KWD", "1.234 KWD");
        check("9.90 JPY", "JPY has 0 decimal digits");
        check("100EUR", "100.00 EUR");
    }

    #[test]
    fn a_bare_or_odd_amount_is_refused() {
        check("100", "`100` needs a currency, like `100 EUR`");
        check("100 EURO", "unknown currency, near Some(\"EUR\")");
        check("100 eur", "unknown currency, near Some(\"EUR\")");
        check("1,000 EUR", "money is a number and a currency, like `100 EUR` or `9.90 EUR`");
        check("EUR 100", "money is a number and a currency, like `100 EUR` or `9.90 EUR`");
        check("1. EUR", "money is a number and a currency, like `100 EUR` or `9.90 EUR`");
        check("--1 EUR", "money is a number and a currency, like `100 EUR` or `9.90 EUR`");
        check("99999999999999999999 EUR", "the amount is too large");
    }

    #[test]
    fn an_amount_in_other_words_is_put_right_if_it_can_be_one_only() {
        for (text, right) in [
            ("100 eur", Some("100 EUR")),
            ("EUR 9.90", Some("9.90 EUR")),
            ("€5", Some("5 EUR")),
            ("5 €", Some("5 EUR")),
            ("100 EUR", None),
            ("$5", None),
            ("1,000 EUR", None),
            ("€ 1.000", None),
            ("100 EURO", None),
            ("100", None),
            ("EUR", None),
            ("", None),
        ] {
            assert_eq!(Money::put_right(text).as_deref(), right, "{text}");
        }
    }

    #[test]
    fn amounts_of_two_currencies_do_not_add() {
        let (euro, yen) = (Money::new(100, Currency::EUR), Money::new(1, Currency::parse("JPY").unwrap()));
        assert_eq!(euro.checked_add(yen), None);
        assert_eq!(euro.checked_add(euro), Some(Money::new(200, Currency::EUR)));
        assert_eq!(euro.times(1.3), Some(Money::new(130, Currency::EUR)));
        assert_eq!(euro.times(f64::NAN), None);
        assert_eq!(serde_json::to_string(&euro).unwrap(), r#"{"minor":100,"currency":"EUR"}"#);
        assert!(serde_json::from_str::<Money>(r#"{"minor":100,"currency":"EUX"}"#).is_err());
    }
}
