//! `config/surveys.yaml`: questions with answers that conditions are checked against: a choice, a score, or words.

mod period;

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::expr::Value;
use rapport_rule::yaml::{Fields, Node, is_name};
use rapport_rule::{Findings, Span};
use serde_json::{Value as Json, json};

use super::Texts;

pub use period::{SurveyPeriod, answered_until, period_days};

/// The one answer a survey of type `text` has in links and conditions. What was written is personal, and stands elsewhere.
pub const WRITTEN: &str = "written";

/// What kind of question it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SurveyKind {
    /// Would you recommend us, 0 to 10.
    Nps,
    /// How content are you, 1 to 5.
    Csat,
    /// One of a few answers.
    #[default]
    Choice,
    /// In the partner's own words.
    Text,
}

impl SurveyKind {
    /// Their words in the file, in the order of [`SurveyKind::ALL`].
    pub const CODES: [&'static str; 4] = ["nps", "csat", "choice", "text"];

    /// All of them.
    pub const ALL: [SurveyKind; 4] = [SurveyKind::Nps, SurveyKind::Csat, SurveyKind::Choice, SurveyKind::Text];

    /// The word in the file.
    pub const fn code(self) -> &'static str {
        match self {
            SurveyKind::Nps => "nps",
            SurveyKind::Csat => "csat",
            SurveyKind::Choice => "choice",
            SurveyKind::Text => "text",
        }
    }

    /// The lowest and the highest score, of those that are answered by one.
    pub const fn scores(self) -> Option<(u8, u8)> {
        match self {
            SurveyKind::Nps => Some((0, 10)),
            SurveyKind::Csat => Some((1, 5)),
            SurveyKind::Choice | SurveyKind::Text => None,
        }
    }
}

/// A question with its answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Its id.
    pub id: Arc<str>,
    /// What kind of question it is.
    pub kind: SurveyKind,
    /// The field the answer is in: `awaited.reason`, `partner.answers.reason`. None of an anonymous one.
    pub answer_field: Option<Arc<str>>,
    /// What is asked.
    pub question: Texts,
    /// The answers in the order shown, a link each: id and text. Scores are their own ids; one of words has [`WRITTEN`].
    pub choices: Vec<(Arc<str>, Texts)>,
    /// What the lowest and the highest score mean.
    pub ends: (Option<Texts>, Option<Texts>),
    /// Whether the page also asks for words.
    pub comment: bool,
    /// How it asks for them; in the page's own words when it is not said.
    pub comment_label: Option<Texts>,
    /// Of an anonymous survey: in which time it can be answered once.
    pub anonymous: Option<SurveyPeriod>,
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

    /// Whether its answers go by this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.answer_field.as_deref() == Some(name)
    }

    /// Whether partners may write to it in words: then these are `partner.said.<as>`.
    pub fn takes_words(&self) -> bool {
        self.kind == SurveyKind::Text || self.comment
    }

    /// Whether this is one of its answers.
    pub fn has_answer(&self, answer: &str) -> bool {
        self.choices.iter().any(|(id, _)| **id == *answer)
    }

    /// An answer as conditions see it: a score is a number. One that cannot be is missing.
    pub fn value(&self, told: &Json) -> Value {
        let Some((low, high)) = self.kind.scores() else { return told.as_str().map_or(Value::Missing, Value::text) };
        let number = told.as_f64().or_else(|| told.as_str()?.parse().ok());
        let within = number.filter(|score| (f64::from(low)..=f64::from(high)).contains(score));
        within.map_or(Value::Missing, Value::Number)
    }

    /// What its answers are, so that two of one name fit together.
    fn sort(&self) -> &'static str {
        match self.kind {
            SurveyKind::Nps | SurveyKind::Csat => "a number",
            SurveyKind::Choice => "a choice",
            SurveyKind::Text => "words",
        }
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
        let Some((survey, called_at)) = survey(&key.text, value, path, findings) else { continue };
        if let (Some(name), Some(span)) = (survey.answer_field.as_deref(), called_at) {
            two_sorts(&survey, name, &surveys, span, path, findings);
        }
        surveys.insert(survey.id.clone(), survey);
    }
    surveys
}

/// R0584 where an earlier survey calls answers of another sort so.
fn two_sorts(
    survey: &Survey,
    name: &str,
    before: &BTreeMap<Arc<str>, Survey>,
    span: Span,
    path: &str,
    findings: &mut Findings,
) {
    let other = before.values().find(|other| other.is_called(name) && other.sort() != survey.sort());
    if let Some(other) = other {
        let (mine, theirs) = (survey.sort(), other.sort());
        findings
            .error("R0584", path, span, format!("`{name}` is {mine} here, and {theirs} in `{}`", other.id))
            .label("give one of them another name");
    }
}

/// The survey, and where its `as` stands.
fn survey(id: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<(Survey, Option<Span>)> {
    let fields = Fields::of(node, path, findings)?;
    let kind = match fields.take("type") {
        None => Some(SurveyKind::Choice),
        Some(node) => node.one_of(&SurveyKind::CODES, path, findings).and_then(|at| SurveyKind::ALL.get(at).copied()),
    };
    let is_anonymous = fields.take("anonymous").and_then(|node| node.bool(path, findings)).unwrap_or(false);
    let period = fields.take("period").and_then(|node| {
        let at = node.one_of(&SurveyPeriod::CODES, path, findings)?;
        SurveyPeriod::ALL.get(at).copied()
    });
    let called = if is_anonymous { fields.take("as") } else { fields.require("as", findings) };
    let called_at = called.map(|node| node.span);
    let answer_field = called.filter(|_| !is_anonymous).and_then(|node| answer_name(node, path, findings));
    let question = fields.require("question", findings).and_then(|node| Texts::read(node, path, findings));
    let texts = |key: &'static str, findings: &mut Findings| {
        fields.take(key).and_then(|node| Texts::read(node, path, findings))
    };
    let ends = (texts("low", findings), texts("high", findings));
    let comment = fields.take("comment");
    // `comment: true`, or the words it asks with.
    let asks = comment.is_some_and(|node| node.value != rapport_rule::yaml::Value::Bool(false));
    let comment_label = comment
        .filter(|node| !matches!(node.value, rapport_rule::yaml::Value::Bool(_)))
        .and_then(|node| Texts::read(node, path, findings));
    let link = fields.take("link");
    let choices = fields.take("choices");
    let known = kind.and_then(|kind| {
        strangers(kind, is_anonymous, &fields, path, findings);
        if is_anonymous && let Some(span) = words_at(kind, asks, &fields) {
            findings
                .error("R0585", path, span, "an anonymous survey takes no words")
                .label("who wrote something is known by what they wrote")
                .hint("Ask for a score or a choice, or do without `anonymous: true`.");
        }
        match kind {
            SurveyKind::Choice => chosen(choices, &fields, path, findings),
            SurveyKind::Text => {
                let link = link.or_else(|| fields.require("link", findings))?;
                Some(vec![(WRITTEN.into(), Texts::read(link, path, findings)?)])
            }
            SurveyKind::Nps | SurveyKind::Csat => kind.scores().map(|(low, high)| scores(low, high)),
        }
    });
    fields.finish(&[], findings);
    if !is_anonymous {
        answer_field.as_ref()?;
    }
    let survey = Survey {
        id: id.into(),
        kind: kind?,
        answer_field,
        question: question?,
        choices: known?,
        ends,
        comment: asks,
        comment_label,
        anonymous: is_anonymous.then(|| period.unwrap_or_default()),
    };
    Some((survey, called_at))
}

/// The name of the field an answer is in.
fn answer_name(node: &Node, path: &str, findings: &mut Findings) -> Option<Arc<str>> {
    const TAKEN: [&str; 11] =
        ["id", "kind", "name", "summary", "occurred_at", "survey", "answer", "score", "out_of", "comment", "message"];
    let name = node.text(path, findings)?;
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    let taken = TAKEN.contains(&name);
    if !plain || taken {
        let why =
            if taken { "every answer has a field of this name" } else { "not lower case letters, digits and `_`" };
        findings.error("R0521", path, node.span, format!("`{name}` cannot name an answer: {why}"));
        return None;
    }
    Some(name.into())
}

/// The answers of a survey of type `choice`.
fn chosen(
    node: Option<&Node>,
    fields: &Fields<'_>,
    path: &str,
    findings: &mut Findings,
) -> Option<Vec<(Arc<str>, Texts)>> {
    let node = node.or_else(|| fields.require("choices", findings))?;
    let entries = node.map(path, findings)?;
    if entries.len() < 2 {
        findings.error("R0522", path, node.span, "a question needs at least two choices");
    }
    let read =
        entries.iter().map(|(key, value)| Some((Arc::from(key.text.as_str()), Texts::read(value, path, findings)?)));
    read.collect()
}

/// A link for each score; a figure reads the same in every language.
fn scores(low: u8, high: u8) -> Vec<(Arc<str>, Texts)> {
    (low..=high).map(|score| (score.to_string().into(), Texts::for_all(&score.to_string()))).collect()
}

/// Where a survey asks for words.
fn words_at(kind: SurveyKind, asks: bool, fields: &Fields<'_>) -> Option<Span> {
    match kind {
        SurveyKind::Text => fields.key_span("type"),
        _ if asks => fields.key_span("comment"),
        _ => None,
    }
}

/// R0583 for keys that say nothing in a survey of this kind.
fn strangers(kind: SurveyKind, is_anonymous: bool, fields: &Fields<'_>, path: &str, findings: &mut Findings) {
    let is_scored = kind.scores().is_some();
    let rules = [
        ("choices", kind == SurveyKind::Choice, "its answers follow from its type; leave them out"),
        ("low", is_scored, "only `nps` and `csat` have two ends"),
        ("high", is_scored, "only `nps` and `csat` have two ends"),
        ("link", kind == SurveyKind::Text, "only `text` has one link, with words of its own"),
        ("comment", kind != SurveyKind::Text, "what is written is its answer already"),
    ];
    for (key, _, remedy) in rules.into_iter().filter(|(_, fits, _)| !fits) {
        if let Some(span) = fields.key_span(key) {
            findings
                .error("R0583", path, span, format!("a survey of type `{}` has no `{key}`", kind.code()))
                .label(remedy);
        }
    }
    let (key, message, remedy) = match is_anonymous {
        true => ("as", "an anonymous survey has no `as`", "its answers are kept of nobody; leave it out"),
        false => ("period", "only an anonymous survey has a `period`", "write `anonymous: true`, or leave it out"),
    };
    if let Some(span) = fields.key_span(key) {
        findings.error("R0583", path, span, message).label(remedy);
    }
}
