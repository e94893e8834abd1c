//! `config/rates.csv`: daily exchange rates.

use rapport_partner::Rates;
use rapport_rule::{Findings, Source, Span};

/// Reads all rates; a file with a line that is none gives none.
pub(crate) fn read(source: &Source, findings: &mut Findings) -> Rates {
    Rates::parse(&source.text).unwrap_or_else(|bad| {
        for bad in bad {
            let span = line(&source.text, bad.line);
            findings
                .error("R0558", &source.path, span, bad.why)
                .hint("A sale without a rate has no value, so a wrong line is not passed over.");
        }
        Rates::default()
    })
}

/// The place of a line, from 1.
fn line(text: &str, number: usize) -> Option<Span> {
    let start: usize = text.split_inclusive('\n').take(number.saturating_sub(1)).map(str::len).sum();
    let length = text.get(start..)?.lines().next()?.len();
    Some(Span { start, end: start + length })
}
