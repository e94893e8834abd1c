//! Putting right what has one answer: what its finding says can only mean one thing (`40%` beside a percentage, `=` in a comparison, a clock
//! time without quotes), and a word with one slip of the pen in it. What is merely near (`mail.opened` and `case.opened`) may be
//! meant or not: that is proposed, and left to people.

use super::{Finding, Findings, Right};
use crate::encoding::UNREADABLE;
use crate::source::{Source, Sources, Span};
use crate::{suggest, yaml};

/// Something to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The file.
    pub path: String,
    /// What is wrong.
    pub span: Span,
    /// What is right.
    pub instead: String,
}

/// What can be put right without asking: findings that know the one right form, and those whose place is one word and that propose one.
pub fn fixes(findings: &Findings, sources: &Sources) -> Vec<Fix> {
    let mut all: Vec<Fix> = findings.iter().filter_map(|finding| fix(finding, sources)).collect();
    all.sort_by(|a, b| (&a.path, a.span).cmp(&(&b.path, b.span)));
    // Of two that overlap, the first.
    all.dedup_by(|later, earlier| later.path == earlier.path && later.span.start < earlier.span.end);
    all
}

fn fix(finding: &Finding, sources: &Sources) -> Option<Fix> {
    let source = sources.get(&finding.path)?;
    // Written back, what could not be read would be lost for good.
    if source.text.contains(UNREADABLE) {
        return None;
    }
    match &finding.right {
        Some(right) => exact(right, source),
        None => slip(finding, source),
    }
}

/// What has one right form, as long as the file says there what the finding was about.
fn exact(right: &Right, source: &Source) -> Option<Fix> {
    let Right { span, written, instead } = right;
    if written.is_empty() || source.slice(*span) != written.as_str() {
        return None;
    }
    let fix = Fix { path: source.path.clone(), span: *span, instead: instead.clone() };
    can_be_read(&fix, source).then_some(fix)
}

/// Whether the file is as good YAML with the fix as without: quotes inside a text in quotes would end it.
fn can_be_read(fix: &Fix, source: &Source) -> bool {
    if !fix.instead.contains(['"', '\'']) {
        return true;
    }
    if !source.path.ends_with(".yaml") {
        return false;
    }
    let mut changed = source.clone();
    changed.text.replace_range(fix.span.start..fix.span.end, &fix.instead);
    let errors = |source: &Source| {
        let mut findings = Findings::new();
        yaml::parse(source, &mut findings);
        findings.errors()
    };
    errors(&changed) <= errors(source)
}

/// A word with a slip in it.
fn slip(finding: &Finding, source: &Source) -> Option<Fix> {
    let near = finding.label.as_deref()?.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    let span = finding.span?;
    let written = source.slice(span);
    let quote = written.chars().next().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
    let word = written.strip_prefix(&quote)?.strip_suffix(&quote)?;
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-.*".contains(c));
    // In an expression the place is the whole name and the proposal maybe its last part, or the reverse: left to people.
    let same_depth = word.matches('.').count() == near.matches('.').count();
    (is_word(word) && is_word(near) && same_depth && suggest::is_slip(word, near)).then(|| Fix {
        path: finding.path.clone(),
        span,
        instead: format!("{quote}{near}{quote}"),
    })
}

/// The files with the fixes made, of those that change.
pub fn apply(fixes: &[Fix], sources: &Sources) -> Vec<Source> {
    let mut changed: Vec<Source> = Vec::new();
    // From the end, so that earlier places stay where they are.
    for fix in fixes.iter().rev() {
        let at = match changed.iter().position(|source| source.path == fix.path) {
            Some(at) => at,
            None => {
                let Some(source) = sources.get(&fix.path) else { continue };
                changed.push(source.clone());
                changed.len() - 1
            }
        };
        let Some(source) = changed.get_mut(at) else { continue };
        if source.text.is_char_boundary(fix.span.start) && source.text.is_char_boundary(fix.span.end) {
            source.text.replace_range(fix.span.start..fix.span.end, &fix.instead);
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_put_right_from_the_end_and_the_rest_is_left() {
        let mut sources = Sources::new();
        sources.add(Source::new("w.yaml", "wehn: a\nonec: b\nif: partner.helth > 1\n"));
        let mut findings = Findings::new();
        findings.error("R0101", "w.yaml", Span::new(0, 4), "unknown").did_you_mean(Some("when"));
        findings.error("R0101", "w.yaml", Span::new(8, 12), "unknown").did_you_mean(Some("once"));
        findings.error("R0201", "w.yaml", Span::new(20, 33), "unknown").did_you_mean(Some("health"));
        let fixes = fixes(&findings, &sources);
        assert_eq!(fixes.len(), 2, "a path is not replaced by its last part");
        let changed = apply(&fixes, &sources);
        assert_eq!(changed[0].text, "when: a\nonce: b\nif: partner.helth > 1\n");
    }

    #[test]
    fn what_has_one_right_form_is_written_where_it_still_can_be_read() {
        let put_right = |text: &str, wrong: &str, instead: &str| {
            let mut sources = Sources::new();
            sources.add(Source::new("w.yaml", text));
            let start = text.find(wrong).unwrap();
            let mut findings = Findings::new();
            findings.error("R0202", "w.yaml", Span::at(start), "odd").right(
                Span::new(start, start + wrong.len()),
                wrong,
                instead,
            );
            apply(&fixes(&findings, &sources), &sources).pop().map(|source| source.text)
        };
        let money = "money(\"9 EUR\")";
        assert_eq!(put_right("at: 09:30\n", "09:30", "\"09:30\"").as_deref(), Some("at: \"09:30\"\n"));
        assert_eq!(put_right("if: a > 9 EUR\n", "9 EUR", money).as_deref(), Some("if: a > money(\"9 EUR\")\n"));
        assert_eq!(put_right("if: 'a > 9 EUR'\n", "9 EUR", money).as_deref(), Some("if: 'a > money(\"9 EUR\")'\n"));
        assert_eq!(put_right("if: \"a > 9 EUR\"\n", "9 EUR", money), None, "the quotes would end the text");
    }

    #[test]
    fn what_does_not_stand_there_any_more_is_left() {
        let mut sources = Sources::new();
        sources.add(Source::new("w.yaml", "if: a == 1\n"));
        let mut findings = Findings::new();
        findings.error("R0202", "w.yaml", Span::new(6, 7), "odd").right(Span::new(6, 8), "= ", "== ");
        assert!(fixes(&findings, &sources).is_empty());
    }

    #[test]
    fn a_file_that_could_not_be_read_as_a_whole_is_left_as_it_is() {
        let mut sources = Sources::new();
        sources.add(Source::new("w.yaml", "wehn: a\nabout: Gr\u{fffd}e\n"));
        let mut findings = Findings::new();
        findings.error("R0101", "w.yaml", Span::new(0, 4), "unknown").did_you_mean(Some("when"));
        assert!(fixes(&findings, &sources).is_empty());
    }

    #[test]
    fn what_is_near_and_no_slip_is_left_to_people() {
        for (written, near, put_right) in [
            ("mail.opened", "case.opened", None),
            ("sales_28d", "mails_28d", None),
            ("revenue_401d", "revenue_90d", None),
            ("revenue_29d", "revenue_28d", None),
            ("conversion_total", "conversions_total", Some("conversions_total")),
            ("\"vpi\"", "vip", Some("\"vip\"")),
            ("stop-when", "stop_when", Some("stop_when")),
        ] {
            let mut sources = Sources::new();
            sources.add(Source::new("w.yaml", written));
            let mut findings = Findings::new();
            findings.error("R0201", "w.yaml", Span::new(0, written.len()), "unknown").did_you_mean(Some(near));
            let instead = fixes(&findings, &sources).pop().map(|fix| fix.instead);
            assert_eq!(instead.as_deref(), put_right, "{written}");
        }
    }
}
