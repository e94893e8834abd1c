//! A mail's octets between DATA and the final dot.

use std::borrow::Cow;

use memchr::memchr2;

/// The octets of a mail as they go over the wire: dots at line starts doubled (RFC 5321, 4.5.2), every line ended by CRLF, bare CR
/// and LF made line ends, the last line ended. A mail of ours mostly is so already, and what has to change is little: the rest is
/// taken over in one piece from change to change.
pub(crate) fn stuffed(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut change = |from: usize, to: usize, instead: &[u8]| {
        if out.is_empty() {
            out.reserve(bytes.len() + bytes.len() / 64 + 2);
        }
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        out.extend_from_slice(instead);
    };
    // Where the line begins, and up to where everything is taken over.
    let (mut line, mut taken) = (0, 0);
    loop {
        let rest = bytes.get(line..).unwrap_or_default();
        if rest.first() == Some(&b'.') {
            change(taken, line, b".");
            taken = line;
        }
        let Some(length) = memchr2(b'\r', b'\n', rest) else {
            if !rest.is_empty() {
                change(taken, bytes.len(), b"\r\n");
                taken = bytes.len();
            }
            break;
        };
        let end = line + length;
        if bytes.get(end..end + 2) == Some(&b"\r\n"[..]) {
            line = end + 2;
        } else {
            change(taken, end, b"\r\n");
            (line, taken) = (end + 1, end + 1);
        }
    }
    if out.is_empty() {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(bytes.get(taken..).unwrap_or_default());
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dots_and_line_ends() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b".", b"..\r\n"),
            (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
            (b"a\n.b", b"a\r\n..b\r\n"),
            (b"a\r.b\r\r\n", b"a\r\n..b\r\n\r\n"),
            (b"a.b\r\n", b"a.b\r\n"),
            (b"\r\n", b"\r\n"),
        ];
        for (bytes, expected) in table {
            assert_eq!(&*stuffed(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_can_go_as_it_is_is_not_copied() {
        for bytes in [&b""[..], b"\r\n", b"a: b\r\n\r\nx.\r\n .\r\n"] {
            assert!(matches!(stuffed(bytes), Cow::Borrowed(_)), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    /// The same, octet by octet.
    fn plainly(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at_line_start = true;
        let mut rest = bytes.iter().copied().peekable();
        while let Some(octet) = rest.next() {
            if matches!(octet, b'\r' | b'\n') {
                if octet == b'\r' {
                    rest.next_if_eq(&b'\n');
                }
                out.extend_from_slice(b"\r\n");
                at_line_start = true;
                continue;
            }
            if at_line_start && octet == b'.' {
                out.push(b'.');
            }
            out.push(octet);
            at_line_start = false;
        }
        if !at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    /// Octets that are seldom what a mail is made of, and lines as it has them.
    fn mails() -> impl Strategy<Value = Vec<u8>> {
        let odd = prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()];
        let line = prop_oneof![Just("\r\n".to_owned()), "\\.?[a-z.]{0,90}\r\n", "[a-z.]{0,3}\r?\n?"];
        prop_oneof![
            proptest::collection::vec(odd, 0..200),
            proptest::collection::vec(line, 0..20).prop_map(|lines| lines.concat().into_bytes()),
        ]
    }

    proptest! {
        /// Whatever a mail holds, it cannot end early and cannot smuggle a second one in.
        #[test]
        fn no_octets_contain_the_end_of_a_mail(bytes in mails()) {
            let wire = [b"\r\n", &*stuffed(&bytes)].concat();
            prop_assert!(!wire.windows(3).any(|w| w == b"\n.\r" || w == b"\n.\n" || w == b"\r.\r"));
            for (at, octet) in wire.iter().enumerate() {
                match octet {
                    b'\r' => prop_assert_eq!(wire.get(at + 1), Some(&b'\n')),
                    b'\n' => prop_assert_eq!(wire[at - 1], b'\r'),
                    _ => {}
                }
            }
            prop_assert!(wire.ends_with(b"\r\n"));
        }

        #[test]
        fn what_is_taken_over_in_pieces_is_the_same(bytes in mails()) {
            prop_assert_eq!(stuffed(&bytes).into_owned(), plainly(&bytes));
        }
    }
}
