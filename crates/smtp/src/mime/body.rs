//! A text as the body of a part: in seven bits, lines ended by CRLF, encoded in one pass.
//!
//! Seven bits whatever the text: relays without 8BITMIME exist, and no relay may change signed bytes. Short ASCII lines stay readable;
//! the rest is quoted-printable, which also keeps every line short.

use std::borrow::Cow;

use lettre::message::header::ContentTransferEncoding;
use memchr::memchr_iter;

/// A line of quoted-printable holds so many characters (RFC 2045, 6.7), and one that stays as it is no more.
const LINE_MAX: usize = 76;

/// A text, encoded.
pub(super) struct Body {
    /// What stands in the part.
    pub(super) bytes: Vec<u8>,
    encoding: ContentTransferEncoding,
}

impl Body {
    pub(super) fn of(text: &str) -> Self {
        let text = body_text(text);
        let lines = || ended(text.as_bytes());
        if !text.is_ascii() || lines().any(|line| line.len() > LINE_MAX) {
            return Self::quoted_printable(&text);
        }
        // So many octets are a line too long to the library, which counts its end; what it makes of such a text stays as it is.
        let is_long = lines().enumerate().any(|(at, line)| line.len() + usize::from(at > 0) >= LINE_MAX);
        if is_long {
            return Self::by_library(text.into_owned());
        }
        let mut bytes = Vec::with_capacity(text.len() + text.len() / 16 + 16);
        for line in lines() {
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        Self { bytes, encoding: ContentTransferEncoding::SevenBit }
    }

    fn quoted_printable(text: &str) -> Self {
        let mut page = Page { out: Vec::with_capacity(text.len() + text.len() / 8 + 64), filled: 0, last: 0 };
        for line in ended(text.as_bytes()) {
            page.line(line);
        }
        Self { bytes: page.out, encoding: ContentTransferEncoding::QuotedPrintable }
    }

    fn by_library(text: String) -> Self {
        let body = lettre::message::Body::new(text.into_bytes());
        Self { encoding: body.encoding(), bytes: body.into_vec() }
    }

    /// The part with its own headers, an empty line behind it.
    pub(super) fn write_part(&self, kind: &str, out: &mut Vec<u8>) {
        let encoding = self.encoding.to_string();
        for piece in
            ["Content-Type: ", kind, "; charset=utf-8\r\nContent-Transfer-Encoding: ", encoding.as_str(), "\r\n\r\n"]
        {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(&self.bytes);
        out.extend_from_slice(b"\r\n");
    }
}

/// Lines ended by LF (the encoder makes them CRLF), no other control character than the tabulator, ended by a line end.
fn body_text(text: &str) -> Cow<'_, str> {
    if is_body_text(text) {
        return Cow::Borrowed(text);
    }
    let mut lines: String = text
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .collect();
    if !lines.ends_with('\n') {
        lines.push('\n');
    }
    Cow::Owned(lines)
}

/// Whether nothing of it has to go, as of all that a frame was put around.
fn is_body_text(text: &str) -> bool {
    let octets = text.as_bytes();
    // Without a branch for each octet, so that many are looked at at once.
    let is_odd = |octet: u8| (octet < b' ' && octet != b'\n' && octet != b'\t') | (octet == 0x7f);
    let odd = octets.iter().fold(false, |found, octet| found | is_odd(*octet));
    // The others, from U+0080 to U+009F, begin with this octet.
    let is_control = |at: usize| octets.get(at + 1).is_some_and(|octet| *octet < 0xa0);
    text.ends_with('\n') && !odd && !memchr_iter(0xc2, octets).any(is_control)
}

/// The lines of a text that ends with a line end, each without its own.
fn ended(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut start = 0;
    memchr_iter(b'\n', text).map(move |end| {
        let line = text.get(start..end).unwrap_or_default();
        start = end + 1;
        line
    })
}

/// Quoted-printable as it is written: what fits on a line stays on it, and a line that would be too long is broken in front of what
/// does not fit.
struct Page {
    out: Vec<u8>,
    /// So many characters are on the line.
    filled: usize,
    /// So many of these were written last, together: a break stands in front of all of them or of none.
    last: usize,
}

impl Page {
    fn line(&mut self, line: &[u8]) {
        let mut rest = line;
        while let Some((first, others)) = rest.split_first() {
            // In the last places of a line each character has to be looked at alone: a break may have to follow it.
            let room = (LINE_MAX - 2).saturating_sub(self.filled);
            let length = plain_run(rest.get(..room).unwrap_or(rest));
            if length > 0 {
                let (plain, behind) = rest.split_at(length);
                self.out.extend_from_slice(plain);
                self.filled += length;
                self.last = 0;
                rest = behind;
                continue;
            }
            match is_plain(*first) {
                true => self.place(&[*first]),
                false => self.place(&escaped(*first)),
            }
            rest = others;
        }
        // White space at the end of a line would be lost on the way.
        if let Some(last) = line.last().filter(|last| matches!(last, b' ' | b'\t')) {
            self.out.pop();
            self.filled -= 1;
            self.place(&escaped(*last));
        }
        self.out.extend_from_slice(b"\r\n");
        self.filled = 0;
    }

    /// One character, plain or escaped, on this line or the next one.
    fn place(&mut self, character: &[u8]) {
        const BREAK: &[u8] = b"=\r\n";
        if self.filled + character.len() > LINE_MAX {
            // The mark of the break needs a place too: where none is left, what was written last goes down with it.
            let moved = if self.filled == LINE_MAX { self.last } else { 0 };
            let at = self.out.len().saturating_sub(moved);
            self.out.extend_from_slice(BREAK);
            self.out.get_mut(at..).into_iter().for_each(|behind| behind.rotate_right(BREAK.len()));
            self.filled = moved;
        }
        self.out.extend_from_slice(character);
        self.filled += character.len();
        self.last = character.len();
    }
}

/// How many characters at the beginning stay as they are. Mostly all do, which is asked without a branch for each octet.
fn plain_run(text: &[u8]) -> usize {
    match text.iter().fold(true, |all, octet| all & is_plain(*octet)) {
        true => text.len(),
        false => text.iter().position(|octet| !is_plain(*octet)).unwrap_or(text.len()),
    }
}

fn is_plain(octet: u8) -> bool {
    (octet == b'\t') | ((octet.wrapping_sub(b' ') <= b'~' - b' ') & (octet != b'='))
}

fn escaped(octet: u8) -> [u8; 3] {
    let digit = |half: u8| if half < 10 { b'0' + half } else { b'A' + half - 10 };
    [b'=', digit(octet >> 4), digit(octet & 15)]
}

#[cfg(test)]
mod tests {
    use lettre::message::header::ContentType;
    use lettre::message::{MultiPart, SinglePart};
    use proptest::prelude::*;

    use super::*;

    /// What the library makes of it, which decides by itself what it writes where.
    fn by_lettre(kind: ContentType, text: &str) -> SinglePart {
        let mut lines: String = text
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .chars()
            .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
            .collect();
        if !lines.ends_with('\n') {
            lines.push('\n');
        }
        let is_plain = lines.is_ascii() && lines.split('\n').all(|line| line.len() <= 76);
        let encoding =
            if is_plain { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::QuotedPrintable };
        let body = lettre::message::Body::new_with_encoding(lines, encoding).unwrap_or_else(lettre::message::Body::new);
        SinglePart::builder().content_type(kind).body(body)
    }

    #[track_caller]
    fn check(text: &str) {
        for (kind, known) in [("text/plain", ContentType::TEXT_PLAIN), ("text/html", ContentType::TEXT_HTML)] {
            let mut part = Vec::new();
            Body::of(text).write_part(kind, &mut part);
            let expected = by_lettre(known, text).formatted();
            assert_eq!(String::from_utf8_lossy(&part), String::from_utf8_lossy(&expected), "{text:?}");
        }
    }

    #[test]
    fn the_ends_of_lines_are_where_the_library_has_them() {
        for length in 70..80 {
            for end in ["", " ", "\t", "=", "ü", "  ", "x=", "=x", "xü", "==", "€", " =\t"] {
                let line = "a".repeat(length);
                check(&format!("{line}{end}\n"));
                check(&format!("ü{line}{end}\nb\n{line}{end}{line}=\n"));
                check(&format!("b\n{line}{end}"));
            }
        }
        for odd in ["", "\n", "\0", "a\n\0", "\r", "a\rb\r\nc\n\n", "a\u{85}b\u{a0}\n", "\u{7f}\n", " \n", "\t"] {
            check(odd);
        }
    }

    #[test]
    fn a_mail_of_both_is_framed_as_the_library_frames_it() {
        let outgoing = |html: Option<&str>| crate::Outgoing {
            from: crate::Correspondent { name: None, address: "ines@acme.example".into() },
            to: crate::Correspondent { name: None, address: "ada@example.com".into() },
            reply_to: None,
            subject: "x".into(),
            text: "Hallö\n".into(),
            html: html.map(str::to_owned),
            message_id: "3f2a@mail.acme.example".into(),
            date: "2026-03-10T12:00:00Z".parse().unwrap(),
            headers: Vec::new(),
        };
        let html = "<p class=\"x\">Hallo</p>\n";
        let mail = crate::build(&outgoing(Some(html))).unwrap();
        let text = String::from_utf8(mail).unwrap();
        let (_, rest) = text.split_once("boundary=\"").unwrap();
        let (boundary, _) = rest.split_once('"').unwrap();
        let (plain, html) = (by_lettre(ContentType::TEXT_PLAIN, "Hallö\n"), by_lettre(ContentType::TEXT_HTML, html));
        let both = MultiPart::alternative().boundary(boundary).singlepart(plain.clone()).singlepart(html).formatted();
        assert!(text.ends_with(&format!("MIME-Version: 1.0\r\n{}", String::from_utf8(both).unwrap())), "{text}");
        let alone = String::from_utf8(crate::build(&outgoing(None)).unwrap()).unwrap();
        let plain = String::from_utf8(plain.formatted()).unwrap();
        assert!(alone.ends_with(&format!("MIME-Version: 1.0\r\n{plain}")), "{alone}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn any_text_is_what_the_library_makes_of_it(text in prop_oneof![
            any::<String>(),
            proptest::collection::vec(any::<char>(), 0..200).prop_map(String::from_iter),
            proptest::collection::vec("[a-z =\t]{60,90}", 0..8).prop_map(|lines| lines.join("\n")),
            "[a-zäöü=. \t]{0,400}",
            "[a =\t\r\n\u{80}-\u{a1}]{0,200}",
        ]) {
            check(&text);
        }
    }
}
