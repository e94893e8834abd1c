//! Everything under `workflows/` and `config/`, checked and compiled together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_event::custom::CustomKinds;
use rapport_insight::health::HealthModel;
use rapport_message::{Layout, Library, Locale, Mail};
use rapport_partner::{Rates, program::Cut};
use rapport_rule::Sources;
use rapport_rule::expr::Value;
use serde_json::Value as Json;

use crate::config::{Award, Config, Feed, Goals, Hook, Offer, Resources, Segments, Survey};
use crate::environment::payload_value;
use crate::model::{Workflow, WorkflowId};
use crate::trial::Trial;

/// What runs. Made by [`crate::compile`] only, so that everything in it has passed the checks.
#[derive(Debug, Clone)]
pub struct Rulebook {
    /// SHA-256 over all files.
    pub hash: Arc<str>,
    /// The files it was made of: mails and layouts are rendered from them.
    pub sources: Arc<Sources>,
    /// `config/rapport.yaml`.
    pub config: Config,
    /// Workflows by id, ordered.
    pub workflows: Vec<Arc<Workflow>>,
    /// Mails by workflow and name.
    pub mails: BTreeMap<(WorkflowId, Arc<str>), MailUse>,
    /// The mails themselves, by workflow: the mailer renders them.
    pub libraries: BTreeMap<WorkflowId, Library>,
    /// `config/layout.mail.html` and `.txt`, around every mail.
    pub layout: Arc<Layout>,
    /// `config/digest.mail.md` and its languages, for what the caps hold back; empty without it.
    pub digest: Library,
    /// `config/offers.yaml`.
    pub offers: BTreeMap<Arc<str>, Offer>,
    /// `config/awards.yaml`.
    pub awards: BTreeMap<Arc<str>, Award>,
    /// `config/resources.yaml`; empty without it.
    pub resources: Resources,
    /// `config/surveys.yaml`.
    pub surveys: BTreeMap<Arc<str>, Survey>,
    /// `config/feeds.yaml` with the files it names.
    pub feeds: BTreeMap<Arc<str>, Feed>,
    /// `config/hooks.yaml`.
    pub hooks: BTreeMap<Arc<str>, Hook>,
    /// `config/segments.yaml`.
    pub segments: Segments,
    /// `config/goals.yaml`.
    pub goals: Goals,
    /// `config/health.yaml`; empty without it.
    pub health: Vec<HealthModel>,
    /// `config/rates.csv`; empty without it: money of another currency then has no value.
    pub rates: Rates,
    /// `config/events.yaml`.
    pub custom_kinds: CustomKinds,
    /// Figures that conditions and mails name: what has to be kept ready.
    pub figures: Vec<Arc<str>>,
    /// Some of a programme's partners whose figures are named, with those.
    pub cuts: BTreeMap<Cut, BTreeSet<Arc<str>>>,
    /// `tests.yaml` of each workflow that has one.
    pub trials: BTreeMap<WorkflowId, Vec<Trial>>,
}

/// What planning has to know of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailUse {
    /// Names to evaluate into its context, over all its languages; no personal fields, nothing the mailer provides.
    pub context: Vec<Arc<str>>,
}

impl Rulebook {
    /// The workflow of this id.
    pub fn workflow(&self, id: &str) -> Option<&Arc<Workflow>> {
        self.workflows.iter().find(|workflow| *workflow.id == *id)
    }

    /// The workflow that journeys of this id belong to: the one of that name, or that was called so.
    pub fn successor(&self, id: &str) -> Option<&Arc<Workflow>> {
        self.workflow(id).or_else(|| self.workflows.iter().find(|workflow| workflow.owns(id)))
    }

    /// The workflows that an event of this kind may start.
    pub fn started_by<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Arc<Workflow>> {
        self.workflows.iter().filter(move |workflow| workflow.starts_on(kind))
    }

    /// Whether there is a mail in which others can travel.
    #[must_use]
    pub fn has_digest(&self) -> bool {
        self.digest.contains(crate::mails::digest::NAME)
    }

    /// The digest for a partner: in their language, its base, the programme's.
    pub fn digest_for(&self, partner: Option<&Locale>, program: &Locale) -> Option<(&Mail, Locale)> {
        self.digest.choose(crate::mails::digest::NAME, partner, program)
    }

    /// A mail of a workflow.
    pub fn mail(&self, workflow: &str, name: &str) -> Option<&MailUse> {
        // Few workflows have many mails; a range avoids building an owned key.
        self.mails.iter().find(|((of, mail), _)| **of == *workflow && **mail == *name).map(|(_, mail)| mail)
    }

    /// A field of a stored payload as a value of its declared type.
    pub fn payload_value(&self, kind: &str, field: &str, json: &Json) -> Value {
        payload_value(&self.custom_kinds, kind, field, json)
    }
}
