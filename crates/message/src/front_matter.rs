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
    let begin = text.strip_prefix('\u{feff}').map_or(0, |_| '\u{feff}'.len_utf8());
    let mut lines = text.get(begin..).unwrap_or_default().split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    let mut at = begin + first.len();
    let mut end = None;
    if first.trim_end() == "---" {
        for line in lines {
            if line.trim_end() == "---" {
                end = Some((at, at + line.len()));
                break;
            }
            at += line.len();
        }
    }
    let Some((head_end, body_start)) = end else {
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
