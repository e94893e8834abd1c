//! `config/labels.yaml`: what a programme writes on its partners. Each label has a closed list of values, so that conditions
//! and the step `set` are checked against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::yaml::{Fields, Node};

/// A label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// What it says about a partner, one sentence.
    pub about: String,
    /// All values it can have.
    pub values: Vec<Arc<str>>,
}

pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> BTreeMap<Arc<str>, Label> {
    let mut labels = BTreeMap::new();
    let Some(fields) = Fields::of(node, path, findings) else { return labels };
    let entries = fields.require("labels", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        if !is_word(&key.text) {
            findings
                .error("R0307", path, key.span, format!("`{}` is no name of a label", key.text))
                .label("lower case letters, digits and `_`");
            continue;
        }
        if let Some(label) = label(value, path, findings) {
            labels.insert(key.text.as_str().into(), label);
        }
    }
    labels
}

fn label(node: &Node, path: &str, findings: &mut Findings) -> Option<Label> {
    let fields = Fields::of(node, path, findings)?;
    let about = fields.require("about", findings).and_then(|node| node.filled_text(path, findings));
    let values = fields.require("values", findings).map(|node| (node, node.texts(path, findings)));
    fields.finish(&[], findings);
    let (node, texts) = values?;
    let mut values: Vec<Arc<str>> = Vec::new();
    for text in texts {
        if text.is_empty() || values.iter().any(|known| **known == *text) {
            findings.error("R0564", path, node.span, format!("the value `{text}` stands twice or says nothing"));
        } else {
            values.push(text.into());
        }
    }
    if values.is_empty() {
        findings
            .error("R0564", path, node.span, "a label without values")
            .label("write all it can be: `values: [new, warm]`");
        return None;
    }
    Some(Label { about: about?.to_owned(), values })
}

/// A word that can stand behind `partner.labels.`.
fn is_word(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    plain && text.len() <= 60 && text.starts_with(|c: char| c.is_ascii_lowercase())
}
