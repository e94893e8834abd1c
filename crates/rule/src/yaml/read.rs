//! Typed readers: the value as the type that is meant, or a finding that says what was expected.

use std::ops::RangeInclusive;

use jiff::civil::{Date, Time};

use super::{Node, Style, Value};
use crate::finding::Findings;
use crate::length::{Length, LengthError};
use crate::money::{Money, MoneyError};
use crate::{percent, suggest};

/// Texts that YAML 1.1 tools read as true or false.
const OLD_BOOLEANS: [&str; 12] = ["yes", "no", "on", "off", "Yes", "No", "On", "Off", "YES", "NO", "ON", "OFF"];

/// Whether a text is a name as files and ids are named: lower case letters, digits and single `-` between, a letter first.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether a text looks like a clock time, which YAML 1.1 reads as a number in base 60.
fn is_clock(text: &str) -> bool {
    let digits = |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once(':').is_some_and(|(hour, minute)| digits(hour) && minute.len() == 2 && digits(minute))
}

impl Node {
    fn expected(&self, code: &'static str, what: &str, path: &str, findings: &mut Findings) {
        findings.error(code, path, self.span, format!("expected {what}, found {}", self.kind()));
    }

    /// A text. Numbers and booleans are refused (R0021): quoted they are texts. Warns (R0026) of a plain text that an older
    /// YAML tool would turn into something else (`NO`, `10:00`).
    pub fn text<'a>(&'a self, path: &str, findings: &mut Findings) -> Option<&'a str> {
        let Value::String(text) = &self.value else {
            let finding = findings.error("R0021", path, self.span, format!("expected a text, found {}", self.kind()));
            if matches!(self.value, Value::Bool(_) | Value::Int(_) | Value::Float(_)) {
                finding.label("put it in quotes to make it a text");
            }
            return None;
        };
        if self.style == Style::Plain && (OLD_BOOLEANS.contains(&text.as_str()) || is_clock(text)) {
            let reads = if is_clock(text) { "a number in base 60" } else { "true or false" };
            findings
                .warning("R0026", path, self.span, format!("older YAML tools read `{text}` as {reads}"))
                .label(format!("write \"{text}\""))
                .right(self.span, text, format!("\"{text}\""));
        }
        Some(text)
    }

    /// A text that says something (R0021 when it is empty).
    pub fn filled_text<'a>(&'a self, path: &str, findings: &mut Findings) -> Option<&'a str> {
        let text = self.text(path, findings)?;
        if text.trim().is_empty() {
            findings.error("R0021", path, self.span, "expected a text, found an empty one");
            return None;
        }
        Some(text)
    }

    /// One of a few words (R0103 otherwise, with the nearest); its position in `words`.
    pub fn one_of(&self, words: &[&str], path: &str, findings: &mut Findings) -> Option<usize> {
        let text = match &self.value {
            Value::String(text) => text.as_str(),
            _ => {
                self.expected(
                    "R0021",
                    &format!("one of {}", suggest::listed(words.iter().copied(), 12)),
                    path,
                    findings,
                );
                return None;
            }
        };
        let found = words.iter().position(|word| *word == text);
        if found.is_none() {
            findings
                .error("R0103", path, self.span, format!("`{text}` is not possible here"))
                .did_you_mean(suggest::nearest(text, words.iter().copied()))
                .hint(format!("Possible: {}.", suggest::listed(words.iter().copied(), 12)));
        }
        found
    }

    /// A whole number within a range (R0022).
    pub fn int(&self, range: RangeInclusive<i64>, path: &str, findings: &mut Findings) -> Option<i64> {
        match self.value {
            Value::Int(number) if range.contains(&number) => Some(number),
            Value::Int(number) => {
                let (low, high) = (range.start(), range.end());
                let bounds = match (*low == i64::MIN, *high == i64::MAX) {
                    (false, true) => format!("at least {low}"),
                    (true, _) => format!("at most {high}"),
                    _ => format!("from {low} to {high}"),
                };
                findings
                    .error("R0022", path, self.span, format!("{number} is not possible here"))
                    .label(format!("write a whole number {bounds}"));
                None
            }
            _ => {
                self.expected("R0022", "a whole number", path, findings);
                None
            }
        }
    }

    /// A number, whole or not (R0022).
    pub fn number(&self, path: &str, findings: &mut Findings) -> Option<f64> {
        match self.value {
            Value::Int(number) => Some(number as f64),
            Value::Float(number) if number.is_finite() => Some(number),
            _ => {
                self.expected("R0022", "a number", path, findings);
                None
            }
        }
    }

    /// `true` or `false` (R0023).
    pub fn bool(&self, path: &str, findings: &mut Findings) -> Option<bool> {
        if let Value::Bool(value) = self.value {
            return Some(value);
        }
        let old = self.as_str().filter(|text| OLD_BOOLEANS.contains(text));
        let finding =
            findings.error("R0023", path, self.span, format!("expected true or false, found {}", self.kind()));
        if let Some(old) = old {
            let means = matches!(old.to_lowercase().as_str(), "yes" | "on");
            finding.label(format!("write `{means}`"));
        }
        None
    }

    /// A list (R0024). See [`Node::one_or_many`] for where a single value may stand for a list of one.
    pub fn list<'a>(&'a self, path: &str, findings: &mut Findings) -> Option<&'a [Node]> {
        let list = self.as_seq();
        if list.is_none() {
            self.expected("R0024", "a list", path, findings);
        }
        list
    }

    /// The texts of a list, or the one text as a list of one. Items that are no text are findings and left out.
    pub fn texts<'a>(&'a self, path: &str, findings: &mut Findings) -> Vec<&'a str> {
        self.one_or_many().iter().filter_map(|item| item.text(path, findings)).collect()
    }

    /// Keys and values of a map (R0020) whose keys are free, like the names of groups.
    pub fn map<'a>(&'a self, path: &str, findings: &mut Findings) -> Option<&'a [(super::Key, Node)]> {
        let map = self.as_map();
        if map.is_none() {
            self.expected("R0020", "keys and values", path, findings);
        }
        map
    }

    /// A length of time: `3 days` (R0305 without a unit, R0301 otherwise).
    pub fn length(&self, path: &str, findings: &mut Findings) -> Option<Length> {
        let result = match &self.value {
            Value::Int(number) => Err(LengthError::NoUnit(number.to_string())),
            Value::String(text) => Length::parse(text),
            _ => Err(LengthError::NotANumber),
        };
        let error = match result {
            Ok(length) => return Some(length),
            Err(error) => error,
        };
        let message = error.to_string();
        match error {
            LengthError::NoUnit(number) => findings
                .error("R0305", path, self.span, message)
                .label(format!("write `{number} days`, `{number} hours` or `{number} weekdays`; no unit is assumed.")),
            LengthError::UnknownUnit { near, .. } => findings
                .error("R0301", path, self.span, message)
                .did_you_mean(near)
                .hint("Units: minutes, hours, days, weekdays, weeks, months, years."),
            _ => findings.error("R0301", path, self.span, message),
        };
        None
    }

    /// A percentage with its sign, `40%` (R0302): a number from 0 to 100.
    pub fn percent(&self, path: &str, findings: &mut Findings) -> Option<f64> {
        let bare = match &self.value {
            Value::String(text) => match percent::parse(text) {
                Ok(value) => return Some(value),
                Err(error) => {
                    findings.error("R0302", path, self.span, error.to_string());
                    return None;
                }
            },
            Value::Int(number) => *number as f64,
            Value::Float(number) => *number,
            _ => {
                self.expected("R0302", "a percentage like `40%`", path, findings);
                return None;
            }
        };
        let finding = findings.error("R0302", path, self.span, percent::PercentError::NoSign.to_string());
        if (0.0..1.0).contains(&bare) && bare > 0.0 {
            finding.label(format!("write `{}%`; the one scale is 0–100", (bare * 10_000.0).round() / 100.0));
        } else if (0.0..=100.0).contains(&bare) {
            finding.label(format!("write `{bare}%`"));
            // 1 may be meant as the whole, 0 as nothing at all.
            if bare > 1.0 {
                finding.right(self.span, &bare.to_string(), format!("{bare}%"));
            }
        }
        None
    }

    /// An amount with its currency, `100 EUR` (R0303).
    pub fn money(&self, path: &str, findings: &mut Findings) -> Option<Money> {
        let bare = |number: String| Err(MoneyError::NoCurrency(number));
        let result = match &self.value {
            Value::String(text) => Money::parse(text),
            Value::Int(number) => bare(number.to_string()),
            Value::Float(number) => bare(number.to_string()),
            _ => Err(MoneyError::NotANumber),
        };
        match result {
            Ok(money) => Some(money),
            Err(error) => {
                let finding = findings.error("R0303", path, self.span, error.to_string());
                let text = self.as_str().unwrap_or_default();
                if let Some(right) = Money::put_right(text) {
                    finding.label(format!("write `{right}`")).right(self.text_span(), text, right);
                    return None;
                }
                match error {
                    MoneyError::UnknownCurrency { near, .. } => finding.did_you_mean(near),
                    MoneyError::NoCurrency(number) => {
                        finding.label(format!("write `{number} EUR`; no currency is assumed"))
                    }
                    _ => finding,
                };
                None
            }
        }
    }

    /// A clock time in quotes, `"09:30"` (R0304; R0025 without the quotes).
    pub fn clock_time(&self, path: &str, findings: &mut Findings) -> Option<Time> {
        let Value::String(text) = &self.value else {
            self.expected("R0304", "a clock time like \"09:30\"", path, findings);
            return None;
        };
        let time = two_digits(text);
        if time.is_none() {
            let finding = findings.error("R0304", path, self.span, format!("`{text}` is no clock time"));
            let padded = format!("0{text}");
            if two_digits(&padded).is_some() {
                finding.label(format!("write \"{padded}\""));
                match self.style {
                    Style::Plain => finding.right(self.span, text, format!("\"{padded}\"")),
                    _ => finding.right(self.text_span(), text, padded),
                };
            } else {
                finding.label("write hours and minutes with two digits each, \"00:00\" to \"23:59\"");
            }
        } else if self.style == Style::Plain {
            findings
                .error("R0025", path, self.span, format!("the clock time {text} needs quotes"))
                .label(format!("write \"{text}\""))
                .hint("Older YAML tools read it as a number in base 60.")
                .right(self.span, text, format!("\"{text}\""));
        }
        time
    }

    /// A date, `2026-10-01` (R0306).
    pub fn date(&self, path: &str, findings: &mut Findings) -> Option<Date> {
        let date = self.as_str().filter(|text| text.len() == 10).and_then(|text| text.parse::<Date>().ok());
        if date.is_none() {
            let shown = self.as_str().map_or_else(|| self.kind().to_owned(), |text| format!("`{text}`"));
            findings
                .error("R0306", path, self.span, format!("{shown} is no date"))
                .label("write year-month-day, like 2026-10-01");
        }
        date
    }

    /// A name: `comeback-bonus` (R0307).
    pub fn name<'a>(&'a self, path: &str, findings: &mut Findings) -> Option<&'a str> {
        let text = self.text(path, findings)?;
        if is_name(text) {
            return Some(text);
        }
        let kebab = kebab(text);
        let finding = findings.error("R0307", path, self.span, format!("`{text}` is no name"));
        finding.hint("Names have lower case letters, digits and single `-` between, a letter first.");
        if is_name(&kebab) {
            finding.label(format!("write `{kebab}`"));
        }
        None
    }
}

/// `09:30`, with two digits each.
fn two_digits(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let part = |digits: &str| digits.parse::<i8>().ok().filter(|_| digits.len() == 2);
    Time::new(part(hour)?, part(minute)?, 0, 0).ok()
}

/// The name a text resembles most: lower case, everything odd a `-`.
fn kebab(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("-")
}
