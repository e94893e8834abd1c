//! The `award` step: an honour, given at most as often as `config/awards.yaml` allows.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_rule::expr::{Scope as _, Value};
use rapport_workflow as flow;
use rapport_workflow::config::PerPartner;

use super::Run;
use crate::action::Action;
use crate::id::emitted_id;

/// Every award given, by id.
const GIVEN: &str = "partner.awards";
/// What an award may be for that has a title of its own.
const TRAINING_COMPLETED: &str = "training.completed";

impl Run<'_, '_> {
    pub(super) fn award(&mut self, step: &flow::Step, honour: &flow::Honour) {
        // One that was taken out of the files since is given no more.
        let Some(declared) = self.world.rulebook.awards.get(&honour.award) else {
            return self.note(Some(&step.id), "not_awarded", "no_such_award");
        };
        let path = format!("partner.awarded.{}", honour.award);
        let last = match self.scope().value(&path) {
            Value::Instant(last) => Some(last),
            _ => None,
        };
        if last.is_some_and(|last| !may_have_again(declared.per_partner, last, self.now)) {
            return self.note(Some(&step.id), "not_awarded", "already_given");
        }
        let because = honour.because.as_ref().map(|text| text.render(&self.scope()));
        // A later step of this run sees it, though it is carried out after the run.
        self.world.wrote(&path, Value::Instant(self.now));
        let mut given: Vec<Arc<str>> = match self.scope().value(GIVEN) {
            Value::List(given) => given.to_vec(),
            _ => Vec::new(),
        };
        given.push(honour.award.clone());
        self.world.wrote(GIVEN, Value::List(given.into()));
        let id = emitted_id(&self.journey.id, &step.id);
        let trigger = &self.journey.trigger;
        let training = trigger.text("training").filter(|_| trigger.kind == TRAINING_COMPLETED).map(Arc::from);
        self.actions.push(Action::Award { id, award: honour.award.clone(), because, training });
        self.journey.acted = true;
        self.note(Some(&step.id), "awarded", &honour.award);
    }
}

/// Whether one who was last given an award then may be given it again.
#[must_use]
pub fn may_have_again(per_partner: PerPartner, last: Timestamp, now: Timestamp) -> bool {
    match per_partner {
        PerPartner::Once => false,
        PerPartner::Unlimited => true,
        PerPartner::OnceIn(length) => {
            let minutes = jiff::SignedDuration::from_mins(length.about_minutes());
            last.checked_add(minutes).is_ok_and(|again| again <= now)
        }
    }
}
