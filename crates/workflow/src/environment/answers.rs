//! What conditions and texts may ask of surveys.

use std::collections::BTreeSet;

use rapport_rule::expr::{Refused, Type, Variable};

use super::Declared;
use crate::config::Survey;

/// What a partner wrote to a survey, by the name of its answers. Personal, and for people to read: no mail shows it.
pub(crate) const SAID: &str = "said.";

/// How the answers to an anonymous survey are read.
const READ_THEM: &str = "see `rapport report --surveys`";

impl Declared {
    /// What the answers of this name are: scores are numbers, everything else is one of a closed set.
    pub(super) fn answer(&self, name: &str) -> Option<Variable> {
        let asking: Vec<&Survey> = self.surveys.values().filter(|survey| survey.is_called(name)).collect();
        if let Some(highest) = asking.iter().filter_map(|survey| survey.kind.scores()).map(|(_, high)| high).max() {
            return Some(Variable::of(Type::Number).never_above(highest.into()).or_missing());
        }
        let answers: BTreeSet<&str> =
            asking.iter().flat_map(|survey| survey.choices.iter().map(|(id, _)| &**id)).collect();
        (!answers.is_empty()).then(|| Variable::one_of(answers).or_missing())
    }

    /// What partners wrote to surveys whose answers go by this name.
    pub(super) fn said(&self, name: &str) -> Option<Variable> {
        let asked = self.surveys.values().any(|survey| survey.takes_words() && survey.is_called(name));
        asked.then(|| Variable::of(Type::Text).or_missing())
    }

    /// The surveys that events tell of.
    pub(super) fn told_surveys(&self) -> impl Iterator<Item = &str> {
        self.surveys.values().filter(|survey| survey.anonymous.is_none()).map(|survey| &*survey.id)
    }

    /// The names that answers have.
    pub(super) fn answer_names(&self) -> impl Iterator<Item = &str> {
        self.surveys.values().filter_map(|survey| survey.answer_field.as_deref())
    }

    /// `partner.…` of surveys, for proposals.
    pub(super) fn answer_paths(&self) -> impl Iterator<Item = String> {
        self.surveys.values().flat_map(|survey| {
            let name = survey.answer_field.as_deref();
            let said = name.filter(|_| survey.takes_words()).map(|name| format!("partner.{SAID}{name}"));
            name.map(|name| format!("partner.answers.{name}")).into_iter().chain(said)
        })
    }

    /// Whether the survey is one of which nobody learns who answers.
    pub(crate) fn is_anonymous(&self, survey: &str) -> bool {
        self.surveys.get(survey).is_some_and(|survey| survey.anonymous.is_some())
    }

    /// Why nothing is known of a partner's answer to an anonymous survey.
    pub(super) fn why_no_answer(&self, path: &str) -> Option<String> {
        let id = path.strip_prefix("partner.answers.").filter(|id| self.is_anonymous(id))?;
        Some(format!("`{id}` is anonymous: nothing is kept of who answers, {READ_THEM}"))
    }

    /// R0586 for an event that never comes.
    pub(super) fn survey_told(&self, path: &str, text: &str) -> Result<(), Refused> {
        if !matches!(path, "event.survey" | "awaited.survey") || !self.is_anonymous(text) {
            return Ok(());
        }
        let message = format!("no event tells of answers to `{text}`: it is anonymous, {READ_THEM}");
        Err(Refused { code: "R0586", message, near: None })
    }
}
