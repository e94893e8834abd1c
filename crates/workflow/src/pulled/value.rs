//! A text of the source as the type of its field.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rapport_message::escape;
use rapport_rule::{Currency, Money};
use serde_json::{Number, Value as Json, json};

use super::rows::Row;
use crate::config::{FeedColumn, FeedCurrency, FeedFieldType};

/// Longer texts are no names, and would make mails too large.
const TEXT_CHARS_MAX: usize = 1_000;
/// What browsers and mail clients agree on.
const ADDRESS_BYTES_MAX: usize = 2_000;
/// In minor units: a hundred thousand million euros is a number in the wrong column.
const PRICE_MINOR_MAX: i64 = 10_000_000_000_000;

/// The value of a field; none where nothing stands.
pub(super) fn of(
    ty: FeedFieldType,
    column: &FeedColumn,
    row: &Row<'_>,
    zone: &TimeZone,
) -> Result<Option<Json>, String> {
    let FeedColumn::Named(name) = column else { return money(column, row) };
    let Some(text) = row.text(name)? else { return Ok(None) };
    let value = match ty {
        FeedFieldType::Text => Json::String(plain(&text)?),
        FeedFieldType::Url => Json::String(address(&text)?),
        FeedFieldType::Number => Json::Number(number(&text).ok_or("is not a number")?),
        FeedFieldType::Percent => {
            let bare = text.strip_suffix('%').unwrap_or(&text).trim_end();
            let percent = number(bare).filter(|number| number.as_f64().is_some_and(|n| (0.0..=100.0).contains(&n)));
            Json::Number(percent.ok_or("is not a percentage from 0 to 100")?)
        }
        FeedFieldType::Date => {
            let day = last_whole_day(&text, zone).ok_or("is not a date like 2026-12-31, nor an instant")?;
            Json::String(day.to_string())
        }
        FeedFieldType::Money => return money(column, row),
    };
    Ok(Some(value))
}

/// On one line, without what only machines see.
fn plain(text: &str) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().any(char::is_control) {
        return Err("holds control characters".to_owned());
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(format!("is longer than {TEXT_CHARS_MAX} characters"));
    }
    // A mail takes such marks out, and what it prints may not be empty: every mail that shows the item would fail.
    let has_no_width = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}');
    if escape::clean(&text).chars().all(has_no_width) {
        return Err("holds nothing that can be seen".to_owned());
    }
    Ok(text)
}

/// An address that a mail may lead to: https, with a host and without a login, whole, and nothing that could end the attribute it
/// stands in. What a mail refuses to link to would make every mail fail that shows the item.
fn address(text: &str) -> Result<String, String> {
    let Some(rest) = text.strip_prefix("https://") else { return Err("is not an https address".to_owned()) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`' | '{' | '}');
    let is_odd = host.is_empty() || host.starts_with([':', '.']) || host.contains('@') || text.contains(odd);
    if is_odd || escape::address(text).is_none() {
        return Err("is not an https address".to_owned());
    }
    if text.len() > ADDRESS_BYTES_MAX {
        return Err(format!("is longer than {ADDRESS_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Number::from(whole));
    }
    Number::from_f64(text.parse::<f64>().ok()?)
}

fn money(column: &FeedColumn, row: &Row<'_>) -> Result<Option<Json>, String> {
    let money = match column {
        FeedColumn::Named(name) => {
            let Some(text) = row.text(name)? else { return Ok(None) };
            let money = Money::parse(&text).map_err(|_| "is not an amount with its currency, like 9.90 EUR")?;
            no_thousands(text.trim_end_matches(|c: char| !c.is_ascii_digit()), money.currency)?;
            money
        }
        FeedColumn::Money { amount, currency, comma } => {
            let Some(text) = row.text(amount)? else { return Ok(None) };
            let currency = match currency {
                FeedCurrency::Always(currency) => *currency,
                FeedCurrency::Column(column) => {
                    let code = row.text(column)?.ok_or("has no currency")?;
                    Currency::parse(&code).ok_or("has a currency that is none of ISO 4217")?
                }
            };
            let text = match comma {
                true if text.contains('.') => return Err("has a point, and cents stand behind a comma".to_owned()),
                true => text.replace(',', "."),
                false if text.contains(',') && !text.contains('.') => {
                    return Err("has a comma; `decimal: comma` reads cents behind one".to_owned());
                }
                false => text.into_owned(),
            };
            no_thousands(&text, currency)?;
            Money::from_decimal(&text, currency).map_err(|error| format!("is not an amount: {error}"))?
        }
    };
    if money.minor < 0 {
        return Err("is below zero".to_owned());
    }
    if money.minor > PRICE_MINOR_MAX {
        return Err("is too large for a price".to_owned());
    }
    Ok(Some(json!({ "minor": money.minor, "currency": money.currency.code() })))
}

/// `1.500` is one and a half in one country and fifteen hundred in the next: nobody is shown a thousandth of a price.
fn no_thousands(number: &str, currency: Currency) -> Result<(), String> {
    let three = number.split_once('.').is_some_and(|(_, behind)| behind.len() == 3);
    if three && currency.exponent() != 3 {
        return Err("has three digits behind the point, which may be thousands; write 1500.00 or 1500".to_owned());
    }
    Ok(())
}

/// A date as it is. Of an instant, the last day that it does not cut short: what ends at 23:59 or at midnight is valid all day, what
/// ends at ten in the morning is valid until the day before. Nothing is shown for longer than it holds.
fn last_whole_day(text: &str, zone: &TimeZone) -> Option<Date> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return instant.checked_add(1.minute()).ok()?.to_zoned(zone.clone()).date().yesterday().ok();
    }
    if text.len() > "2026-12-31".len() {
        return text.parse::<DateTime>().ok()?.checked_add(1.minute()).ok()?.date().yesterday().ok();
    }
    text.parse().ok()
}
