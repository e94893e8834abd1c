//! What people are to do about a partner: tasks and cases opened, those nobody needs any more, and what `set` writes.

use std::sync::Arc;

use rapport_event::{
    Event, Extra, Kind, PartnerData, Payload,
    engine::{CaseData, EngineData},
};
use rapport_journey::{Journey, TaskRequest};
use rapport_partner::{FoldContext, fold};
use rapport_workflow::{Person, SetField, Workflow};
use serde_json::Value as Json;

use super::Reaction;
use crate::{
    ports::rows::{TaskKind, TaskRow},
    records,
    shard::facts::{self, marks},
};

/// So many open cases of a partner are counted; more are no fewer.
const OPEN_MAX: usize = 100;

impl Reaction<'_> {
    pub(super) fn open_task(&mut self, workflow: &Workflow, journey: usize, task: TaskRequest) {
        let assignee = match task.to {
            Person::Sender(id) => id.to_string(),
            Person::ManagerOr(or) => {
                self.entry.state.profile.manager.get().map_or_else(|| or.to_string(), ToString::to_string)
            }
        };
        let kind = if task.is_case { TaskKind::Case } else { TaskKind::Task };
        let row = TaskRow {
            kind,
            id: task.id.to_string(),
            key: self.entry.key.clone(),
            workflow: workflow.id.to_string(),
            journey: task.journey.to_string(),
            assignee,
            text: task.text,
            choices: task.choices.iter().map(ToString::to_string).collect(),
            opened_at: self.now,
            due: task.due,
            opened_by: self.entry.journeys.get(journey).map_or("workflow", opened_by).to_owned(),
            ended: None,
        };
        if kind == TaskKind::Case {
            let event = records::case_opened(&row);
            self.note_case(&event);
            self.announce(event);
        }
        self.batch.tasks.push(row);
    }

    /// Keeps count of the partner's open cases.
    pub(super) fn note_case(&mut self, event: &Event) {
        let Some(EngineData::Case(CaseData { case, .. })) = event.engine() else { return };
        let mut open = facts::open_cases(&self.entry.state);
        open.retain(|known| **known != **case);
        if event.kind == Kind::CaseOpened && open.len() < OPEN_MAX {
            open.push(case.to_string());
        }
        let bytes = if open.is_empty() { Vec::new() } else { serde_json::to_vec(&open).unwrap_or_default() };
        self.entry.state.set_mark(marks::CASES, bytes);
    }

    /// Gives or takes a tag.
    pub(super) fn tag(&mut self, id: &str, tag: &str, add: bool) {
        let mut tags: Vec<Arc<str>> = self.entry.state.profile.tags().to_vec();
        tags.retain(|known| **known != *tag);
        if add {
            tags.push(tag.into());
        }
        self.update(id, PartnerData { tags: Some(tags), ..PartnerData::default() });
    }

    /// Writes labels and stored fields.
    pub(super) fn set(&mut self, id: &str, fields: Vec<SetField>) {
        let mut data = PartnerData::default();
        let mut extra = Extra::NONE;
        for SetField { field, value } in fields {
            match &*field {
                "type" => data.partner_type = value,
                "manager" => data.manager = value,
                "language" => data.language = value,
                label => extra.insert(label, value.map_or(Json::Null, |value| Json::from(&*value))),
            }
        }
        self.update(id, PartnerData { extra, ..data });
    }

    /// The partner's fields change by what a journey does: as if a tracker had told it now, but never to be outdone by what the journey
    /// saw there, be it of this instant.
    fn update(&mut self, id: &str, data: PartnerData) {
        let told_at = self.entry.state.profile.next_telling(&data, self.now);
        let event = Event {
            id: records::derived_id(id),
            key: self.entry.key.clone(),
            kind: Kind::PartnerUpdated,
            occurred_at: told_at,
            payload: Payload::Partner(Box::new(data)),
            person_version: None,
        };
        let context = FoldContext {
            zone: &self.program.zone,
            currency: self.program.currency,
            rates: &self.rulebook.rulebook.rates,
        };
        let _ = fold(&mut self.entry.state, None, &event, &context);
        self.announce(Event { occurred_at: self.now, ..event });
    }
}

/// A workflow that answers a mail opens by the reply.
fn opened_by(journey: &Journey) -> &'static str {
    if journey.trigger.kind == "mail.received" { "reply" } else { "workflow" }
}
