//! Reading a map key by key, so that no key is silently ignored.

use std::cell::RefCell;

use super::{Key, Node, Value};
use crate::finding::Findings;
use crate::source::Span;
use crate::suggest::{listed, nearest};

/// A map being read. What was neither taken nor named to [`Fields::finish`] is an unknown key.
#[derive(Debug)]
pub struct Fields<'a> {
    path: &'a str,
    span: Span,
    entries: &'a [(Key, Node)],
    taken: RefCell<Vec<&'a str>>,
}

impl<'a> Fields<'a> {
    /// Begins to read a map; a finding (R0020) and none if it is something else.
    pub fn of(node: &'a Node, path: &'a str, findings: &mut Findings) -> Option<Fields<'a>> {
        let Value::Map(entries) = &node.value else {
            findings
                .error("R0020", path, node.span, format!("expected keys and values, found {}", node.kind()))
                .hint("Write `key: value` lines, or { key: value }.");
            return None;
        };
        Some(Fields { path, span: node.span, entries, taken: RefCell::default() })
    }

    /// The file this map is in.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Where the map stands.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The keys as written.
    pub fn keys(&self) -> impl Iterator<Item = &'a Key> {
        self.entries.iter().map(|(key, _)| key)
    }

    /// Where a key stands, if it is there.
    pub fn key_span(&self, key: &str) -> Option<Span> {
        self.keys().find(|k| k.text == key).map(|k| k.span)
    }

    /// The value of a key, if it is there; the key counts as known from now on.
    pub fn take(&self, key: &'a str) -> Option<&'a Node> {
        self.taken.borrow_mut().push(key);
        self.peek(key)
    }

    /// The value of a key without marking it as known.
    pub fn peek(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(k, _)| k.text == key).map(|(_, node)| node)
    }

    /// The value of a key that must be there; a finding (R0102) if it is not.
    pub fn require(&self, key: &'a str, findings: &mut Findings) -> Option<&'a Node> {
        self.require_as(key, "R0102", findings)
    }

    /// Like [`Fields::require`] with a code of one's own.
    pub fn require_as(&self, key: &'a str, code: &'static str, findings: &mut Findings) -> Option<&'a Node> {
        let found = self.take(key);
        if found.is_none() {
            // The key may be there, misspelt: then the unknown key is finding enough.
            let present: Vec<&str> = self.keys().map(|k| k.text.as_str()).collect();
            let near = nearest(key, present.iter().copied());
            let finding = findings.error(
                code,
                self.path,
                Span::new(self.span.start, self.span.start),
                format!("`{key}` is missing"),
            );
            if let Some(near) = near {
                finding.hint(format!("There is `{near}`; was `{key}` meant?"));
            }
        }
        found
    }

    /// Ends the reading: every key that was neither taken nor is in `known` is a finding (R0101) with the nearest known.
    pub fn finish(self, known: &[&str], findings: &mut Findings) {
        self.finish_knowing(known, &|_| None, findings);
    }

    /// Like [`Fields::finish`], and knows what is written here instead of keys that people bring from elsewhere: nothing near in
    /// letters is proposed for those.
    pub fn finish_knowing(self, known: &[&str], instead: &dyn Fn(&str) -> Option<String>, findings: &mut Findings) {
        let taken = self.taken.into_inner();
        let mut all: Vec<&str> = known.iter().chain(taken.iter()).copied().collect();
        all.sort_unstable();
        all.dedup();
        findings.note_map(self.path, self.span, &all);
        for (key, _) in self.entries {
            if all.contains(&key.text.as_str()) {
                continue;
            }
            let finding = findings.error("R0101", self.path, key.span, format!("unknown key `{}`", key.text));
            match instead(&key.text) {
                Some(instead) => finding.label(instead),
                None => finding.did_you_mean(nearest(&key.text, all.iter().copied())),
            };
            finding.hint(format!("Known here: {}.", listed(all.iter().copied(), 16)));
        }
    }
}
