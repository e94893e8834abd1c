//! Which notice an answer is about, where the answer names only the mail in which it was asked for.

use rapport_journey::has_planned;
use serde_json::{Map, Value as Json};

use super::Reaction;

impl Reaction<'_> {
    /// Names the notice whose mail was answered, so that what begins on the answer can say which one the partner knows of. What the
    /// answer itself says stands, and of a mail that no journey here planned nothing is known. Only journeys that go on are asked: the
    /// versions of those are known wherever the partner is folded, so every process finds the same.
    pub(super) fn name_notice(&self, facts: &mut Map<String, Json>) {
        let text = |field: &str| facts.get(field).and_then(Json::as_str);
        let (Some(survey), Some(message)) = (text("survey"), text("message")) else { return };
        let named = self.entry.journeys.iter().filter(|journey| !journey.is_exited()).find_map(|journey| {
            let (workflow, _) = self.rulebooks.version_in(&journey.workflow, &journey.version)?;
            workflow.notice.as_ref().filter(|notice| *notice.survey == *survey)?;
            let field = workflow.object()?;
            let name = journey.trigger.payload.get(field)?;
            has_planned(journey, &workflow, message).then(|| (field.to_owned(), name.clone()))
        });
        if let Some((field, name)) = named {
            facts.entry(field).or_insert(name);
        }
    }
}
