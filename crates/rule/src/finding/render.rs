//! Findings for people (with the line and a caret) and for machines (JSON).

use serde_json::{Value, json};

use super::{Finding, Findings};
use crate::source::{Lines, Sources};

/// Where the place begins on the first line, so that places stand in one column.
const PLACE_COLUMN: usize = 58;
/// Longer lines are cut around the caret.
const LINE_CHARS_MAX: usize = 150;

/// One finding as LANGUAGE.md section 7 shows it: message and place, the line, a caret with label and hint. Ends without
/// a line break.
pub fn human(finding: &Finding, sources: &Sources) -> String {
    human_in(finding, sources.get(&finding.path).map(Lines::of).as_ref())
}

fn human_in(finding: &Finding, lines: Option<&Lines<'_>>) -> String {
    let place = lines.zip(finding.span).map(|(lines, span)| (lines, span, lines.line_column(span.start)));
    let title = format!("{} {}: {}", finding.severity.name(), finding.code, finding.message);
    let at = match &place {
        Some((_, _, (line, column))) => format!("{}:{line}:{column}", finding.path),
        None => finding.path.clone(),
    };
    let mut text = format!("{title:<PLACE_COLUMN$}   {at}");
    let remark = [finding.label.as_deref(), finding.hint.as_deref()];
    let remark = remark.into_iter().flatten().collect::<Vec<_>>().join("  ");
    match place {
        Some((lines, span, (line, column))) => {
            let (shown, caret_at) = window(lines.line_text(line), column);
            let rest_of_line = shown.chars().count().saturating_sub(caret_at - 1);
            let covered = lines.source().slice(span);
            let on_this_line = covered.split('\n').next().unwrap_or_default().trim_end().chars().count();
            let carets = on_this_line.min(rest_of_line).max(1);
            text.push_str(&format!("\n{line:>2} │ {shown}\n"));
            let gutter = line.to_string().len().max(2);
            let mark = format!("{} │ {}{}", " ".repeat(gutter), " ".repeat(caret_at - 1), "^".repeat(carets));
            text.push_str(&mark);
            if !remark.is_empty() {
                text.push(' ');
                text.push_str(&remark);
            }
        }
        None if !remark.is_empty() => text.push_str(&format!("\n   │ {remark}")),
        None => {}
    }
    text
}

/// A line as shown, tabs as one space, cut around the column if it is very long; and the column (from 1) in it.
fn window(line: &str, column: usize) -> (String, usize) {
    let chars: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let column = column.max(1);
    if chars.len() <= LINE_CHARS_MAX {
        return (chars.into_iter().collect(), column);
    }
    let from = (column - 1).min(chars.len()).saturating_sub(LINE_CHARS_MAX / 3);
    let shown: String = chars.iter().skip(from).take(LINE_CHARS_MAX).collect();
    if from == 0 { (format!("{shown}…"), column) } else { (format!("…{shown}"), column - from + 1) }
}

/// All findings for people, a blank line between them, and the count at the end; empty when there is none.
pub fn human_all(findings: &Findings, sources: &Sources) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let (mut text, mut errors, mut warnings) = (String::new(), 0, 0);
    let mut lines: Option<Lines<'_>> = None;
    for finding in findings.iter() {
        lines = of_same_file(lines, finding, sources);
        match finding.severity {
            super::Severity::Error => errors += 1,
            super::Severity::Warning => warnings += 1,
        }
        text.push_str(&human_in(finding, lines.as_ref()));
        text.push_str("\n\n");
    }
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    text.push_str(&format!("{}, {}\n", count(errors, "error"), count(warnings, "warning")));
    text
}

/// The lines of a finding's file; those at hand if it is the same file, as it mostly is.
fn of_same_file<'a>(lines: Option<Lines<'a>>, finding: &Finding, sources: &'a Sources) -> Option<Lines<'a>> {
    lines.filter(|lines| lines.source().path == finding.path).or_else(|| sources.get(&finding.path).map(Lines::of))
}

/// All findings for machines: an array of objects. `line`, `column`, `end_line`, `end_column` count from 1, columns in
/// characters, the end not included; they and `start`, `end` (bytes) are null without a place.
pub fn json(findings: &Findings, sources: &Sources) -> Value {
    let mut lines: Option<Lines<'_>> = None;
    let one = |finding: &Finding| {
        lines = of_same_file(lines.take(), finding, sources);
        let place = |offset: fn(&crate::Span) -> usize| {
            let place = lines.as_ref().zip(finding.span.as_ref());
            place.map(|(lines, span)| lines.line_column(offset(span))).unzip()
        };
        let ((line, column), (end_line, end_column)) = (place(|span| span.start), place(|span| span.end));
        json!({
            "code": finding.code,
            "severity": finding.severity,
            "path": finding.path,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "start": finding.span.map(|span| span.start),
            "end": finding.span.map(|span| span.end),
            "message": finding.message,
            "label": finding.label,
            "hint": finding.hint,
        })
    };
    Value::Array(findings.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Source, Span};

    #[test]
    fn a_finding_reads_as_the_language_promises() {
        let sources: Sources =
            [Source::new("w/workflow.yaml", "über: 1\nwehn: partner.approved\n")].into_iter().collect();
        let mut findings = Findings::new();
        let span = Span::new(9, 13);
        findings.error("R0101", "w/workflow.yaml", span, "unknown key `wehn`").did_you_mean(Some("when")).hint("Why.");
        let expected = "error R0101: unknown key `wehn`                              w/workflow.yaml:2:1\n \
                        2 │ wehn: partner.approved\n   │ ^^^^ did you mean `when`?  Why.";
        assert_eq!(human(findings.iter().next().unwrap(), &sources), expected);
        let data = json(&findings, &sources);
        assert_eq!(data[0]["line"], 2);
        assert_eq!(data[0]["end_column"], 5);
    }

    #[test]
    fn a_finding_without_a_place_names_the_file() {
        let mut findings = Findings::new();
        findings.warning("R0502", "x.mjml", None, "no way out").label("add one");
        let text = human_all(&findings, &Sources::new());
        assert!(text.starts_with("warning R0502: no way out"), "{text}");
        assert!(text.contains("x.mjml\n   │ add one\n"), "{text}");
        assert!(text.ends_with("0 errors, 1 warning\n"), "{text}");
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_caret() {
        let line = format!("{}ä{}", "x".repeat(400), "y".repeat(400));
        let (shown, column) = window(&line, 401);
        assert_eq!(shown.chars().nth(column - 1), Some('ä'));
        assert!(shown.chars().count() < 160);
    }
}
