//! Signals that last are asked about every night, and only another answer is written.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rapport_engine::{
    rulebooks::{Applied, Rulebooks},
    shard::{
        batch::Batch,
        day_close::Verdicts,
        entry::Entry,
        interest::Interests,
        react::{Place, Reaction, stirs},
        timers::Timers,
    },
};
use rapport_event::PartnerKey;
use rapport_memory::store::MemoryStore;
use rapport_partner::{
    LastingSignal,
    profile::{Status, Stored},
};
use rapport_sim::world;

const WORKFLOW: &str = "workflow: Ask
owner: a@acme.example
mail: { kind: marketing, topic: onboarding, from: ines }
when: dip.conversions
if: partner.country == \"DE\"
once: per event
steps:
  - task: { to: ines, text: Ask what is wrong, due: 2 days }
";

fn applied(workflow: &str) -> Arc<Applied> {
    let mut files = world::shipped_files();
    files.retain(|path, _| !path.starts_with("workflows/"));
    files.insert("workflows/ask/workflow.yaml".into(), workflow.into());
    Arc::new(Applied::compile(workflow, files, BTreeMap::new()).unwrap())
}

/// A partner whose days go by.
struct Nights {
    applied: Arc<Applied>,
    rulebooks: Rulebooks,
    interests: Interests,
    entry: Entry,
    now: Timestamp,
}

impl Nights {
    /// The day is closed: whether there was anything to write, and what was refused.
    fn close(&mut self) -> (bool, Vec<String>) {
        self.now = self.now.checked_add(SignedDuration::from_hours(24)).unwrap();
        let place = Place {
            rulebook: &self.applied,
            rulebooks: &self.rulebooks,
            interests: &self.interests,
            shard: 0,
            now: self.now,
            began: None,
            figures: None,
            expectations: None,
        };
        if !stirs(&place, &self.entry) {
            return (false, Vec::new());
        }
        let (mut timers, mut batch) = (Timers::default(), Batch::default());
        let reaction = Reaction::new(&place, &mut self.entry, &mut timers, &mut batch).unwrap();
        reaction.close_day(&Verdicts::default()).unwrap();
        (true, batch.refusals.into_iter().map(|refusal| refusal.code).collect())
    }
}

#[test]
fn a_night_that_answers_as_the_last_one_writes_nothing_and_another_answer_counts() {
    let now: Timestamp = "2026-02-02T02:00:00Z".parse().unwrap();
    let mut nights = Nights {
        applied: applied(WORKFLOW),
        rulebooks: Rulebooks::new(Arc::<MemoryStore>::default()),
        interests: Interests::default(),
        entry: Entry::new(PartnerKey::new(world::PROGRAM, "ada").unwrap()),
        now,
    };
    nights.entry.state.profile.status = Stored { value: Some(Status::Active), at: now };
    nights.close();
    assert_eq!(nights.close(), (false, Vec::new()), "nothing lasts yet");
    let payload = r#"{"name":"dip","summary":"expected 9 conversions, saw 2"}"#.into();
    nights.entry.state.raise(LastingSignal {
        kind: "dip.conversions".into(),
        id: "dip:2026-02-01".into(),
        since: now,
        payload,
    });
    assert_eq!(nights.close(), (true, vec!["if_not_met".to_owned()]));
    for _ in 0..3 {
        assert_eq!(nights.close(), (false, Vec::new()), "the same answer");
    }
    nights.applied = applied(&WORKFLOW.replace("2 days", "3 days"));
    assert_eq!(nights.close(), (true, vec!["if_not_met".to_owned()]), "another version answers for itself");
    assert_eq!(nights.close(), (false, Vec::new()));
    nights.entry.state.profile.country = Stored { value: Some("DE".into()), at: now };
    assert_eq!(nights.close(), (true, Vec::new()));
    assert_eq!(nights.entry.journeys.len(), 1, "begun the same night");
    assert_eq!(nights.close(), (false, Vec::new()), "and never again");
}
