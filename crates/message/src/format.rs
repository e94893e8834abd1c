//! Money, numbers and dates as people of a language write them.
//!
//! English and German are written out; any other language gets forms that are read everywhere: ISO dates, a narrow space
//! between thousands, the currency's code behind the amount.

use jiff::civil::Date;
use rapport_rule::Money;

use crate::locale::Locale;

struct Style {
    thousands: &'static str,
    decimal: &'static str,
    /// `€50` instead of `50 €`.
    symbol_first: bool,
    symbols: bool,
    months: Option<&'static [&'static str; 12]>,
    day_dot: bool,
}

static ENGLISH: Style = Style {
    thousands: ",",
    decimal: ".",
    symbol_first: true,
    symbols: true,
    months: Some(&[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ]),
    day_dot: false,
};

static GERMAN: Style = Style {
    thousands: ".",
    decimal: ",",
    symbol_first: false,
    symbols: true,
    months: Some(&[
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ]),
    day_dot: true,
};

static NEUTRAL: Style =
    Style { thousands: "\u{202F}", decimal: ",", symbol_first: false, symbols: false, months: None, day_dot: false };

fn style(locale: &Locale) -> &'static Style {
    match locale.language() {
        "en" => &ENGLISH,
        "de" => &GERMAN,
        _ => &NEUTRAL,
    }
}

/// `€1,234.50`, `1.234,50 €`, `NOK 200`; whole amounts without decimals. A line never breaks inside it.
pub fn money(money: Money, locale: &Locale) -> String {
    let style = style(locale);
    let per_unit = money.currency.minor_per_unit().unsigned_abs().max(1);
    let (whole, rest) = (money.minor.unsigned_abs() / per_unit, money.minor.unsigned_abs() % per_unit);
    let mut amount = grouped(whole, style);
    if rest != 0 {
        let digits = money.currency.exponent() as usize;
        amount.push_str(&format!("{}{rest:0digits$}", style.decimal));
    }
    let sign = if money.minor < 0 { "\u{2212}" } else { "" };
    let symbol = match (style.symbols, money.currency.code()) {
        (true, "EUR") => "€",
        (true, "USD") => "$",
        (true, "GBP") => "£",
        (true, "JPY") => "¥",
        (_, code) => code,
    };
    match (style.symbol_first, symbol.len() == 3 && symbol.is_ascii()) {
        (true, false) => format!("{sign}{symbol}{amount}"),
        (true, true) => format!("{symbol}\u{a0}{sign}{amount}"),
        (false, _) => format!("{sign}{amount}\u{a0}{symbol}"),
    }
}

/// A number with at most `digits` decimals, trailing zeros dropped.
pub fn number(value: f64, digits: usize, locale: &Locale) -> String {
    let style = style(locale);
    let digits = digits.min(6);
    let rounded = format!("{:.digits$}", value.abs());
    let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut text = group_digits(whole, style.thousands);
    if !fraction.is_empty() {
        text.push_str(style.decimal);
        text.push_str(fraction);
    }
    let is_zero = text.chars().all(|c| !c.is_ascii_digit() || c == '0');
    if value < 0.0 && !is_zero { format!("\u{2212}{text}") } else { text }
}

/// A change in percent with its sign: `+12%`, in German `+12 %`.
pub fn change(percent: f64, locale: &Locale) -> String {
    // Whole, half away from zero, as drop_percent is.
    let whole = percent.round();
    let sign = if whole > 0.0 { "+" } else { "" };
    format!("{sign}{}", percent_sign(whole, locale))
}

/// A share in percent, whole and never rounded up to what is not reached: `67%`, in German `67 %`.
pub fn percent(percent: f64, locale: &Locale) -> String {
    percent_sign(percent.floor(), locale)
}

fn percent_sign(whole: f64, locale: &Locale) -> String {
    let space = if locale.language() == "en" { "" } else { "\u{a0}" };
    format!("{}{space}%", number(whole, 0, locale))
}

/// `3 November 2026`, `3. November 2026`, `2026-11-03`.
pub fn date(date: Date, locale: &Locale) -> String {
    let style = style(locale);
    let month = style.months.and_then(|months| months.get(usize::from(date.month().unsigned_abs()).saturating_sub(1)));
    match month {
        Some(month) => format!("{}{} {month} {}", date.day(), if style.day_dot { "." } else { "" }, date.year()),
        None => date.to_string(),
    }
}

fn grouped(whole: u64, style: &Style) -> String {
    group_digits(&whole.to_string(), style.thousands)
}

/// Digits in groups of three from the right.
fn group_digits(digits: &str, separator: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push_str(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_rule::Currency;

    fn locale(tag: &str) -> Locale {
        Locale::parse(tag).unwrap()
    }

    #[test]
    fn money_reads_as_in_the_language() {
        let table = [
            ("en", 123_450, "EUR", "€1,234.50"),
            ("de", 123_450, "EUR", "1.234,50\u{a0}€"),
            ("de-AT", 5000, "EUR", "50\u{a0}€"),
            ("en", 5000, "NOK", "NOK\u{a0}50"),
            ("en", 1_000_000, "JPY", "¥1,000,000"),
            ("nb", 123_450, "NOK", "1\u{202F}234,50\u{a0}NOK"),
            ("en", -5, "USD", "\u{2212}$0.05"),
            ("en", i64::MIN, "KWD", "KWD\u{a0}\u{2212}9,223,372,036,854,775.808"),
        ];
        for (tag, minor, code, expected) in table {
            assert_eq!(money(Money::new(minor, Currency::parse(code).unwrap()), &locale(tag)), expected);
        }
    }

    #[test]
    fn numbers_changes_and_dates_do_too() {
        assert_eq!(number(1234.5, 1, &locale("en")), "1,234.5");
        assert_eq!(number(-0.0001, 2, &locale("en")), "0");
        assert_eq!(number(1_000_000.0, 0, &locale("de")), "1.000.000");
        assert_eq!(change(12.5, &locale("en")), "+13%");
        assert_eq!(percent(99.9, &locale("en")), "99%");
        assert_eq!(percent(1250.0, &locale("de")), "1.250\u{a0}%");
        assert_eq!(change(-31.0, &locale("de")), "\u{2212}31\u{a0}%");
        let day = jiff::civil::date(2026, 11, 3);
        assert_eq!(date(day, &locale("en")), "3 November 2026");
        assert_eq!(date(day, &locale("de")), "3. November 2026");
        assert_eq!(date(day, &locale("fi")), "2026-11-03");
    }
}
