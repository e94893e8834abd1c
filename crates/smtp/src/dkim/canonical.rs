//! The forms that are hashed: relaxed headers and relaxed body (RFC 6376, 3.4.2 and 3.4.4).

use std::borrow::Cow;

use memchr::{memchr_iter, memmem};

/// Head with its last line end, and body.
pub(super) fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    match memmem::find(mail, b"\r\n\r\n") {
        Some(at) => (mail.get(..at + 2).unwrap_or_default(), mail.get(at + 4..).unwrap_or_default()),
        None => (mail, &[]),
    }
}

/// Every header as name in small letters and value on one line, in order.
pub(super) fn headers(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    // Where each begins and ends.
    let mut fields: Vec<(usize, usize)> = Vec::new();
    let mut begins = 0;
    for line in head.split("\r\n") {
        let ends = begins + line.len();
        match fields.last_mut() {
            _ if line.is_empty() => {}
            Some(field) if line.starts_with([' ', '\t']) => field.1 = ends,
            _ => fields.push((begins, ends)),
        }
        begins = ends + 2;
    }
    fields.iter().map(|(begins, ends)| header(head.get(*begins..*ends).unwrap_or_default())).collect()
}

/// One header, folded or not.
pub(super) fn header(field: &str) -> (String, String) {
    let (name, folded) = field.split_once(':').unwrap_or((field, ""));
    let unfolded = if folded.contains('\r') { Cow::Owned(folded.replace("\r\n", "")) } else { Cow::Borrowed(folded) };
    let mut value = String::with_capacity(unfolded.len());
    for word in unfolded.split([' ', '\t']).filter(|word| !word.is_empty()) {
        if !value.is_empty() {
            value.push(' ');
        }
        value.push_str(word);
    }
    (name.trim_end().to_ascii_lowercase(), value)
}

/// White space within a line becomes one space, at its end none; empty lines at the end go, and what is left ends with a line end.
/// A body of ours mostly is so already: it is written in large pieces, from what has to change to what has to change.
pub(super) fn body(body: &[u8], mut write: impl FnMut(&[u8])) {
    let piece = |from: usize, to: usize| body.get(from..to.min(body.len())).unwrap_or_default();
    // What is kept and not yet written, and the empty lines behind it: they are kept if something follows.
    let (mut from, mut to) = (0, 0);
    let mut empty_lines = 0;
    for (start, end) in lines(body) {
        let line = piece(start, end);
        if line.iter().all(is_space) {
            empty_lines += 1;
            continue;
        }
        // Not so where an empty line was one of white space.
        if to + 2 * empty_lines != start {
            write(piece(from, to));
            (0..empty_lines).for_each(|_| write(b"\r\n"));
            from = start;
        }
        empty_lines = 0;
        to = end + 2;
        if !is_relaxed(line) {
            write(piece(from, start));
            relaxed(line, &mut write);
            to = to.min(body.len());
            from = to;
        }
    }
    write(piece(from, to));
    // The last line had no end.
    if to > body.len() {
        write(b"\r\n");
    }
}

/// A line with white space in it that cannot stay, and its end.
fn relaxed(line: &[u8], write: &mut impl FnMut(&[u8])) {
    let mut words = line.split(is_space).filter(|word| !word.is_empty());
    if line.first().is_some_and(is_space) {
        write(b" ");
    }
    words.next().into_iter().for_each(&mut *write);
    for word in words {
        write(b" ");
        write(word);
    }
    write(b"\r\n");
}

fn is_space(octet: &u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// Whether a line is as it shall be: single spaces, none at its end. Without a branch for each octet, so that many are looked at at
/// once.
fn is_relaxed(line: &[u8]) -> bool {
    let behind = line.get(1..).unwrap_or_default();
    let doubled =
        line.iter().zip(behind).fold(0, |found, (a, b)| found | (u8::from(*a == b' ') & u8::from(*b == b' ')));
    let tabs = line.iter().fold(0, |found, octet| found | u8::from(*octet == b'\t'));
    (doubled | tabs) == 0 && line.last() != Some(&b' ')
}

/// Where what stands between CRLFs begins and ends. A lone CR or LF ends no line.
fn lines(body: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = body.get(start..).unwrap_or_default();
        let length = memchr_iter(b'\r', rest).find(|at| rest.get(at + 1) == Some(&b'\n'));
        next = length.map(|length| start + length + 2);
        Some((start, length.map_or(body.len(), |length| start + length)))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        body(text, |piece| all.extend_from_slice(piece));
        all
    }

    /// The same as the RFC has it: line by line, octet by octet.
    fn plainly(body: &[u8]) -> Vec<u8> {
        let mut relaxed = Vec::new();
        let mut empty_lines = 0;
        let mut rest = Some(body);
        while let Some(body) = rest {
            let end = body.windows(2).position(|pair| pair == b"\r\n");
            let line = &body[..end.unwrap_or(body.len())];
            rest = end.map(|end| &body[end + 2..]);
            let mut kept = Vec::new();
            let mut space = false;
            for octet in line {
                if matches!(octet, b' ' | b'\t') {
                    space = true;
                    continue;
                }
                if std::mem::take(&mut space) {
                    kept.push(b' ');
                }
                kept.push(*octet);
            }
            if kept.is_empty() {
                empty_lines += 1;
                continue;
            }
            for _ in 0..std::mem::take(&mut empty_lines) {
                relaxed.extend_from_slice(b"\r\n");
            }
            relaxed.extend_from_slice(&kept);
            relaxed.extend_from_slice(b"\r\n");
        }
        relaxed
    }

    proptest! {
        #[test]
        fn what_is_written_in_pieces_is_the_same(
            lines in proptest::collection::vec(prop_oneof!["[a \t]{0,6}", "[a-z]{1,5}( [a-z]{1,5}){0,3}", "[\r\n ]{0,3}"], 0..12),
            ends in any::<bool>(),
        ) {
            let mut text = lines.join("\r\n");
            if ends {
                text.push_str("\r\n");
            }
            prop_assert_eq!(whole(text.as_bytes()), plainly(text.as_bytes()));
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        // RFC 6376, 3.4.5.
        let (head, rest) = split(b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n");
        let expected = [("a".to_owned(), "X".to_owned()), ("b".to_owned(), "Y Z".to_owned())];
        assert_eq!(headers(head), expected);
        assert_eq!(whole(rest), b" C\r\nD E\r\n");
    }

    #[test]
    fn nothing_but_empty_lines_is_nothing() {
        assert_eq!(whole(b""), b"");
        assert_eq!(whole(b"\r\n \t\r\n"), b"");
        assert_eq!(whole(b"\r\n\r\na"), b"\r\n\r\na\r\n");
        assert_eq!(split(b"A: x\r\n"), (&b"A: x\r\n"[..], &b""[..]));
    }
}
