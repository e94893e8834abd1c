//! The report as people read it: a block for each workflow.

use std::collections::BTreeMap;

use rapport_insight::uplift::{Estimate, NotEnough, PARTNERS_MIN};
use rapport_store::Place;

use super::Report;
use super::counts::{Counts, Line, total};
use super::holdout::{Compared, Holdout, Outcome};
use crate::printed::{bold, count, faint, harmless, line, number};

/// Counts of mails by reason.
type Reasons = fn(&Counts) -> &BTreeMap<String, i64>;

/// Prints it. `has_holdout` knows the files in force.
pub(super) fn print(report: &Report<'_>, has_holdout: impl Fn(&str) -> bool) {
    let head = format!(
        "{} · mails planned and journeys begun from {} to {} · what came within {} after",
        harmless(report.program),
        report.first,
        report.today,
        count(report.within, "day")
    );
    line(bold(&head));
    let steps = report.steps.workflows();
    let mut names: Vec<&str> = report.holdouts.keys().map(String::as_str).collect();
    if !report.only_holdouts {
        names.extend(steps.keys().copied());
        names.sort_unstable();
        names.dedup();
    }
    if names.is_empty() {
        line(format!("nothing was planned and nobody was drawn in the last {}", count(report.last, "day")));
    }
    for name in names {
        line(format!("\n{}", bold(&harmless(name))));
        if let Some(steps) = steps.get(name).filter(|_| !report.only_holdouts) {
            table(report, steps);
        }
        match report.holdouts.get(name) {
            Some(holdout) => told(report, holdout),
            None if has_holdout(name) => line("  holdout: nobody was drawn in this time"),
            None => line(faint("  no holdout: what would have come without these mails is not known")),
        }
    }
    let all = report.steps.all();
    if !report.only_holdouts && steps.len() > 1 {
        let [.., sent] = all.fates();
        let text = format!(
            "\nall: {} planned, {} sent; {} within {} after, {}; each counts once, for the last marketing mail before it",
            count(all.planned, "mail"),
            number(sent.1),
            count(all.conversions, "conversion"),
            count(report.within, "day"),
            report.money(all.revenue as f64),
        );
        line(text);
    }
}

/// A row for each count, a column for each step. Rows of nothing are left out where they say nothing.
fn table(report: &Report<'_>, steps: &[(&Place, &Counts)]) {
    let all = total(steps.iter().map(|step| step.1));
    let mut columns: Vec<(String, &Counts)> =
        steps.iter().map(|(place, counts)| (heading(place, steps), *counts)).collect();
    if columns.len() > 1 {
        columns.push(("all".to_owned(), &all));
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    rows.push(std::iter::once(String::new()).chain(columns.iter().map(|(name, _)| name.clone())).collect());
    let mut row = |name: String, value: &dyn Fn(&Counts) -> String| {
        rows.push(std::iter::once(name).chain(columns.iter().map(|(_, counts)| value(counts))).collect());
    };
    for (at, (name, sum)) in all.fates().into_iter().enumerate() {
        if sum != 0 || matches!(name, "planned" | "sent") {
            row(name.replace('_', " "), &|counts| number(counts.fates()[at].1));
        }
        let reasons: Option<Reasons> = match name {
            "deferred" => Some(|counts| &counts.deferred),
            "suppressed" => Some(|counts| &counts.suppressed),
            "cancelled" => Some(|counts| &counts.cancelled),
            _ => None,
        };
        for reason in reasons.iter().flat_map(|of| of(&all).keys().map(move |reason| (of, reason))) {
            let (of, reason) = reason;
            let mails = |counts: &Counts| of(counts).get(reason).copied().unwrap_or_default();
            row(format!("  {}", harmless(reason)), &|counts| number(mails(counts)));
        }
    }
    for (at, (name, _)) in all.after().into_iter().enumerate() {
        let cell = |counts: &Counts| -> String {
            let lines: [Line; 8] = counts.after();
            number(lines[at].1)
        };
        row(name.to_owned(), &cell);
    }
    row("revenue".to_owned(), &|counts| report.money(counts.revenue as f64));
    let widths: Vec<usize> = (0..=columns.len())
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    for row in rows {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
                if at == 0 { format!("  {cell:<width$}") } else { format!("{cell:>width$}") }
            });
        line(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// The mail's name; with the step's where two steps send it.
fn heading(place: &Place, steps: &[(&Place, &Counts)]) -> String {
    let twice = steps.iter().filter(|(other, _)| other.mail == place.mail).count() > 1;
    harmless(&if twice { format!("{} ({})", place.mail, place.step) } else { place.mail.clone() })
}

fn told(report: &Report<'_>, holdout: &Holdout) {
    let shares: Vec<String> = holdout.shares.iter().map(|share| format!("{share} %")).collect();
    let watched = match holdout.watched {
        0 => String::new(),
        more => format!("; {} more within their {}", count(more, "partner"), count(report.within, "day")),
    };
    line(format!(
        "  holdout {}: {} let in, {} held out{watched}",
        shares.join(", "),
        count(holdout.let_in, "partner"),
        number(holdout.held_out)
    ));
    for compared in &holdout.outcomes {
        line(format!("    {}", sentence(report, holdout, compared)));
    }
}

fn sentence(report: &Report<'_>, holdout: &Holdout, compared: &Compared) -> String {
    let what = match compared.outcome {
        Outcome::Sold => "sold at all",
        Outcome::Conversions => "conversions per partner",
        Outcome::Revenue => "revenue per partner",
    };
    let value = |value: f64| match compared.outcome {
        Outcome::Sold => format!("{:.1} %", 100.0 * value),
        Outcome::Conversions => format!("{value:.2}"),
        Outcome::Revenue => report.money(value),
    };
    let signed = |of: f64| {
        let text = match compared.outcome {
            Outcome::Sold => format!("{:.1} points", 100.0 * of),
            _ => value(of),
        };
        if of > 0.0 { format!("+{text}") } else { text }
    };
    match &compared.found {
        Ok(found) => format!(
            "{what}: {} against {}, {} (95 % interval {} to {}): {}",
            value(compared.let_in),
            value(compared.held_out),
            signed(found.difference),
            signed(found.low),
            signed(found.high),
            verdict(found)
        ),
        Err(why) => format!("{what}: not enough data: {}", shortage(why, holdout)),
    }
}

fn verdict(found: &Estimate) -> &'static str {
    match (found.is_clear(), found.difference > 0.0) {
        (true, true) => "writing brought more",
        (true, false) => "writing brought less",
        (false, _) => "no difference that chance does not explain",
    }
}

fn shortage(why: &NotEnough, holdout: &Holdout) -> String {
    match why {
        NotEnough::Partners { .. } => {
            format!("both groups need {PARTNERS_MIN} partners whose days are over")
        }
        NotEnough::Alike => "no partner differs from another".to_owned(),
        NotEnough::Skewed { held_out_wanted } => format!(
            "a few partners decide the mean; about {} held out would do, there are {}",
            number(i64::try_from(*held_out_wanted).unwrap_or(i64::MAX)),
            number(holdout.held_out)
        ),
    }
}
