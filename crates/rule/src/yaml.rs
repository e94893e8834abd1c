//! YAML 1.2 as a tree with places, without the parts of YAML that surprise people.
//!
//! Anchors, aliases, tags, merge keys and several documents in one file are refused; so is what a YAML 1.1 tool would
//! read differently (the key `on`, an unquoted `10:00`). One broken part does not hide the next: only a syntax error
//! stops the reading.

mod fields;
pub mod format;
mod parse;
mod read;

pub use fields::Fields;
pub use parse::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX, parse, parse_filled};
pub use read::is_name;

use crate::source::Span;

/// A value and the place it was written at.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The whole value as written, quotes included.
    pub span: Span,
    /// What it says.
    pub value: Value,
    /// How it was written.
    pub style: Style,
}

/// What a node says, by the core schema of YAML 1.2.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a point or exponent.
    Float(f64),
    /// Any other text, and everything in quotes.
    String(String),
    /// A list.
    Seq(Vec<Node>),
    /// Keys in the order written, each once.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block (`|` or `>`).
    Block,
    /// A list or map.
    Collection,
}

impl Node {
    /// What kind of value it is, for messages: "a list".
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::String(_) => "a text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// The text if it is one; no finding otherwise.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries if it is a map; no finding otherwise.
    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items if it is a list; no finding otherwise.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.text == key).map(|(_, node)| node)
    }

    /// A list's items, or the one value as a list of one; nothing is an empty list.
    pub fn one_or_many(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            Value::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// Where the text inside stands: without the quotes when the text is written as it reads, so that a place in the
    /// text is a place in the file. With escapes or line breaks in between it is the whole value, and longer than the text.
    pub fn text_span(&self) -> Span {
        let Value::String(text) = &self.value else { return self.span };
        if self.style == Style::Quoted && self.span.len() == text.len() + 2 {
            return Span::new(self.span.start + 1, self.span.end - 1);
        }
        self.span
    }
}
