//! Texts by language.

use std::collections::BTreeMap;

use rapport_message::Locale;
use rapport_rule::Findings;
use rapport_rule::yaml::{Node, Value};

/// A text for people: one for all, or one per language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    by_language: BTreeMap<String, String>,
    for_all: Option<String>,
}

impl Texts {
    /// One text for all languages.
    pub fn for_all(text: &str) -> Self {
        Texts { by_language: BTreeMap::new(), for_all: Some(text.to_owned()) }
    }

    /// The text in the first of these languages that has one; else English, else any.
    pub fn in_language<S: AsRef<str>>(&self, languages: &[S]) -> &str {
        let found = languages.iter().find_map(|language| self.by_language.get(language.as_ref()));
        let text = found.or(self.for_all.as_ref()).or_else(|| self.by_language.get("en"));
        text.or_else(|| self.by_language.values().next()).map_or("", String::as_str)
    }

    /// Whether there is a text for this language or for all.
    pub fn has(&self, language: &str) -> bool {
        self.for_all.is_some() || self.by_language.contains_key(language)
    }

    /// The languages it is written in; none when there is one text for all.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.by_language.keys().map(String::as_str)
    }

    /// Reads `text` or `{ en: text, de: text }`.
    pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> Option<Texts> {
        Texts::read_each(node, path, findings, |node, findings| node.filled_text(path, findings).map(str::to_owned))
    }

    /// The same, each text read by `one`.
    pub(crate) fn read_each(
        node: &Node,
        path: &str,
        findings: &mut Findings,
        one: impl Fn(&Node, &mut Findings) -> Option<String>,
    ) -> Option<Texts> {
        if !matches!(node.value, Value::Map(_)) {
            return Some(Texts { by_language: BTreeMap::new(), for_all: Some(one(node, findings)?) });
        }
        let mut texts = Texts::default();
        for (key, value) in node.map(path, findings)? {
            match Locale::parse(&key.text) {
                Some(locale) => {
                    texts.by_language.insert(locale.tag().to_owned(), one(value, findings)?);
                }
                None => {
                    findings
                        .error("R0519", path, key.span, format!("`{}` is no language", key.text))
                        .label("write a tag like `en`, `de` or `de-AT`");
                }
            }
        }
        if texts.by_language.is_empty() {
            findings.error("R0021", path, node.span, "expected a text, found an empty one");
            return None;
        }
        Some(texts)
    }
}
