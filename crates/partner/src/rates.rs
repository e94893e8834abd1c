//! Daily exchange rates, as a file of the programme's gives them.
//!
//! A sale in another currency is worth what the rate of its day makes of it, in whole minor units, once, when it is told; the
//! conversion keeps that value, so that a reversal takes back exactly what was given. A day without a rate (a weekend) takes the
//! last one before it, at most [`RATE_DAYS_MAX`] days old. Without one the sale has no value here: it is counted, and every sum of
//! money it belongs to is missing rather than too small.

use std::collections::BTreeMap;

use rapport_rule::money::Currency;

use crate::day::{self, Day};

/// How old a rate may be. Central banks publish on working days; Easter is the longest pause.
pub const RATE_DAYS_MAX: i32 = 7;

/// Rates by pair of currencies, oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates(BTreeMap<(Currency, Currency), Vec<(Day, f64)>>);

/// A line that is no rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRate {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

const HEADER: &str = "date,from,to,rate";

impl Rates {
    /// No rates: money of another currency has no value.
    #[must_use]
    pub fn none() -> &'static Rates {
        static NONE: Rates = Rates(BTreeMap::new());
        &NONE
    }

    /// Reads lines `2026-03-02,USD,EUR,0.9231`: one USD is 0.9231 EUR on that day. The first line is the header `date,from,to,rate`;
    /// empty lines and lines that begin with `#` are left out. Of two rates of one day the later line holds.
    ///
    /// # Errors
    /// Every line that is none, with its number.
    pub fn parse(text: &str) -> Result<Rates, Vec<BadRate>> {
        let mut rates: BTreeMap<(Currency, Currency), BTreeMap<Day, f64>> = BTreeMap::new();
        let mut bad = Vec::new();
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        match lines.next() {
            None => return Ok(Rates::default()),
            Some((_, header)) if header == HEADER => {}
            Some((line, _)) => bad.push(BadRate { line, why: format!("the first line is `{HEADER}`") }),
        }
        for (line, text) in lines {
            match rate(text) {
                Ok((on, pair, rate)) => {
                    rates.entry(pair).or_default().insert(on, rate);
                }
                Err(why) => bad.push(BadRate { line, why }),
            }
        }
        if bad.is_empty() {
            Ok(Rates(rates.into_iter().map(|(pair, days)| (pair, days.into_iter().collect())).collect()))
        } else {
            Err(bad)
        }
    }

    /// What one unit of a currency is worth in another on a day.
    #[must_use]
    pub fn rate(&self, from: Currency, to: Currency, on: Day) -> Option<f64> {
        if from == to {
            return Some(1.0);
        }
        let latest = |pair: (Currency, Currency)| {
            let days = self.0.get(&pair)?;
            let (known, rate) = *days.get(days.partition_point(|(day, _)| *day <= on).checked_sub(1)?)?;
            (on.saturating_sub(known) <= RATE_DAYS_MAX).then_some((known, rate))
        };
        let (straight, turned) = (latest((from, to)), latest((to, from)));
        match (straight, turned) {
            (Some((day, rate)), other) if other.is_none_or(|(turned, _)| day >= turned) => Some(rate),
            (_, Some((_, rate))) => Some(1.0 / rate),
            (Some((_, rate)), None) => Some(rate),
            (None, None) => None,
        }
    }

    /// Minor units of one currency in minor units of another, half away from zero. None without a rate, and beyond what fits.
    #[must_use]
    pub fn convert(&self, minor: i64, from: Currency, to: Currency, on: Day) -> Option<i64> {
        if from == to {
            return Some(minor);
        }
        let rate = self.rate(from, to, on)?;
        let value = minor as f64 * rate * to.minor_per_unit() as f64 / from.minor_per_unit() as f64;
        // Beyond 2^53 minor units a number with decimals no longer tells neighbours apart.
        (value.abs() < 9e15).then(|| value.round() as i64)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

type Rate = (Day, (Currency, Currency), f64);

fn rate(line: &str) -> Result<Rate, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [on, from, to, rate] = fields[..] else { return Err(format!("a rate has four fields, `{HEADER}`")) };
    let on: jiff::civil::Date = on.parse().map_err(|_| format!("`{on}` is no date; write 2026-03-02"))?;
    let currency = |code: &str| Currency::parse(code).ok_or_else(|| format!("`{code}` is no currency of ISO 4217"));
    let pair = (currency(from)?, currency(to)?);
    if pair.0 == pair.1 {
        return Err(format!("`{from}` in itself needs no rate"));
    }
    let rate: f64 = rate.parse().map_err(|_| format!("`{rate}` is no number"))?;
    if !(rate.is_finite() && rate > 0.0 && rate < 1e9 && rate > 1e-9) {
        return Err("a rate is a number above 0".to_owned());
    }
    Ok((day::number(on), pair, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn on(text: &str) -> Day {
        day::number(text.parse().unwrap())
    }

    #[test]
    fn a_sale_takes_the_rate_of_its_day_or_the_last_one_before() {
        let text =
            "date,from,to,rate\n2026-03-02,USD,EUR,0.90\n2026-03-06,USD,EUR,0.95\n# a note\n\n2026-03-06,EUR,JPY,160\n";
        let rates = Rates::parse(text).unwrap();
        let convert = |minor, from, to, day: &str| rates.convert(minor, of(from), of(to), on(day));
        assert_eq!(convert(1000, "USD", "EUR", "2026-03-01"), None, "never a later one");
        assert_eq!(convert(1000, "USD", "EUR", "2026-03-05"), Some(900));
        assert_eq!(convert(1000, "USD", "EUR", "2026-03-13"), Some(950));
        assert_eq!(convert(1000, "USD", "EUR", "2026-03-14"), None, "too old");
        assert_eq!(convert(1000, "EUR", "JPY", "2026-03-06"), Some(1600), "yen have no minor unit");
        assert_eq!(convert(1600, "JPY", "EUR", "2026-03-06"), Some(1000), "turned round");
        assert_eq!(convert(-5, "EUR", "EUR", "1999-01-01"), Some(-5));
        assert_eq!(convert(i64::MAX, "USD", "EUR", "2026-03-05"), None);
    }

    #[test]
    fn lines_that_are_none_are_all_told() {
        let bad = Rates::parse(
            "day;rate\n2026-13-01,USD,EUR,1\n2026-01-01,USD,EUR,NaN\n2026-01-01,EUR,EUR,1\n2026-01-01,XXQ,EUR,1\n1,2\n",
        );
        let lines: Vec<usize> = bad.unwrap_err().iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6]);
        assert!(Rates::parse("").unwrap().is_empty());
    }
}
