//! The tree of a mail as text: complete, every address included, lines that fit a narrow window.

use crate::made;
use crate::markdown::{Block, Inline, item_link, only_link, words};

/// Lines are broken between words after this many characters. Addresses are never broken.
const WIDTH: usize = 74;

/// The tree as text, without a line break at the end.
pub(crate) fn text(blocks: &[Block]) -> String {
    let mut lines = Vec::new();
    write_blocks(blocks, &mut lines);
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n")
}

/// The blocks with an empty line after each.
fn write_blocks(blocks: &[Block], lines: &mut Vec<String>) {
    for block in blocks {
        match block {
            Block::Paragraph(content) => match only_link(content) {
                Some((url, text)) => {
                    fill(&format!("{}:", words(text)), lines);
                    lines.push(url.to_owned());
                }
                None => fill(&spoken(content), lines),
            },
            Block::Heading(_, content) => fill(&spoken(content), lines),
            Block::List { first, items } => {
                for (at, item) in items.iter().enumerate() {
                    let mark = match first {
                        Some(first) => format!("{}. ", first.saturating_add(at as u64)),
                        None => "- ".to_owned(),
                    };
                    let mut inner = Vec::new();
                    match item_link(item) {
                        Some((url, text)) => inner.extend([words(text), url.to_owned()]),
                        None => write_blocks(item, &mut inner),
                    }
                    while inner.last().is_some_and(String::is_empty) {
                        inner.pop();
                    }
                    indent(&inner, &mark, &" ".repeat(mark.len()), lines);
                }
            }
            Block::Quote(inner) => {
                let mut quoted = Vec::new();
                write_blocks(inner, &mut quoted);
                quoted.pop();
                indent(&quoted, "> ", "> ", lines);
            }
            Block::Code(code) => lines.extend(code.trim_end().lines().map(|line| format!("    {line}"))),
            Block::Rule => lines.push("-".repeat(20)),
        }
        lines.push(String::new());
    }
}

fn indent(inner: &[String], first: &str, others: &str, lines: &mut Vec<String>) {
    for (at, line) in inner.iter().enumerate() {
        lines.push(format!("{}{line}", if at == 0 { first } else { others }).trim_end().to_owned());
    }
}

/// A line as text: a link is its words and its address behind them.
fn spoken(content: &[Inline]) -> String {
    let mut text = String::with_capacity(4 * WIDTH);
    push_spoken(content, &mut text);
    text
}

fn push_spoken(content: &[Inline], text: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(part) | Inline::Code(part) => text.push_str(&made::text_of(part)),
            Inline::Strong(inner) | Inline::Emphasis(inner) => push_spoken(inner, text),
            Inline::Link { url, content } => {
                let words = words(content);
                let address = url.strip_prefix("mailto:").unwrap_or(url);
                if words == *url || words == address {
                    text.push_str(url);
                } else {
                    text.extend([words.as_str(), " (", url.as_str(), ")"]);
                }
            }
            Inline::Image { alt, .. } => text.push_str(alt),
            Inline::Space => text.push(' '),
            Inline::Break => text.push('\n'),
        }
    }
}

/// A text as wide as it came, in lines of a mail: what is longer is wrapped between words, and an address never.
pub(crate) fn narrowed(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.chars().count() <= WIDTH {
            lines.push(line.to_owned());
        } else if line.chars().all(|sign| sign == '─') {
            lines.push(line.chars().take(WIDTH).collect());
        } else {
            fill(line, &mut lines);
        }
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn fill(text: &str, lines: &mut Vec<String>) {
    for part in text.split('\n') {
        // A line as wide as lines are, so that it need not grow word by word.
        let wide = || String::with_capacity(part.len().min(WIDTH + WIDTH / 8));
        let mut line = wide();
        let mut length = 0;
        for word in spaced(part) {
            // A line of mail holds 998 octets; a longer word comes from nobody, but a name can be anything.
            for word in pieces(word) {
                let word_length = word.chars().count();
                if length > 0 && length + 1 + word_length > WIDTH {
                    lines.push(std::mem::replace(&mut line, wide()));
                    length = 0;
                }
                if length > 0 {
                    line.push(' ');
                    length += 1;
                }
                line.push_str(word);
                length += word_length;
            }
        }
        lines.push(line);
    }
}

/// What stands between spaces. Words are short: looking at their octets is quicker than a search that is prepared for each.
fn spaced(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begins = rest.bytes().position(|octet| octet != b' ')?;
        let word = rest.get(begins..)?;
        let ends = word.bytes().position(|octet| octet == b' ').unwrap_or(word.len());
        let (word, behind) = word.split_at_checked(ends)?;
        rest = behind;
        Some(word)
    })
}

/// A piece of a word has at most so many characters.
const PIECE_CHARS_MAX: usize = 200;

/// A word in pieces; addresses whole.
fn pieces(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = match rest.len() <= PIECE_CHARS_MAX || rest.contains("://") {
            true => None,
            false => rest.char_indices().nth(PIECE_CHARS_MAX).map(|(at, _)| at),
        };
        let (piece, behind) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        rest = behind;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, word by word and character by character.
    fn filled(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for part in text.split('\n') {
            let mut line = String::new();
            for word in part.split(' ').filter(|word| !word.is_empty()) {
                let most = if word.contains("://") { usize::MAX } else { 200 };
                let mut rest: Vec<char> = word.chars().collect();
                while !rest.is_empty() {
                    let behind = rest.split_off(rest.len().min(most));
                    let piece: String = rest.into_iter().collect();
                    let length = line.chars().count();
                    if length > 0 && length + 1 + piece.chars().count() > WIDTH {
                        lines.push(std::mem::take(&mut line));
                    }
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(&piece);
                    rest = behind;
                }
            }
            lines.push(line);
        }
        lines
    }

    proptest! {
        #[test]
        fn lines_are_as_full_as_they_may_be(words in proptest::collection::vec(
            prop_oneof!["[a-zäöü]{0,12}", "[a-z]{190,210}", "ü{90,110}", "https://[a-z]{60,260}", "\\PC{0,30}", "[a \n]{0,5}"], 0..40)) {
            let text = words.join(" ");
            let mut lines = Vec::new();
            fill(&text, &mut lines);
            prop_assert_eq!(lines, filled(&text));
        }
    }
}
