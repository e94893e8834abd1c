//! Awards: given by a journey in its own commit, or by a person; what is kept of them is what the certificate shows.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::Event;
use rapport_event::engine::{AwardData, EngineData};
use rapport_partner::{FoldContext, fold};
use rapport_workflow::Workflow;
use serde::{Deserialize, Serialize};

use super::Reaction;
use crate::{
    records::{self, NewAward},
    shard::facts::{self, marks},
};

/// So many are kept of a partner; of more the oldest are forgotten.
const AWARDS_MAX: usize = 50;

/// An award a partner was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// The id of the event that told it.
    pub id: String,
    /// The award of `config/awards.yaml`.
    pub award: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<Arc<str>>,
    /// The training it is for, if it is one: the certificate names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training: Option<Arc<str>>,
}

/// An award as a journey gives it.
pub(super) struct Honour<'a> {
    /// The id of the event that tells it.
    pub id: &'a str,
    /// Which.
    pub award: &'a str,
    /// What it is for, in words.
    pub because: Option<&'a str>,
    /// The training it is for.
    pub training: Option<&'a str>,
}

impl Reaction<'_> {
    /// A journey gives an award.
    pub(super) fn award(&mut self, workflow: &Workflow, journey: &str, honour: &Honour<'_>) {
        let Some(declared) = self.rulebook.rulebook.awards.get(honour.award) else { return };
        let languages = {
            let facts = self.facts();
            self.world(&facts, workflow).languages()
        };
        let new = NewAward {
            id: honour.id,
            key: &self.entry.key,
            award: declared,
            languages: &languages,
            because: honour.because,
            training: honour.training,
            at: self.now,
        };
        let event = records::awarded(&new, Some((&workflow.id, journey)), None);
        let context = FoldContext {
            zone: &self.program.zone,
            currency: self.program.currency,
            rates: &self.rulebook.rulebook.rates,
        };
        let _ = fold(&mut self.entry.state, None, &event, &context);
        self.note_award(&event);
        self.announce(event);
    }

    /// Keeps what was given.
    pub(super) fn note_award(&mut self, event: &Event) {
        let Some(EngineData::Award(AwardData { name, because, training, .. })) = event.engine() else { return };
        let mut given = facts::awards(&self.entry.state);
        given.retain(|known| known.id != event.id.as_str());
        given.push(Given {
            id: event.id.as_str().to_owned(),
            award: name.clone(),
            at: event.occurred_at,
            because: because.clone(),
            training: training.clone(),
        });
        let too_many = given.len().saturating_sub(AWARDS_MAX);
        given.drain(..too_many);
        self.entry.state.set_mark(marks::AWARDS, serde_json::to_vec(&given).unwrap_or_default());
    }
}
