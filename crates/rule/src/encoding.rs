//! Files that were saved in another encoding than UTF-8.
//!
//! Who reads a file puts [`UNREADABLE`] where its bytes are no UTF-8 (`String::from_utf8_lossy`), so that all that can be read is
//! looked at too. What is wrong then has its place, as everything else has; what stands before it is as it was.

use crate::finding::Findings;
use crate::source::{Source, Span};

/// What stands where bytes could not be read. Nobody means to write it: in a file that is UTF-8 it is left of such bytes.
pub const UNREADABLE: char = '\u{fffd}';

/// A finding (R0581) at the first place that could not be read.
pub fn check(source: &Source, findings: &mut Findings) {
    let Some(at) = source.text.find(UNREADABLE) else { return };
    findings
        .error("R0581", &source.path, Span::new(at, at + UNREADABLE.len_utf8()), "the file is not UTF-8 from here on")
        .label("save the file as UTF-8, and write anew what stood here")
        .hint("Mostly an editor has saved a letter like ä or é in another encoding: Latin-1, Windows-1252, UTF-16.");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_cannot_be_read_is_told_with_its_place() {
        let told = |bytes: &[u8]| {
            let source = Source::new("a.yaml", String::from_utf8_lossy(bytes));
            let mut findings = Findings::new();
            check(&source, &mut findings);
            let places = findings.iter().filter_map(|finding| finding.span);
            places.map(|span| (span.start, source.line_column(span.start))).collect::<Vec<_>>()
        };
        assert!(told("über: ä\n".as_bytes()).is_empty());
        assert_eq!(told(b"a: 1\nabout: Gr\xfc\xdfe, f\xfcr alle\n"), [(14, (2, 10))]);
        assert_eq!(told(b"\xff\xfea\0"), [(0, (1, 1))]);
    }
}
