//! How single fields are read: errors begin with the code of their rejection, so that [`crate::decode`] can tell them apart.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rapport_rule::money::Currency;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

/// The largest amount in minor units; sums of nine thousand of them still fit into 64 bits, and metrics add saturating.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

const LINE_BYTES_MAX: usize = 500;
const BLOCK_BYTES_MAX: usize = 65_536;
const LIST_MAX: usize = 500;

struct Text<T> {
    lines: bool,
    holds: PhantomData<T>,
}

impl<T: for<'a> From<&'a str>> Visitor<'_> for Text<T> {
    type Value = Option<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let (clean, max) = if self.lines {
            (crate::clean::block(text), BLOCK_BYTES_MAX)
        } else {
            (crate::clean::line(text), LINE_BYTES_MAX)
        };
        if clean.len() > max {
            return Err(E::custom(format_args!("too_long: a text of {} bytes where {max} are allowed", clean.len())));
        }
        Ok((!clean.is_empty()).then(|| T::from(&*clean)))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(T::from(&number.to_string())))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(T::from(&number.to_string())))
    }
}

/// A cleaned line of at most 500 bytes; `null` and an empty text are no text, a whole number is its digits.
pub(crate) fn line<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Text { lines: false, holds: PhantomData })
}

/// A cleaned line that must be there.
pub(crate) fn word<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<T, D::Error> {
    line(deserializer)?.ok_or_else(|| D::Error::custom("bad_value: an empty text"))
}

/// Cleaned free text of several lines, at most 64 KiB.
pub(crate) fn block<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Text { lines: true, holds: PhantomData })
}

struct Words;

impl<'de> Visitor<'de> for Words {
    type Value = Option<Vec<Arc<str>>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        struct Word(Option<Arc<str>>);
        impl<'de> Deserialize<'de> for Word {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                line(deserializer).map(Word)
            }
        }
        let mut words = Vec::new();
        while let Some(Word(word)) = access.next_element()? {
            words.extend(word);
            if words.len() > LIST_MAX {
                return Err(A::Error::custom("too_long: a list of more than 500 entries"));
            }
        }
        Ok(Some(words))
    }
}

/// A list of cleaned lines, at most 500; tells a missing list from an empty one.
pub(crate) fn words_maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Arc<str>>>, D::Error> {
    deserializer.deserialize_any(Words)
}

/// A list of cleaned lines, at most 500.
pub(crate) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<str>>, D::Error> {
    words_maybe(deserializer).map(Option::unwrap_or_default)
}

struct Minor;

impl Visitor<'_> for Minor {
    type Value = Option<i64>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number of minor units")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        match i64::try_from(number) {
            Ok(minor) if minor <= AMOUNT_MAX => Ok(Some(minor)),
            _ => Err(E::custom(format_args!("bad_amount: {number} is above {AMOUNT_MAX} minor units"))),
        }
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::custom(format_args!("negative_amount: {number} is below zero; send a reversal instead"))),
        }
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        if number.fract() == 0.0 && (0.0..=AMOUNT_MAX as f64).contains(&number) {
            return Ok(Some(number as i64));
        }
        if number < 0.0 {
            return Err(E::custom(format_args!("negative_amount: {number} is below zero; send a reversal instead")));
        }
        Err(E::custom(format_args!(
            "bad_amount: {number} is not a whole number of minor units; 12.50 EUR is written 1250"
        )))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Err(E::custom(format_args!(
            "bad_amount: the text `{}` where a number of minor units belongs",
            crate::reject::excerpt(text)
        )))
    }
}

/// An amount in minor units, not negative.
pub(crate) fn minor_maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_any(Minor)
}

/// An amount in minor units, not negative, 0 when `null`.
pub(crate) fn minor<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    minor_maybe(deserializer).map(|amount| amount.unwrap_or(0))
}

struct CurrencyText;

impl Visitor<'_> for CurrencyText {
    type Value = Option<Currency>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ISO 4217 currency code")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        match Currency::parse(text) {
            Some(currency) => Ok(Some(currency)),
            None => Err(E::custom(format_args!(
                "bad_currency: `{}` is not an ISO 4217 code such as EUR",
                crate::reject::excerpt(text)
            ))),
        }
    }
}

/// An ISO 4217 currency, or none.
pub(crate) fn currency_maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Currency>, D::Error> {
    deserializer.deserialize_any(CurrencyText)
}

/// An ISO 4217 currency.
pub(crate) fn currency<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
    currency_maybe(deserializer)?.ok_or_else(|| D::Error::custom("bad_currency: null is not a currency"))
}

/// Writes a currency as its code.
pub(crate) fn write_currency<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(currency.code())
}

/// Writes a currency that may be missing.
pub(crate) fn write_currency_maybe<S: Serializer>(
    currency: &Option<Currency>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match currency {
        Some(currency) => serializer.serialize_str(currency.code()),
        None => serializer.serialize_none(),
    }
}

/// `2026-03-01T09:30:00Z` and nothing else: the form nearly every producer sends, several times faster than the general parser, to
/// which everything else is left.
fn plain_instant(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = *bytes else {
        return None;
    };
    let two = |tens: u8, ones: u8| -> Option<i64> {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let (hour, minute, second) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    // Days up to the 28th exist in every month; the rest, and leap seconds, are the general parser's.
    if !(1..=12).contains(&month) || !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days from civil, Howard Hinnant, for years from 0 on.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Timestamp::from_second(days * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

/// An RFC 3339 instant; the error says what was there instead.
pub(crate) fn parse_instant(text: &str) -> Result<Timestamp, String> {
    if let Some(at) = plain_instant(text) {
        return Ok(at);
    }
    text.parse().map_err(|_| {
        format!("bad_time: `{}` is not an RFC 3339 instant such as 2026-03-01T09:30:00Z", crate::reject::excerpt(text))
    })
}

struct InstantText;

impl Visitor<'_> for InstantText {
    type Value = Option<Timestamp>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 instant as text")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        parse_instant(text).map(Some).map_err(E::custom)
    }
}

/// An instant, or none.
pub(crate) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(InstantText)
}

struct DateText;

impl Visitor<'_> for DateText {
    type Value = Option<Date>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a date as text")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Some).map_err(|_| {
            E::custom(format_args!("bad_time: `{}` is not a date such as 2026-03-01", crate::reject::excerpt(text)))
        })
    }
}

/// A calendar date, or none.
pub(crate) fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    deserializer.deserialize_any(DateText)
}

struct ZoneText;

impl Visitor<'_> for ZoneText {
    type Value = Option<Box<str>>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an IANA time zone as text")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        zone_name(text).map(|name| Some(name.into())).ok_or_else(|| {
            E::custom(format_args!(
                "bad_zone: `{}` is not an IANA time zone such as Europe/Oslo",
                crate::reject::excerpt(text)
            ))
        })
    }
}

/// The canonical spelling of an IANA zone of the bundled database; fixed offsets and POSIX strings are no zones here.
pub fn zone_name(text: &str) -> Option<String> {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get(text).ok()?;
    zone.iana_name().map(str::to_owned)
}

/// An IANA zone, checked against the bundled database, or none.
pub(crate) fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    deserializer.deserialize_any(ZoneText)
}

/// Whether a count is 1, its default.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
pub(crate) fn is_one(count: &u32) -> bool {
    *count == 1
}

/// 1, the default of counts.
pub(crate) fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_to_an_instant_gives_the_same_as_the_long_one() {
        for second in (-62_000_000_000i64..250_000_000_000).step_by(7_654_321) {
            let at = Timestamp::from_second(second).unwrap();
            let text = at.to_string();
            assert!(plain_instant(&text).is_none_or(|found| found == at), "{text}");
            assert_eq!(parse_instant(&text), Ok(at));
        }
        assert!(plain_instant("2026-03-01T09:30:00Z").is_some());
        for odd in ["2026-02-29T09:30:00Z", "2026-13-01T09:30:00Z", "2026-03-01T24:00:00Z", "2026-03-01T09:30:0xZ"] {
            assert!(plain_instant(odd).is_none() && parse_instant(odd).is_err(), "{odd}");
        }
    }
}
