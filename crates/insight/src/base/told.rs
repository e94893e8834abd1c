//! What is to be expected of a partner, in words.

use jiff::civil::Date;

use super::around::Basis;
use crate::day;

/// What the sentence is made of; days as of some day's close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// Days since the last conversion; `None` when there was none.
    pub days_since: Option<i64>,
    /// Usual days between days with conversions.
    pub usual_gap: Option<f64>,
    /// P(at least one conversion in the next 30 days), percent.
    pub chance: Option<f64>,
    /// That chance at an earlier day, percent.
    pub was: Option<(f64, i32)>,
    /// What the chance rests on.
    pub basis: Basis,
}

/// Points a chance must have moved for its former value to be told.
const MOVED: f64 = 5.0;

/// "last converted 41 days ago; usually every 9 days; 12 % chance of a conversion in the next 30 days (was 78 % on 1 October)".
/// What is not known is left out; `None` when nothing is.
#[must_use]
pub fn sentence(standing: &Standing) -> Option<String> {
    let days = |days: i64| if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let mut parts = Vec::new();
    match standing.days_since {
        Some(0) => parts.push("last converted today".to_owned()),
        Some(since) => parts.push(format!("last converted {} ago", days(since))),
        None if standing.chance.is_some() => parts.push("has not converted yet".to_owned()),
        None => {}
    }
    parts.extend(standing.usual_gap.filter(|gap| gap.is_finite()).map(|gap| match gap.round() as i64 {
        ..=1 => "usually every day".to_owned(),
        gap => format!("usually every {}", days(gap)),
    }));
    parts.extend(standing.chance.filter(|chance| chance.is_finite()).map(|chance| {
        let was = standing.was.filter(|(was, _)| (was - chance).abs() >= MOVED);
        let was =
            was.map(|(was, on)| format!(" (was {} on {})", percent(was), shown(day::date_of(on)))).unwrap_or_default();
        format!("{} chance of a conversion in the next 30 days{was}{}", percent(chance), by(standing.basis))
    }));
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Whose habits a chance is told by, when they are not the programme's own.
fn by(basis: Basis) -> String {
    let whose = match basis {
        Basis::Own => return String::new(),
        Basis::Borrowed { programs: 1 } => "the other programme's habits".to_owned(),
        Basis::Borrowed { programs } => format!("the habits of {programs} other programmes"),
        Basis::Declared => "published estimates".to_owned(),
    };
    format!(", by {whose}: this programme is too small or too young to tell")
}

/// Never a certainty: what is beyond 99 % or below 1 % is told as such.
fn percent(chance: f64) -> String {
    match chance {
        ..1.0 => "under 1 %".to_owned(),
        99.0.. => "over 99 %".to_owned(),
        _ => format!("{chance:.0} %"),
    }
}

fn shown(on: Date) -> String {
    on.strftime("%-d %B").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_sentence_of_the_issue() {
        let was = Some((78.2, day::number(date(2026, 10, 1))));
        let standing =
            Standing { days_since: Some(41), usual_gap: Some(9.0), chance: Some(12.3), was, basis: Basis::Own };
        assert_eq!(
            sentence(&standing).unwrap(),
            "last converted 41 days ago; usually every 9 days; 12 % chance of a conversion in the next 30 days (was 78 % on 1 October)"
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let nothing = Standing { days_since: None, usual_gap: None, chance: None, was: None, basis: Basis::Own };
        assert_eq!(sentence(&nothing), None);
        let new = Standing { chance: Some(0.4), ..nothing };
        assert_eq!(
            sentence(&new).unwrap(),
            "has not converted yet; under 1 % chance of a conversion in the next 30 days"
        );
        let was = Some((97.0, 0));
        let daily = Standing { days_since: Some(1), usual_gap: Some(1.0), chance: Some(99.7), was, ..nothing };
        assert_eq!(
            sentence(&daily).unwrap(),
            "last converted 1 day ago; usually every day; over 99 % chance of a conversion in the next 30 days"
        );
    }

    #[test]
    fn what_is_borrowed_is_told_as_such() {
        let told = |basis| {
            sentence(&Standing { days_since: None, usual_gap: None, chance: Some(31.0), was: None, basis }).unwrap()
        };
        assert_eq!(
            told(Basis::Declared),
            "has not converted yet; 31 % chance of a conversion in the next 30 days, by published estimates: this programme is too \
             small or too young to tell"
        );
        assert!(told(Basis::Borrowed { programs: 3 }).contains("by the habits of 3 other programmes: this"));
        assert!(told(Basis::Borrowed { programs: 1 }).contains("by the other programme's habits: this"));
    }
}
