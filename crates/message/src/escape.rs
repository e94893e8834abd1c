//! How values are kept from becoming markup.
//!
//! Markdown is parsed after the values are in, because a list of products is made by `{{#each}}`. Escaping values for
//! Markdown cannot be done safely without knowing where they stand (text, link, code), so it is not tried: a value is
//! sealed into letters that Markdown has no use for, and opened when the tree is written as HTML or text.

use std::borrow::Cow;

use crate::made;

/// Opens a sealed value. Private use: an author has no reason to write it, and [`clean`] takes it out of data.
const OPENS: char = '\u{E000}';
/// Closes it.
const CLOSES: char = '\u{E001}';

/// Text fit for one line: control and direction characters go, every run of white space (line breaks included) becomes
/// one space, none remains at the ends. Joiners stay, names and emoji need them.
pub fn clean(text: &str) -> String {
    cleaned(text).into_owned()
}

/// The same; a text that has nothing to lose is not copied.
pub(crate) fn cleaned(text: &str) -> Cow<'_, str> {
    if is_clean(text) { Cow::Borrowed(text) } else { Cow::Owned(cleaned_anew(text)) }
}

fn cleaned_anew(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    // The white space met since the last visible character: one that does not break lines stays what it is.
    let mut pending: Option<char> = None;
    for c in text.chars() {
        if c.is_whitespace() {
            pending = Some(if pending.is_none() && matches!(c, '\u{A0}' | '\u{202F}') { c } else { ' ' });
            continue;
        }
        if c.is_control() || is_invisible(c) {
            continue;
        }
        if let Some(space) = pending.take().filter(|_| !cleaned.is_empty()) {
            cleaned.push(space);
        }
        cleaned.push(c);
    }
    cleaned
}

/// Whether a text is ASCII words with a space between them.
fn is_clean(text: &str) -> bool {
    let mut before_word = true;
    for octet in text.bytes() {
        before_word = match octet {
            b' ' if before_word => return false,
            b' ' => true,
            b'!'..=b'~' => false,
            _ => return false,
        };
    }
    !before_word || text.is_empty()
}

/// Whether nothing is left of a text once it is [`clean`].
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
}

/// Whether a text may hold one of the characters of private use that mark what is sealed or made: they all begin with this octet.
pub(crate) fn may_be_marked(text: &str) -> bool {
    text.as_bytes().contains(&0xEE)
}

/// Direction overrides and marks, which can make a sentence read as another, and what no text needs.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | OPENS | CLOSES | made::OPENS | made::CLOSES)
}

/// Seals a value: hexadecimal between two characters of private use, which to Markdown is one word.
pub fn seal(value: &str) -> String {
    let value = cleaned(value);
    let mut sealed = String::with_capacity(2 * value.len() + OPENS.len_utf8() + CLOSES.len_utf8());
    sealed.push(OPENS);
    push_hex(&value, &mut sealed);
    sealed.push(CLOSES);
    sealed
}

/// A text as hexadecimal.
pub(crate) fn hex(text: &str) -> String {
    let mut digits = String::with_capacity(2 * text.len());
    push_hex(text, &mut digits);
    digits
}

fn push_hex(text: &str, out: &mut String) {
    let halves = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.for_each(|half| out.push(char::from_digit(u32::from(half), 16).unwrap_or('0')));
}

/// Opens every sealed value in a text. What is not a seal stays as it is, without the two marks.
pub fn open(text: &str) -> String {
    if !may_be_marked(text) {
        return text.to_owned();
    }
    let mut opened = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPENS) {
        opened.push_str(before);
        let Some((sealed, behind)) = after.split_once(CLOSES) else {
            rest = after;
            continue;
        };
        match unhex(sealed) {
            Some(value) => opened.push_str(&value),
            None => opened.push_str(sealed),
        }
        rest = behind;
    }
    opened.push_str(rest);
    opened.retain(|c| c != OPENS && c != CLOSES);
    opened
}

/// What [`hex`] made; none for anything else.
pub(crate) fn unhex(digits: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(digits.len().div_ceil(2));
    let mut halves = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8));
    while let Some(high) = halves.next() {
        let high = high?;
        bytes.push(match halves.next() {
            Some(low) => high << 4 | low?,
            None => high,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Text for HTML, inside elements and inside quoted attributes.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    push_html(text, &mut escaped);
    escaped
}

/// The same, behind what is there. What may stay is taken over in one piece.
pub(crate) fn push_html(text: &str, out: &mut String) {
    let mut taken = 0;
    for (at, octet) in text.bytes().enumerate() {
        let (length, instead) = match octet {
            b'&' => (1, "&amp;"),
            b'<' => (1, "&lt;"),
            b'>' => (1, "&gt;"),
            b'"' => (1, "&quot;"),
            b'\'' => (1, "&#39;"),
            b'\n' => continue,
            // Control characters: those of ASCII, and from U+0080 to U+009F those that begin with 0xC2.
            0..=0x1f | 0x7f => (1, ""),
            0xc2 if text.as_bytes().get(at + 1).is_some_and(|behind| *behind < 0xa0) => (2, ""),
            _ => continue,
        };
        out.push_str(text.get(taken..at).unwrap_or_default());
        out.push_str(instead);
        taken = at + length;
    }
    out.push_str(text.get(taken..).unwrap_or_default());
}

/// An address that may be linked to, as it may stand in an attribute or a text: `http`, `https` or `mailto`, without white
/// space or control characters. None for every other scheme, relative addresses included: a mail has no base.
pub fn address(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once(':')?;
    let is = |name: &str| scheme.eq_ignore_ascii_case(name);
    let allowed = if is("http") || is("https") {
        rest.strip_prefix("//").is_some_and(|host| host.starts_with(|c: char| c.is_alphanumeric()))
    } else {
        is("mailto") && !rest.is_empty()
    };
    let plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c));
    (allowed && plain).then(|| match url.contains(['<', '>', '"']) {
        true => url.replace('<', "%3C").replace('>', "%3E").replace('"', "%22"),
        false => url.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_loses_what_steers_lines_and_direction() {
        assert_eq!(clean(" Ada\r\nBcc: x\u{202E}evil\u{0} "), "Ada Bcc: xevil");
        assert_eq!(clean("\u{2028}a\tb\u{a0}c \u{a0}d\u{a0}"), "a b\u{a0}c d");
        assert_eq!(clean("نور\u{200c}ها"), "نور\u{200c}ها");
    }

    #[test]
    fn only_addresses_that_lead_somewhere_known_pass() {
        for good in ["https://a.example/x?y=1&z", "http://a.example", "mailto:a@b.example"] {
            assert_eq!(address(good).as_deref(), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            " JaVaScRiPt:x",
            "data:text/html,x",
            "/x",
            "https:x",
            "https://a b",
            "java\nscript:x",
            "",
        ] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    /// Texts with what has to go from them, and such as are fine.
    fn texts() -> impl proptest::strategy::Strategy<Value = String> {
        proptest::prop_oneof![
            "[a-z<&>\"' \n]{0,20}",
            "[ a-c\t\n\u{7f}-\u{a1}\u{202e}\u{e000}-\u{e003}]{0,12}",
            "[ -~]{0,40}",
            proptest::arbitrary::any::<String>(),
        ]
    }

    /// HTML, character by character.
    fn html_plainly(text: &str) -> String {
        let mut escaped = String::new();
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '>' => escaped.push_str("&gt;"),
                '"' => escaped.push_str("&quot;"),
                '\'' => escaped.push_str("&#39;"),
                c if c.is_control() && c != '\n' => {}
                c => escaped.push(c),
            }
        }
        escaped
    }

    proptest::proptest! {
        #[test]
        fn what_is_taken_over_in_pieces_is_the_same(text in texts()) {
            proptest::prop_assert_eq!(html(&text), html_plainly(&text));
            proptest::prop_assert_eq!(is_blank(&text), clean(&text).is_empty());
            proptest::prop_assert_eq!(clean(&text), cleaned_anew(&text));
            proptest::prop_assert!(may_be_marked(&text) || !text.contains([OPENS, CLOSES, made::OPENS, made::CLOSES]));
            proptest::prop_assert_eq!(unhex(&hex(&text)), Some(text));
        }

        #[test]
        fn what_is_sealed_opens_as_it_was_cleaned(text in "\\PC*", around in "[a-z *]{0,5}") {
            let sealed = format!("{around}{}{around}", seal(&text));
            proptest::prop_assert_eq!(open(&sealed), format!("{around}{}{around}", clean(&text)));
        }

        #[test]
        fn opening_anything_never_fails(text in proptest::collection::vec(proptest::char::any(), 0..40)) {
            let text: String = text.into_iter().collect();
            proptest::prop_assert!(!open(&text).contains([OPENS, CLOSES]));
        }
    }
}
