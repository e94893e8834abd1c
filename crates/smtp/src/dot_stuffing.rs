//! A mail's octets between DATA and the final dot.

/// The octets of a mail as they go over the wire: dots at line starts doubled (RFC 5321, 4.5.2), every line ended by CRLF, bare CR
/// and LF made line ends, the last line ended.
pub(crate) fn stuffed(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 64 + 2);
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
            assert_eq!(stuffed(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        /// Whatever a mail holds, it cannot end early and cannot smuggle a second one in.
        #[test]
        fn no_octets_contain_the_end_of_a_mail(bytes in proptest::collection::vec(
            prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)) {
            let wire = [b"\r\n", stuffed(&bytes).as_slice()].concat();
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
    }
}
