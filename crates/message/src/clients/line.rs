//! Subject and preheader as written: what a line in a list shows otherwise than it is meant.

use rapport_rule::{Findings, Source, Span};

/// Warnings for the head of a mail's file, which ends at `body`.
pub(super) fn lint(source: &Source, body: usize, findings: &mut Findings) {
    let mut at = 0;
    for line in source.text.get(..body).unwrap_or_default().split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some((key, value)) = line.split_once(':') else { continue };
        if !matches!(key, "subject" | "preheader") {
            continue;
        }
        let value_at = start + key.len() + 1;
        if let Some((from, to)) = entity(value) {
            let span = Span::new(value_at + from, value_at + to);
            findings
                .warning("R0468", &source.path, span, format!("`{}` would be read as it stands", source.slice(span)))
                .hint(format!(
                    "The {key} is no HTML: all clients show it letter by letter. Write the character itself."
                ));
        }
        if let Some((from, c)) = value.char_indices().find(|(_, c)| is_unseen(*c)) {
            let span = Span::new(value_at + from, value_at + from + c.len_utf8());
            findings
                .warning("R0468", &source.path, span, format!("a character that nobody sees (U+{:04X})", u32::from(c)))
                .hint(
                    "Some clients show a box for it or cut the line there, and filters know it from spam. Take it out.",
                );
        }
    }
}

/// `&nbsp;`, `&#8203;`.
fn entity(text: &str) -> Option<(usize, usize)> {
    text.match_indices('&').find_map(|(at, _)| {
        let inside = text.get(at + 1..)?;
        let name = inside.get(..inside.find(';')?)?;
        let is_name = (2..=8).contains(&name.len())
            && match name.strip_prefix('#') {
                Some(digits) => digits.trim_start_matches(['x', 'X']).bytes().all(|b| b.is_ascii_hexdigit()),
                None => name.bytes().all(|b| b.is_ascii_alphanumeric()),
            };
        is_name.then_some((at, at + name.len() + 2))
    })
}

/// What has no shape, but for the joiners that names and emoji need, and what no font has.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{FEFF}' | '\u{FFFC}' | '\u{FFFD}' | '\u{E000}'..='\u{F8FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, expected: &[&str]) {
        let source = Source::new("w/hello.mail.md", format!("---\n{head}\n---\nsubject: a&nbsp;b\n"));
        let mut findings = Findings::new();
        lint(&source, head.len() + 9, &mut findings);
        let found: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(found, expected, "{head}");
    }

    #[test]
    fn what_is_shown_otherwise_than_meant_is_told() {
        check("subject: Questions &amp; answers", &["`&amp;` would be read as it stands"]);
        check("subject: Q & A; more\npreheader: 'One&#8203;'", &["`&#8203;` would be read as it stands"]);
        check("preheader: \"One\u{200b}two\"", &["a character that nobody sees (U+200B)"]);
        check("subject: 👩\u{200d}💻 Grüße, نور\u{200c}ها\n# subject: a&nbsp;b", &[]);
    }
}
