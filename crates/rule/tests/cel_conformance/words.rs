//! CEL cut into words by CEL's own rules, to see which of its parts an expression uses.

/// A word or sign and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Name(String),
    /// `12`, and whether it is written in another way than here: `0x1F`, `1e3`, `.5`.
    Int {
        value: Option<i64>,
        otherwise: bool,
    },
    Double {
        value: f64,
        otherwise: bool,
    },
    Uint,
    /// A text; its value where it is written as here, none with a prefix, three quotes or another escape.
    Text(Option<String>),
    Bytes,
    Sign(&'static str),
    /// A remark.
    Remark,
    /// Nothing CEL knows.
    Unknown,
}

const SIGNS: [&str; 26] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}", "@", "`",
];

pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let space = rest.len() - rest.trim_start().len();
        if space > 0 {
            at += space;
            continue;
        }
        let (kind, length) = one(rest);
        words.push(Word { kind, start: at, end: at + length });
        at += length;
    }
    words
}

fn one(rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Remark, rest.find('\n').unwrap_or(rest.len()));
    }
    let letters = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    let word = &rest[..letters];
    if letters <= 2 && rest[letters..].starts_with(['"', '\'']) && word.chars().all(|c| "rRbB".contains(c)) {
        let (value, length) = quoted(&rest[letters..], word.contains(['r', 'R']));
        let plain = value.filter(|_| letters == 0);
        let bytes = word.contains(['b', 'B']);
        return (if bytes { Kind::Bytes } else { Kind::Text(plain) }, letters + length);
    }
    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if digit(rest) || rest.starts_with('.') && digit(&rest[1..]) {
        return number(rest);
    }
    if letters > 0 {
        return (Kind::Name(word.to_owned()), letters);
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => (Kind::Sign(sign), sign.len()),
        None => (Kind::Unknown, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

fn number(rest: &str) -> (Kind, usize) {
    let bytes = rest.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut length;
    let mut double = false;
    let hex = rest.starts_with("0x") || rest.starts_with("0X");
    if hex {
        length = 2 + bytes.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
    } else {
        length = digits(0);
        if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
            double = true;
            length += 1 + digits(length + 1);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign);
            if exponent > 0 {
                double = true;
                length += 1 + sign + exponent;
            }
        }
    }
    let written = &rest[..length];
    if matches!(bytes.get(length), Some(b'u' | b'U')) {
        return (Kind::Uint, length + 1);
    }
    if double {
        let otherwise = written.contains(['e', 'E']) || written.starts_with('.');
        return (Kind::Double { value: written.parse().unwrap_or(f64::NAN), otherwise }, length);
    }
    let value = if hex { i64::from_str_radix(&written[2..], 16).ok() } else { written.parse().ok() };
    (Kind::Int { value, otherwise: hex }, length)
}

/// The value of a text, if it is written as texts are written here, and its length with the quotes.
fn quoted(rest: &str, raw: bool) -> (Option<String>, usize) {
    let quote = rest.chars().next().unwrap_or('"');
    let three = quote.to_string().repeat(3);
    let close = if rest.starts_with(&three) { three } else { quote.to_string() };
    let mut value = (close.len() == 1 && !raw).then(String::new);
    let mut at = close.len();
    while let Some(c) = rest[at..].chars().next() {
        if rest[at..].starts_with(&close) {
            return (value, at + close.len());
        }
        at += c.len_utf8();
        let mut push = |c: Option<char>| match (&mut value, c) {
            (Some(text), Some(c)) => text.push(c),
            _ => value = None,
        };
        if c != '\\' {
            push(Some(c).filter(|c| !c.is_control()));
        } else if let Some(escaped) = rest[at..].chars().next() {
            at += escaped.len_utf8();
            push(match escaped {
                '\\' | '"' | '\'' => Some(escaped),
                'n' => Some('\n'),
                't' => Some('\t'),
                _ => None,
            });
        }
    }
    (None, rest.len())
}
