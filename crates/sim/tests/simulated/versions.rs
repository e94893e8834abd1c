//! Journeys of a version that is not in the files any more.

use std::collections::BTreeSet;

use crate::stand::Stand;
use jiff::SignedDuration;
use rapport_engine::{ports::rows::MessageState, rulebooks::Applied};
use rapport_sim::{
    faults::Rates,
    properties,
    run::{Operator, Outcome, Setting, play},
    world,
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
    let lost =
        played(Operator { changes_on: Some(CHANGES_ON), loses_the_old_until: Some(GIVEN_BACK_ON), ..Operator::NONE });
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

/// Journeys of `follow-up` that were inside when the files changed: version afterwards, exit code.
fn inside(outcome: &Outcome) -> Vec<(bool, String)> {
    let changed_at = world::begins() + SignedDuration::from_hours(24 * CHANGES_ON);
    let rows = outcome.tables.journeys.values().filter(|row| row.workflow == "follow-up");
    let inside =
        rows.filter(|row| row.started_at < changed_at && row.exited.as_ref().is_none_or(|(at, _)| *at >= changed_at));
    let newest = outcome.tables.definitions.last().expect("files in force");
    let texts = serde_json::from_str(&newest.sources).expect("texts by path");
    let applied = Applied::compile("", texts, std::collections::BTreeMap::new()).expect("they compile");
    let version = applied.rulebook.workflow("follow-up").expect("it is there").version.to_string();
    inside
        .map(|row| {
            let exit = row.exited.as_ref().map_or_else(|| "active".to_owned(), |(_, code)| code.clone());
            (row.version == version, exit)
        })
        .collect()
}

/// A wait without an `id` is known by its words.
const MIGRATES: &str = "migrate\nmigrate: { \"wait for 3 weeks then_at 10:00 on_days weekdays\": \
                        \"wait for 10 days then_at 10:00 on_days weekdays\" }";

/// Play 19: an edit with many inside; each does what the files say, under every fault.
#[test]
fn those_inside_finish_move_or_stop_as_the_files_say() {
    let change = |in_flight, rates| {
        let operator = Operator { changes_on: Some(CHANGES_ON), in_flight, ..Operator::NONE };
        let outcome = play(&Setting { operator, rates, partners: 40, ..Setting::plain(5, DAYS) });
        let broken = properties::of_one(&outcome);
        assert!(broken.is_empty(), "{in_flight:?}: {}", broken.join("\n"));
        outcome
    };
    for rates in [Rates::NONE, Rates::MANY] {
        let finished = inside(&change(None, rates));
        assert!(finished.len() > 10, "{} inside", finished.len());
        assert!(finished.iter().all(|(moved, exit)| !moved && exit != "stopped"), "{finished:?}");
        let stopped = change(Some("stop"), rates);
        assert!(inside(&stopped).iter().all(|(_, exit)| exit == "stopped"), "{:?}", inside(&stopped));
        let moved = change(Some(MIGRATES), rates);
        assert_eq!(inside(&moved).len(), finished.len());
        assert!(inside(&moved).iter().all(|(moved, exit)| *moved && exit != "stopped"), "{:?}", inside(&moved));
        let waits = moved.tables.journeys.values().filter(|row| row.workflow == "follow-up" && row.exited.is_none());
        let began = world::begins() + SignedDuration::from_hours(24 * (DAYS - 16));
        assert!(waits.clone().all(|row| row.started_at > began), "who was inside waits ten days now, not three weeks");
    }
}

/// All mail waits during an incident, whoever dies meanwhile; then what is not too late leaves, one by one.
#[test]
fn nothing_leaves_during_an_incident_and_no_burst_after_it() {
    for rates in [Rates::NONE, Rates::MANY] {
        let operator = Operator { incident: Some((10, 12)), ..Operator::NONE };
        let outcome = play(&Setting { operator, rates, partners: 60, ..Setting::plain(9, 24) });
        let broken = properties::of_one(&outcome);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
        let on = |day: i64| world::begins() + SignedDuration::from_hours(24 * day);
        let sent = |from, to| {
            let went = |message: &&rapport_memory::store::StoredMessage| message.state == MessageState::Sent;
            let messages = outcome.tables.messages.values().filter(went);
            let mut at: Vec<_> =
                messages.map(|message| message.changed_at).filter(|at| *at > from && *at < to).collect();
            at.sort();
            at
        };
        assert!(!sent(on(0), on(10)).is_empty());
        assert_eq!(sent(on(10), on(12)), [], "nothing leaves");
        let planned = outcome
            .tables
            .messages
            .values()
            .filter(|message| message.row.planned_at > on(10) && message.row.planned_at < on(12));
        let kept = planned.clone().count();
        assert!(kept > 3, "{kept} were planned meanwhile");
        let open = planned.filter(|message| message.state == MessageState::Queued).count();
        assert_eq!(open, 0, "each was judged anew");
        assert_eq!(outcome.tables.pauses.len(), 0);
        let told: Vec<_> = outcome.tables.audits.iter().map(|row| row.action.as_str()).collect();
        assert_eq!(told, ["apply", "incident_start", "incident_stop"]);
    }
}

#[tokio::test(start_paused = true)]
async fn files_that_a_new_binary_cannot_read_any_more_hold_no_shard_once_others_are_in_force() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.start();
    let first = [stand.approved("ada")];
    stand.take(&first).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    // As a newer binary finds them: it compiles neither the files the shard stands at nor those applied after them.
    for number in 0..2 {
        let mut files = world::shipped_files();
        files.get_mut("workflows/welcome/workflow.yaml").unwrap().push_str(&format!("# edit {number}\n"));
        stand.apply(files).await;
    }
    for row in stand.store.tables().definitions.iter_mut().rev().skip(1) {
        row.sources = row.sources.replace("workflow: Welcome", "workfloww: Welcome");
    }
    stand.start();
    let second = [stand.sale("ada", "a1")];
    stand.take(&second).await;
    stand.until("the sale is there", |tables| tables.conversions.len() == 1).await;
    stand.until("all is folded", stand.folded()).await;
    let newest = stand.store.tables().definitions.last().map(|row| row.hash.clone());
    assert_eq!(stand.store.tables().shards[&0].rulebook, newest);
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn files_in_force_that_do_not_compile_stop_the_shard_and_say_so() {
    let mut stand = Stand::new(world::shipped_files()).await;
    for row in &mut stand.store.tables().definitions {
        row.sources = row.sources.replace("workflow: Welcome", "workfloww: Welcome");
    }
    stand.start();
    let readiness = stand.readiness.clone();
    stand
        .until("somebody hears of it", |_| readiness.troubles().iter().any(|(_, why)| why.contains("rapport apply")))
        .await;
    stand.stop().await;
}
