//! The part between two lines of `---` at the head of a file.

use rapport_rule::yaml::{self, Node};
use rapport_rule::{Findings, Source, Span};

/// A file in two parts.
pub(crate) struct Split {
    /// What the front matter says, with places of the whole file.
    pub(crate) head: Option<Node>,
    /// Where the rest stands.
    pub(crate) body: Span,
}

/// Parts a file; none, with a finding, if it has no front matter.
pub(crate) fn split(source: &Source, findings: &mut Findings) -> Option<Split> {
    let text = source.text.as_str();
    let begin = begin(text);
    let first = text.get(begin..).and_then(|rest| rest.split_inclusive('\n').next()).unwrap_or_default();
    let Some((head_end, body_start)) = edges(text) else {
        findings
            .error("R0410", &source.path, Span::at(0), "the file has no front matter")
            .hint("It begins with a line `---`, then `subject: …`, then a line `---`, then the text.");
        return None;
    };
    // The same bytes in front, blank: so every place in the head is a place in the file.
    let blank = " ".repeat(begin + first.trim_end_matches(['\r', '\n']).len());
    let rest = text.get(blank.len()..head_end).unwrap_or_default();
    let head = Source::new(source.path.clone(), format!("{blank}{rest}"));
    let before = findings.len();
    let read = yaml::parse(&head, findings);
    if read.is_none() && findings.len() == before {
        findings
            .error("R0412", &source.path, Span::at(0), "the front matter says nothing")
            .hint("Between the two lines `---` stands at least `subject: …`.");
    }
    Some(Split { head: read, body: Span::new(body_start, text.len()) })
}

/// Where the text behind the front matter stands; all of it in a file without.
pub(crate) fn body_of(source: &Source) -> Span {
    let start = edges(&source.text).map_or(0, |(_, body)| body);
    Span::new(start, source.text.len())
}

/// Where a text begins behind its byte order mark.
fn begin(text: &str) -> usize {
    text.strip_prefix('\u{feff}').map_or(0, |_| '\u{feff}'.len_utf8())
}

/// Where the head ends and the rest begins.
fn edges(text: &str) -> Option<(usize, usize)> {
    let mut at = begin(text);
    let mut lines = text.get(at..)?.split_inclusive('\n');
    let first = lines.next()?;
    if first.trim_end() != "---" {
        return None;
    }
    at += first.len();
    for line in lines {
        if line.trim_end() == "---" {
            return Some((at, at + line.len()));
        }
        at += line.len();
    }
    None
}
