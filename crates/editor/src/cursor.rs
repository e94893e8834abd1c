//! Where in a file the cursor is, also while the file is no YAML: the keys above it, and whether a key or a value is meant.
//!
//! The word at the cursor is replaced by a mark, and the text is read with it: as it is, or cut off behind the line with
//! what is open closed. The mark is then a key or part of a text, and the way to it is known.

use rapport_rule::yaml::{self, Node, Value};
use rapport_rule::{Findings, Source, Span};
use rapport_workflow::schema;

const MARK: &str = "zzcursorzz";

/// A part of the way to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Under this key.
    Key(String),
    /// In a list.
    Item,
}

/// Where the cursor is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// From the top to the map or value the cursor is in.
    pub way: Vec<Part>,
    /// Whether a key of the map at the end of the way is meant.
    pub key: bool,
    /// Whether a value may be meant: `- ` can begin both.
    pub value: bool,
    /// Keys that stand beside it in the same map.
    pub present: Vec<String>,
    /// The text before the cursor within its value, without the word.
    pub before: String,
    /// The word at the cursor, and its place.
    pub word: Span,
}

impl Cursor {
    /// The way in the words of the described shapes.
    pub fn shape_way(&self) -> Vec<schema::Part<'_>> {
        let part = |part| match part {
            &Part::Item => schema::Part::Item,
            Part::Key(key) => schema::Part::Key(key),
        };
        self.way.iter().map(part).collect()
    }
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_.-*".contains(c)
}

/// The word around an offset.
pub fn word_at(text: &str, offset: usize) -> Span {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let (before, after) = text.split_at(offset);
    let back: usize = before.chars().rev().take_while(|c| in_word(*c)).map(char::len_utf8).sum();
    let on: usize = after.chars().take_while(|c| in_word(*c)).map(char::len_utf8).sum();
    let mut start = offset - back;
    // The dash of a list's entry is no part of a word.
    while start < offset && text.get(start..).is_some_and(|rest| rest.starts_with('-')) {
        start += 1;
    }
    Span::new(start, offset + on)
}

/// Where the cursor is in a YAML file; none in a comment or where nothing can be read.
pub fn find(text: &str, offset: usize) -> Option<Cursor> {
    let word = word_at(text, offset);
    let (head, tail) = (text.get(..word.start)?, text.get(word.end..)?);
    let line = head.rsplit('\n').next().unwrap_or_default();
    if line.trim_start().starts_with('#') || line.contains(" #") {
        return None;
    }
    let is_key = tail.trim_start_matches([' ', '\t']).starts_with(':');
    let rest_of_line = tail.split('\n').next().unwrap_or_default();
    let closers = closers(head);
    let variants: [(&str, &str); 2] = if is_key { [(MARK, ""), (MARK, "")] } else { [(MARK, ""), (MARK, ": 0")] };
    let mut tries: Vec<String> = Vec::new();
    for (mark, more) in variants {
        tries.push(format!("{head}{mark}{more}{tail}"));
        tries.push(format!("{head}{mark}{more}{rest_of_line}\n"));
        tries.push(format!("{head}{mark}{more}{closers}\n"));
    }
    tries.dedup();
    let mut found: Option<Cursor> = None;
    for text in &tries {
        let source = Source::new("cursor.yaml", text.as_str());
        let Some(node) = yaml::parse(&source, &mut Findings::new()) else { continue };
        let mut cursor =
            Cursor { way: Vec::new(), key: false, value: false, present: Vec::new(), before: String::new(), word };
        if !look_for(&node, &mut cursor) {
            continue;
        }
        match &mut found {
            None => found = Some(cursor),
            // A bare word may be the beginning of a key, too.
            Some(known) if known.way == cursor.way && known.key != cursor.key => {
                (known.key, known.value) = (true, true);
                known.present = cursor.present;
                break;
            }
            Some(_) => {}
        }
    }
    found
}

fn look_for(node: &Node, cursor: &mut Cursor) -> bool {
    match &node.value {
        Value::Map(entries) => {
            if entries.iter().any(|(key, _)| key.text.contains(MARK)) {
                cursor.key = true;
                cursor.present =
                    entries.iter().map(|(key, _)| key.text.clone()).filter(|key| !key.contains(MARK)).collect();
                return true;
            }
            for (key, value) in entries {
                cursor.way.push(Part::Key(key.text.clone()));
                if look_for(value, cursor) {
                    return true;
                }
                cursor.way.pop();
            }
            false
        }
        Value::Seq(items) => {
            cursor.way.push(Part::Item);
            let found = items.iter().any(|item| look_for(item, cursor));
            if !found {
                cursor.way.pop();
            }
            found
        }
        Value::String(text) => match text.find(MARK) {
            Some(at) => {
                cursor.value = true;
                cursor.before = text.get(..at).unwrap_or_default().to_owned();
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// What closes the brackets and quotes open at the end of a text's last lines.
fn closers(head: &str) -> String {
    // Flow collections seldom span more; an older bracket in a text would mislead.
    let from = head.rmatch_indices('\n').nth(12).map_or(0, |(at, _)| at);
    let (mut open, mut quote) = (Vec::new(), None);
    for c in head.get(from..).unwrap_or_default().chars() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), '\n') => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => open.push('}'),
            (None, '[') => open.push(']'),
            (None, '}' | ']') => {
                open.pop();
            }
            _ => {}
        }
    }
    quote.into_iter().chain(open.into_iter().rev()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, way: &str, key: bool, value: bool) {
        let at = text.find('|').unwrap();
        let cursor = find(&text.replace('|', ""), at).expect("a place");
        let found: Vec<String> = cursor
            .way
            .iter()
            .map(|part| match part {
                Part::Key(key) => key.clone(),
                Part::Item => "-".to_owned(),
            })
            .collect();
        assert_eq!((found.join("/").as_str(), cursor.key, cursor.value), (way, key, value), "{text}");
    }

    #[test]
    fn the_way_is_found_while_one_is_writing() {
        check("workflow: A\nwh|\nsteps: []\n", "", true, false);
        check("workflow: A\n|\n", "", true, false);
        check("mail: { kind: |, topic: x }\n", "mail/kind", false, true);
        check("mail: { kind: marketing, to|\nsteps: []\n", "mail", true, false);
        check("steps:\n  - em|\n", "steps/-", true, true);
        check("steps:\n  - email: { mail: hello, sur| }\n", "steps/-/email", true, false);
        check("if: [conversions_total == 0, partner.|]\n", "if/-", true, true);
        check("if: 'partner.h|\nsteps: []\n", "if", false, true);
        check("steps:\n  - if: group == \"|\"\n    then: []\n", "steps/-/if", false, true);
    }

    #[test]
    fn a_comment_is_no_place() {
        assert_eq!(find("# when\n", 4), None);
        assert_eq!(find("when: login # of wh\n", 19), None);
    }
}
