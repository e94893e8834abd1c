//! What a person wants of a partner's journeys.

use rapport_event::{Event, engine::CommandData};
use rapport_journey::{EventSnapshot, Journey, OPERATOR_COMMAND, Stimulus};
use serde_json::{Value, json};

use super::Reaction;
use crate::operate::Wish;

impl Reaction<'_> {
    /// Starts, skips or stops a journey; other commands concern the mailer, which read them from its table.
    pub(super) fn obey(&mut self, event: &Event, command: &CommandData) {
        let Some(wish) = Wish::parse(&command.command) else { return };
        let text = |name: &str| command.extra.get(name).and_then(Value::as_str).unwrap_or_default();
        let (workflow, id) = (text("workflow").to_owned(), text("journey").to_owned());
        let because: std::sync::Arc<str> = command.because.clone().unwrap_or_else(|| "a person said so".into());
        let meant = |journey: &Journey| {
            !journey.is_exited() && *journey.workflow == *workflow && (id.is_empty() || journey.id.as_str() == id)
        };
        match wish {
            Wish::Stop => {
                self.move_journeys(|journey| meant(journey).then(|| Stimulus::Stop { reason: because.clone() }));
            }
            Wish::Skip => {
                self.move_journeys(|journey| meant(journey).then(|| Stimulus::Skip { reason: because.clone() }));
            }
            Wish::Start => {
                let Some(workflow) = self.rulebook.rulebook.workflow(&workflow).cloned() else { return };
                let trigger = EventSnapshot {
                    id: event.id.as_str().to_owned(),
                    kind: OPERATOR_COMMAND.to_owned(),
                    occurred_at: event.occurred_at,
                    payload: json!({ "name": "started by a person", "summary": &*because }),
                };
                self.consider(&workflow, &trigger);
            }
        }
    }
}
