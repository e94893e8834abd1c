//! Makes texts of strangers safe to store, print and put into a header: no control, no bidi override, one line, NFC.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Characters that change how others are read or shown: controls, bidi embeddings, overrides and isolates, line and paragraph
/// separators, the byte order mark and other invisible marks. The zero width joiner stays, emoji and some scripts need it.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{206a}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// One safe line: unsafe characters go (line breaks and tabs become a space), spaces collapse, the ends are trimmed, NFC.
pub fn line(text: &str) -> Cow<'_, str> {
    if is_clean_ascii(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        if c.is_whitespace() || c == '\u{2028}' || c == '\u{2029}' {
            gap = true;
        } else if !is_unsafe(c) {
            if gap && !clean.is_empty() {
                clean.push(' ');
            }
            gap = false;
            clean.push(c);
        }
    }
    Cow::Owned(normalized(clean))
}

/// Several safe lines: like [`line()`], with `\n` kept and nothing collapsed.
pub fn block(text: &str) -> Cow<'_, str> {
    if is_clean_ascii(text) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\n' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\t' => clean.push(' '),
            c if is_unsafe(c) => {}
            c => clean.push(c),
        }
    }
    Cow::Owned(normalized(clean.trim().to_owned()))
}

fn normalized(text: String) -> String {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => text.nfc().collect(),
    }
}

/// Printable ASCII without double, leading or trailing spaces needs no work; nearly all input is that.
fn is_clean_ascii(text: &str) -> bool {
    let mut last = b' ';
    for &byte in text.as_bytes() {
        if !(0x20..0x7f).contains(&byte) || (byte == b' ' && last == b' ') {
            return false;
        }
        last = byte;
    }
    last != b' ' || text.is_empty()
}

/// An address that a mail server could accept: one `@`, a local part of at most 64 bytes, a domain of dot-separated labels with at
/// least one dot, at most 254 bytes in all. Returned trimmed; the domain in lower case, the local part untouched.
///
/// Deliberately narrower than RFC 5321: no quoted local parts, no comments, no address literals. Whoever sends those is a typing
/// error far more often than a person.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let safe = |c: char| {
        !c.is_whitespace()
            && !is_unsafe(c)
            && !matches!(c, '"' | '(' | ')' | ',' | ':' | ';' | '<' | '>' | '[' | '\\' | ']' | '@')
    };
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && local.chars().all(safe)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    let label_ok = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c == '-' || c.is_alphanumeric())
    };
    let domain_ok = domain.contains('.') && domain.split('.').all(label_ok);
    (local_ok && domain_ok && text.len() <= 254).then(|| format!("{local}@{}", domain.to_lowercase()))
}
