//! Journeys of a version that is not in the files any more.

use std::collections::BTreeSet;

use rapport_engine::ports::rows::MessageState;
use rapport_sim::{
    properties,
    run::{Operator, Outcome, Setting, play},
};

const DAYS: i64 = 40;
/// `follow-up` waits for three weeks: on this day many are inside.
const CHANGES_ON: i64 = 14;
const GIVEN_BACK_ON: i64 = 30;

fn played(operator: Operator) -> Outcome {
    let outcome = play(&Setting { operator, partners: 40, ..Setting::plain(5, DAYS) });
    let broken = properties::of_one(&outcome);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    outcome
}

/// Journeys of a workflow that began before the change: id, exit code, and the mails they planned.
fn paths(outcome: &Outcome, workflow: &str) -> BTreeSet<(String, String, Vec<String>)> {
    let tables = &outcome.tables;
    let version = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap_or_default()["version"].clone();
    let first = tables.journeys.values().filter(|row| row.workflow == workflow).min_by_key(|row| row.started_at);
    let first = first.map(|row| version(&row.body)).unwrap_or_default();
    let journeys = tables.journeys.values().filter(|row| row.workflow == workflow && version(&row.body) == first);
    journeys
        .map(|row| {
            let mut mails: Vec<_> = tables.messages.values().filter(|message| message.row.journey == row.id).collect();
            mails.sort_by_key(|message| message.row.planned_at);
            let exit = row.exited.as_ref().map_or_else(|| "active".to_owned(), |(_, code)| code.clone());
            (row.id.clone(), exit, mails.into_iter().map(|message| message.row.mail.clone()).collect())
        })
        .collect()
}

#[test]
fn journeys_of_an_older_version_and_of_a_removed_workflow_go_on_with_their_own() {
    let undisturbed = played(Operator::NONE);
    let changed = played(Operator { changes_on: Some(CHANGES_ON), ..Operator::NONE });
    for workflow in ["follow-up", "welcome"] {
        let (before, after) = (paths(&undisturbed, workflow), paths(&changed, workflow));
        assert!(after.len() > 3, "{workflow}: {} journeys on the older version", after.len());
        let otherwise: Vec<_> = after.difference(&before).collect();
        assert!(otherwise.is_empty(), "{workflow} took other paths: {otherwise:#?}");
    }
    let failed = changed.tables.messages.values().filter(|message| message.state == MessageState::Failed).count();
    assert_eq!(failed, 0, "the texts of a removed workflow are still there for those inside");
}

#[test]
fn journeys_whose_version_nobody_knows_wait_and_lose_nothing() {
    let known = played(Operator { changes_on: Some(CHANGES_ON), ..Operator::NONE });
    let lost = played(Operator { changes_on: Some(CHANGES_ON), loses_the_old_until: Some(GIVEN_BACK_ON) });
    let held = |numbers: &[(String, i64)]| -> i64 {
        numbers.iter().filter(|(name, _)| name.starts_with("held/")).map(|(_, count)| count).sum()
    };
    assert!(held(&lost.while_lost) > 3, "the doctor is told of those who wait: {:?}", lost.while_lost);
    assert_eq!(held(&lost.tables.numbers()), 0, "everybody goes on when the version is back");
    // Later, but on the same paths as those who never waited: nobody was forgotten, nobody ended for want of a version.
    let (of_known, of_lost) = (paths(&known, "follow-up"), paths(&lost, "follow-up"));
    assert_eq!(of_known.len(), of_lost.len());
    let ended = |paths: &BTreeSet<(String, String, Vec<String>)>| -> BTreeSet<(String, String)> {
        paths.iter().filter(|(_, exit, _)| exit != "active").map(|(id, exit, _)| (id.clone(), exit.clone())).collect()
    };
    let missing: Vec<_> = ended(&of_known).difference(&ended(&of_lost)).cloned().collect();
    assert!(missing.is_empty(), "did not come to their end: {missing:#?}");
}
