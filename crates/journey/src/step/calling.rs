//! `webhook` and `slack`: the journey stays at the step until it is told what became of the call.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_workflow as flow;
use rapport_workflow::calendar::add;
use rapport_workflow::{CALL_OUTCOMES, CallValue};
use serde_json::{Map, Value as Json};

use super::{Flow, Run};
use crate::action::{Action, PlannedCall};
use crate::context::is_personal;
use crate::id::CallId;
use crate::journey::{ExitReason, State};

impl Run<'_, '_> {
    pub(super) fn call(&mut self, step: &flow::Step, call: &flow::Call) -> Flow {
        let id = CallId::new(&self.journey.id, &step.id);
        let with: Map<String, Json> = {
            let scope = self.scope();
            let told = |value: &CallValue| match value {
                CallValue::Text(template) => Json::from(template.render_keeping(&scope, &is_personal)),
                CallValue::Fixed(value) => value.clone(),
            };
            call.with.iter().map(|(name, value)| (name.to_string(), told(value))).collect()
        };
        self.actions.push(Action::Call(Box::new(PlannedCall {
            id: id.clone(),
            journey: self.journey.id.clone(),
            step: step.id.clone(),
            hook: call.hook.clone(),
            kind: call.kind,
            private: call.private,
            with: Json::Object(with),
            expires: add(self.now, &call.within, self.world.locale()),
        })));
        self.journey.acted = true;
        self.note(Some(&step.id), "calls", &call.hook);
        self.park(State::Calling { step: step.id.clone(), call: id }, None);
        Flow::Parked
    }

    /// The call came to its end; the journey goes on either way, and conditions ask for `call.outcome`.
    pub(super) fn called(&mut self, step: &Arc<str>, delivered: bool, reason: Option<&str>, at: Timestamp) {
        let [taken, failed] = CALL_OUTCOMES;
        let outcome = if delivered { taken } else { failed };
        self.note(Some(step), outcome, reason.unwrap_or_default());
        self.journey.variables.call_outcome = Some(outcome.to_owned());
        self.journey.anchor = at;
        let Some(found) = self.workflow.step(step) else { return self.exit(ExitReason::WorkflowGone) };
        self.go_on(found.next);
    }
}
