//! Texts under their paths, and places in them.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// A range of bytes in one source: `start` included, `end` not. Both lie on character boundaries when made by this crate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The range `start..end`.
    pub const fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The empty range at `offset`.
    pub const fn at(offset: usize) -> Span {
        Span { start: offset, end: offset }
    }

    /// How many bytes it covers.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers nothing.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The same range moved on by `bytes`: from a place in an expression to a place in its file.
    pub const fn shifted(self, bytes: usize) -> Span {
        Span { start: self.start.saturating_add(bytes), end: self.end.saturating_add(bytes) }
    }

    /// The smallest range that holds both.
    pub fn cover(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One file: the path it is spoken of by (relative, with `/`) and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Relative to the programme's folder, with `/` on every system.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Source {
    /// A source from its path and text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Source {
        Source { path: path.into(), text: text.into() }
    }

    /// Line and column of a byte offset, both from 1; the column counts characters. An offset beyond the end is the end,
    /// one inside a character is that character.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        Lines::of(self).line_column(offset)
    }

    /// The text of a line (from 1) without its line break; empty when there is no such line.
    pub fn line_text(&self, line: usize) -> &str {
        Lines::of(self).line_text(line)
    }

    /// The text a span covers; empty when the span does not fit this source.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }
}

/// Where the lines of a source begin, for asking many places of one file.
pub(crate) struct Lines<'a> {
    source: &'a Source,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(source: &'a Source) -> Lines<'a> {
        let breaks = source.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines { source, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    /// As [`Source::line_column`].
    pub(crate) fn line_column(&self, offset: usize) -> (usize, usize) {
        let text = &self.source.text;
        let offset = text.floor_char_boundary(offset.min(text.len()));
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let in_line = text.get(start..offset).unwrap_or_default();
        (line, in_line.chars().filter(|c| *c != '\u{feff}').count() + 1)
    }

    /// As [`Source::line_text`].
    pub(crate) fn line_text(&self, line: usize) -> &'a str {
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(self.source.text.len());
        let rest = self.source.text.get(start..).unwrap_or_default();
        rest.split('\n').next().unwrap_or_default().trim_end_matches('\r').trim_start_matches('\u{feff}')
    }
}

/// All files that were read together, by path.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    by_path: BTreeMap<String, Source>,
}

impl Sources {
    /// No files yet.
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Adds a file; one of the same path is replaced.
    pub fn add(&mut self, source: Source) {
        self.by_path.insert(source.path.clone(), source);
    }

    /// The file of this path.
    pub fn get(&self, path: &str) -> Option<&Source> {
        self.by_path.get(path)
    }

    /// All files, ordered by path.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.by_path.values()
    }

    /// Files below a folder (`"workflows/"`), ordered by path.
    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a Source> {
        self.by_path
            .range(folder.to_owned()..)
            .map(|(_, source)| source)
            .take_while(move |s| s.path.starts_with(folder))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// SHA-256 (64 hexadecimal digits) over all paths and texts. Lengths are hashed too, so that moving a byte from one
    /// file to the next gives another hash; the order in which files were added does not matter.
    pub fn hash(&self) -> String {
        hash_of(self.iter())
    }
}

impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(sources: I) -> Sources {
        let mut all = Sources::new();
        sources.into_iter().for_each(|source| all.add(source));
        all
    }
}

/// [`Sources::hash`] for some of the files, in the order given: the version of one workflow's folder, for example.
pub fn hash_of<'a>(sources: impl IntoIterator<Item = &'a Source>) -> String {
    let mut hasher = Sha256::new();
    for source in sources {
        for part in [&source.path, &source.text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let source = Source::new("a.yaml", "über: 1\nno: €uro\r\n");
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column(source.text.find("1").unwrap()), (1, 7));
        assert_eq!(source.line_column(source.text.find("uro").unwrap()), (2, 6));
        assert_eq!(source.line_column(9999), (3, 1));
        assert_eq!(source.line_column(1), (1, 1), "inside a character");
        assert_eq!(source.line_text(2), "no: €uro");
        assert_eq!(source.line_text(9), "");
    }

    #[test]
    fn the_hash_depends_on_content_and_path_but_not_on_order() {
        let (a, b) = (Source::new("a", "1"), Source::new("b", "2"));
        let forward: Sources = [a.clone(), b.clone()].into_iter().collect();
        let backward: Sources = [b.clone(), a.clone()].into_iter().collect();
        assert_eq!(forward.hash(), backward.hash());
        let moved: Sources = [Source::new("a", "12"), Source::new("b", "")].into_iter().collect();
        assert_ne!(forward.hash(), moved.hash());
        assert_eq!(forward.hash().len(), 64);
        assert_eq!(forward.under("b").count(), 1);
    }
}
