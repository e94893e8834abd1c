//! Findings as diagnostics, and what has one answer as changes an editor offers.

use std::collections::BTreeMap;

use lsp_types::{Diagnostic, DiagnosticSeverity, NumberOrString, Position, Range, TextEdit};
use rapport_rule::finding::fix::{Fix, fixes};
use rapport_rule::{Finding, Findings, Severity, Source, Sources};

use crate::place::range;

/// Findings by file; a file without any is not among them.
pub fn diagnostics(findings: &Findings, sources: &Sources) -> BTreeMap<String, Vec<Diagnostic>> {
    let mut all: BTreeMap<String, Vec<Diagnostic>> = BTreeMap::new();
    for finding in findings.iter() {
        all.entry(finding.path.clone()).or_default().push(diagnostic(finding, sources.get(&finding.path)));
    }
    all
}

fn diagnostic(finding: &Finding, source: Option<&Source>) -> Diagnostic {
    let top = Range::new(Position::new(0, 0), Position::new(0, 0));
    let said = [Some(finding.message.as_str()), finding.label.as_deref(), finding.hint.as_deref()];
    Diagnostic {
        range: source.zip(finding.span).map_or(top, |(source, span)| range(&source.text, span)),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(finding.code.to_owned())),
        source: Some("rapport".to_owned()),
        message: said.into_iter().flatten().collect::<Vec<_>>().join("\n"),
        ..Diagnostic::default()
    }
}

/// The changes `rapport check --fix` would make to a file.
pub fn changes(path: &str, findings: &Findings, sources: &Sources) -> Vec<(Fix, TextEdit)> {
    let Some(source) = sources.get(path) else { return Vec::new() };
    let ours = fixes(findings, sources).into_iter().filter(|fix| fix.path == path);
    ours.map(|fix| {
        let edit = TextEdit { range: range(&source.text, fix.span), new_text: fix.instead.clone() };
        (fix, edit)
    })
    .collect()
}
