//! How values are kept from becoming markup.
//!
//! Markdown is parsed after the values are in, because a list of products is made by `{{#each}}`. Escaping values for
//! Markdown cannot be done safely without knowing where they stand (text, link, code), so it is not tried: a value is
//! sealed into letters that Markdown has no use for, and opened when the tree is written as HTML or text.

use crate::made;

/// Opens a sealed value. Private use: an author has no reason to write it, and [`clean`] takes it out of data.
const OPENS: char = '\u{E000}';
/// Closes it.
const CLOSES: char = '\u{E001}';

/// Text fit for one line: control and direction characters go, every run of white space (line breaks included) becomes
/// one space, none remains at the ends. Joiners stay, names and emoji need them.
pub fn clean(text: &str) -> String {
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

/// Direction overrides and marks, which can make a sentence read as another, and what no text needs.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | OPENS | CLOSES | made::OPENS | made::CLOSES)
}

/// Seals a value: hexadecimal between two characters of private use, which to Markdown is one word.
pub fn seal(value: &str) -> String {
    format!("{OPENS}{}{CLOSES}", hex(&clean(value)))
}

/// A text as hexadecimal.
pub(crate) fn hex(text: &str) -> String {
    let halves = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    halves.map(|half| char::from_digit(u32::from(half), 16).unwrap_or('0')).collect()
}

/// Opens every sealed value in a text. What is not a seal stays as it is, without the two marks.
pub fn open(text: &str) -> String {
    if !text.contains([OPENS, CLOSES]) {
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
    let halves: Vec<u8> = digits.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = halves.chunks(2).map(|pair| pair.iter().fold(0, |byte, half| byte << 4 | half)).collect();
    String::from_utf8(bytes).ok()
}

/// Text for HTML, inside elements and inside quoted attributes.
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
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

/// An address that may be linked to, as it may stand in an attribute or a text: `http`, `https` or `mailto`, without white
/// space or control characters. None for every other scheme, relative addresses included: a mail has no base.
pub fn address(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once(':')?;
    let allowed = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => rest.strip_prefix("//").is_some_and(|host| host.starts_with(|c: char| c.is_alphanumeric())),
        "mailto" => !rest.is_empty(),
        _ => false,
    };
    let plain = url.chars().all(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c));
    (allowed && plain).then(|| url.replace('<', "%3C").replace('>', "%3E").replace('"', "%22"))
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

    proptest::proptest! {
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
