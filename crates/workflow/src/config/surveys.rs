//! `config/surveys.yaml`: one-click questions. Their choices are closed sets that conditions are checked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::yaml::{Fields, Node, is_name};
use serde_json::{Value as Json, json};

use super::Texts;

/// A question with its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its id.
    pub id: Arc<str>,
    /// The field the answer is in: `awaited.reason`, `partner.answers.reason`.
    pub answer_field: Arc<str>,
    /// What is asked.
    pub question: Texts,
    /// The answers in the order shown: id and text.
    pub choices: Vec<(Arc<str>, Texts)>,
}

impl Survey {
    /// The question and its choices as mails get them, in the first language that has them.
    pub fn in_language<S: AsRef<str>>(&self, languages: &[S]) -> Json {
        let choices: Vec<Json> = self
            .choices
            .iter()
            .map(|(id, label)| json!({ "id": &**id, "label": label.in_language(languages) }))
            .collect();
        json!({ "id": &*self.id, "question": self.question.in_language(languages), "choices": choices })
    }
}

pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> BTreeMap<Arc<str>, Survey> {
    let mut surveys = BTreeMap::new();
    let Some(fields) = Fields::of(node, path, findings) else { return surveys };
    let entries = fields.require("surveys", findings).and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, value) in entries {
        if !is_name(&key.text) {
            findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
            continue;
        }
        if let Some(survey) = survey(&key.text, value, path, findings) {
            surveys.insert(survey.id.clone(), survey);
        }
    }
    surveys
}

fn survey(id: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<Survey> {
    let fields = Fields::of(node, path, findings)?;
    let answer_field = fields.require("as", findings).and_then(|node| {
        let name = node.text(path, findings)?;
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && name.starts_with(|c: char| c.is_ascii_lowercase());
        let taken = ["id", "kind", "name", "summary", "occurred_at", "survey", "answer", "score"].contains(&name);
        if !plain || taken {
            let why =
                if taken { "every answer has a field of this name" } else { "not lower case letters, digits and `_`" };
            findings.error("R0521", path, node.span, format!("`{name}` cannot name an answer: {why}"));
            return None;
        }
        Some(Arc::<str>::from(name))
    });
    let question = fields.require("question", findings).and_then(|node| Texts::read(node, path, findings));
    let choices = fields.require("choices", findings).and_then(|node| {
        let entries = node.map(path, findings)?;
        if entries.len() < 2 {
            findings.error("R0522", path, node.span, "a question needs at least two choices");
        }
        let read = entries
            .iter()
            .map(|(key, value)| Some((Arc::from(key.text.as_str()), Texts::read(value, path, findings)?)));
        read.collect::<Option<Vec<(Arc<str>, Texts)>>>()
    });
    fields.finish(&[], findings);
    Some(Survey { id: id.into(), answer_field: answer_field?, question: question?, choices: choices? })
}
