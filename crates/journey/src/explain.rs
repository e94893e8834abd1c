//! Why somebody got a mail, or did not: clause by clause, for people.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_rule::expr::{Clause, Truth};

use crate::entry::Refusal;
use crate::journey::{Journey, State};

/// A clause that is no expression: `when …`, `status …`, `once …`.
pub fn fixed(text: impl Into<String>, holds: bool) -> Clause {
    Clause { text: text.into(), truth: Truth::from(holds), seen: Vec::new(), depth: 0 }
}

/// The clauses of an `unless`: ✓ means that it lets pass. Of a list all together keep back, so they stand below one mark.
pub(crate) fn unless(clauses: Vec<Clause>) -> Vec<Clause> {
    let mut outer = clauses.iter().filter(|clause| clause.depth == 0).map(|clause| clause.truth);
    match (outer.next(), outer.next()) {
        (Some(_), Some(_)) => {
            let outer = clauses.iter().filter(|clause| clause.depth == 0).map(|clause| clause.truth);
            let all = outer.fold(Truth::True, Truth::and);
            let head = Clause { text: "unless all of".to_owned(), truth: all.negated(), seen: Vec::new(), depth: 0 };
            let below = clauses.into_iter().map(|clause| Clause { depth: clause.depth + 1, ..clause });
            std::iter::once(head).chain(below).collect()
        }
        _ => clauses
            .into_iter()
            .map(|clause| match clause.depth {
                0 => Clause { text: format!("unless {}", clause.text), truth: clause.truth.negated(), ..clause },
                _ => clause,
            })
            .collect(),
    }
}

/// Clauses as lines of marks and texts: `✗ event.drop_percent >= 40 (was 31)`.
pub fn clauses(clauses: &[Clause]) -> String {
    let mut text = String::new();
    for clause in clauses {
        let _ = write!(text, "  {:indent$}{} {}", "", clause.truth.sign(), clause.text, indent = clause.depth * 2);
        let values: Vec<&str> = clause.seen.iter().map(|(_, value)| value.as_str()).collect();
        if !values.is_empty() {
            let was = if clause.truth.is_false() { "was " } else { "" };
            let _ = write!(text, " ({was}{})", values.join(", "));
        }
        text.push('\n');
    }
    text
}

/// A text whose instants (`2026-11-24T15:41:52.97Z`) are told as everywhere else: by the clocks of the zone, to the minute.
pub fn in_zone(text: &str, zone: &TimeZone) -> String {
    let told = |piece: &str| {
        let core = piece.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | '`'));
        // A date alone, or a time without a place, is told as it is written.
        let at = core.parse::<Timestamp>().ok().filter(|_| core.contains('T'));
        at.map_or_else(|| piece.to_owned(), |at| piece.replacen(core, &local(at, zone), 1))
    };
    text.split_inclusive(char::is_whitespace).map(told).collect()
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    let place = zone.iana_name().and_then(|name| name.rsplit('/').next()).unwrap_or("UTC");
    format!("{} {}", at.to_zoned(zone.clone()).strftime("%-d %b %Y %H:%M"), place.replace('_', " "))
}

fn short(version: &str) -> &str {
    version.get(..6).unwrap_or(version)
}

/// A refused entry: `NOT ENTERED  re-engagement · ada · …`.
pub fn refusal(refusal: &Refusal, partner: &str, zone: &TimeZone) -> String {
    let (workflow, version) = (&refusal.workflow, short(&refusal.version));
    let mut text = format!("NOT SENT  {workflow} · {partner} · {} · version {version}\n", local(refusal.at, zone));
    text.push_str(&clauses(&refusal.clauses));
    let _ = writeln!(text, "  – refused: {} ({})", refusal.code.code(), refusal.code.about());
    in_zone(&text, zone)
}

/// A journey: where it is, why it began, and what happened to it.
pub fn journey(journey: &Journey, zone: &TimeZone) -> String {
    let (workflow, partner) = (&journey.workflow, journey.partner.partner.as_str());
    let began = local(journey.started_at, zone);
    let mut text = format!("JOURNEY  {workflow} · {partner} · began {began} · version {}\n", short(&journey.version));
    text.push_str(&clauses(&journey.evidence));
    // What is left of an explanation past its keep are the steps that planned mails.
    if journey.is_exited() && journey.evidence.is_empty() && journey.history.iter().all(|line| line.code == "planned") {
        text.push_str("  · why it was let in and what happened in it is not kept any more\n");
    }
    for line in &journey.history {
        let step = line.step.as_deref().map(|step| format!(" {step}")).unwrap_or_default();
        let detail = if line.detail.is_empty() { String::new() } else { format!(": {}", line.detail) };
        let _ = writeln!(text, "  · {} {}{step}{detail}", local(line.at, zone), line.code);
        for inner in clauses(&line.clauses).lines() {
            let _ = writeln!(text, "  {inner}");
        }
    }
    let _ = match &journey.state {
        State::Ready => writeln!(text, "  – begins"),
        State::Queued { until: None } => writeln!(text, "  – waits for a place of a day (at_most)"),
        State::Queued { until: Some(until) } => writeln!(text, "  – begins {} (at_most)", local(*until, zone)),
        State::Waiting { step, until, .. } => writeln!(text, "  – waits at {step} until {}", local(*until, zone)),
        State::Awaiting { step, until, .. } => {
            writeln!(text, "  – waits for an event at {step}, at most until {}", local(*until, zone))
        }
        State::OfferPending { step, offer, .. } => writeln!(text, "  – waits at {step} for the offer {offer}"),
        State::Mailing { step, message } => writeln!(text, "  – waits at {step} for message {message}"),
        State::Calling { step, call } => writeln!(text, "  – waits at {step} for call {call}"),
        State::Choosing { step, until, .. } => {
            writeln!(text, "  – waits for an answer at {step}, at most until {}", local(*until, zone))
        }
        State::Exited { at, reason } => {
            let detail = reason.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            writeln!(text, "  – over since {}: {}{detail}, {}", local(*at, zone), reason.code(), reason.about())
        }
    };
    in_zone(&text, zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_list_under_unless_all_together_keep_back() {
        let clause = |text: &str, truth, depth| Clause { text: text.into(), truth, seen: Vec::new(), depth };
        let one = unless(vec![clause("any", Truth::True, 0), clause("a", Truth::True, 1)]);
        assert_eq!(clauses(&one), "  ✗ unless any\n    ✓ a\n");
        for (second, sign) in [(Truth::False, "✓"), (Truth::True, "✗"), (Truth::Unknown, "?")] {
            let told = clauses(&unless(vec![clause("a", Truth::True, 0), clause("b", second, 0)]));
            assert_eq!(told, format!("  {sign} unless all of\n    ✓ a\n    {} b\n", second.sign()));
        }
    }

    #[test]
    fn instants_are_told_by_the_clocks_of_the_zone() {
        let oslo = TimeZone::get("Europe/Oslo").unwrap();
        assert_eq!(
            in_zone("  ✗ joined < x (was 2026-11-24T15:41:52.978128293Z, 3)\n  – 2026-11-24\n", &oslo),
            "  ✗ joined < x (was 24 Nov 2026 16:41 Oslo, 3)\n  – 2026-11-24\n"
        );
    }
}
