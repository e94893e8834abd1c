//! The real loops on the live clock and virtual time: what a person meets who has to put something right.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::stand::Stand;
use rapport_engine::{
    apply,
    ingest::IngestError,
    mailer::ended,
    operate::{self, Subject},
    ports::{
        log::{EventLog, NewRecord},
        rows::MessageState,
        store::{Doubtful, Resolution, Store, SuppressionChange},
    },
    readiness::Readiness,
    records,
    restore::{self, RestoreError},
};
use rapport_event::PartnerKey;
use rapport_memory::{log::MemoryLog, store::Tables};
use rapport_sim::{faults::Rates, world};
use serde_json::json;

/// Workflows each of which starts the next: deeper than anything may follow from one event.
fn with_a_deep_chain() -> BTreeMap<String, String> {
    const LINKS: usize = 40;
    let mut files = world::shipped_files();
    let mut events = files["config/events.yaml"].clone();
    for link in 0..=LINKS {
        events.push_str(&format!("  chain.link{link}:\n    about: \"One of many.\"\n"));
        if link < LINKS {
            let text = format!(
                "workflow: Link {link}\nowner: test@acme.example\nmail: {{ kind: marketing, topic: onboarding, from: ines }}\n\
                 when: chain.link{link}\nonce: per event\nsteps:\n  - emit: chain.link{}\n",
                link + 1
            );
            files.insert(format!("workflows/link-{link}/workflow.yaml"), text);
        }
    }
    files.insert("config/events.yaml".into(), events);
    with_a_nudge(files)
}

/// A workflow that wakes ten minutes after the approval.
fn with_a_nudge(mut files: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let text = "workflow: Nudge\nowner: test@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
                when: partner.approved\nonce: per partner\nsteps:\n  - wait: 10 minutes\n  - emit: partner.recognised\n";
    files.insert("workflows/nudge/workflow.yaml".into(), text.into());
    files
}

fn conversions_of(tables: &Tables, partner: &str) -> usize {
    tables.conversions.keys().filter(|(key, _)| key.partner.as_str() == partner).count()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_made_anew_is_not_taken_for_the_one_that_was_folded() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.start();
    let before = [stand.approved("ada"), stand.sale("ada", "a1"), stand.sale("ada", "a2")];
    stand.take(&before).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let row = stand.store.tables().shards[&0].clone();
    let (old, folded) = (stand.log.clone(), row.next_offset);
    let foreign =
        || NewRecord { shard: 0, key: b"k".to_vec(), value: b"another".to_vec(), stamp: None, position: None };
    let is_other =
        |taken: Result<_, IngestError>| matches!(taken, Err(IngestError::Restore(RestoreError::OtherLog(_))));
    // The topic is new: empty, then as long as the old one, then longer. Before any engine has looked it is too short.
    stand.log = MemoryLog::new(1);
    let lost = [stand.sale("ada", "lost")];
    assert!(is_other(stand.try_take(&lost).await));
    restore::accept_log(&stand.log, stand.store.as_ref()).await.unwrap();
    assert!(is_other(stand.try_take(&lost).await), "whoever accepts it");
    for (length, found) in [(0, "is gone"), (folded, "is another one"), (folded + 5, "is another one")] {
        while (stand.log.length() as i64) < length {
            stand.log.append(vec![foreign()]).await.unwrap();
        }
        stand.readiness = Readiness::default();
        stand.start();
        let readiness = stand.readiness.clone();
        stand.until("it is told", |_| format!("{:?}", readiness.troubles()).contains(found)).await;
        // Once another engine has the shard, that one tells.
        let lease = Duration::from_secs(3600);
        let taken = loop {
            match stand.store.take_shard(0, "another", lease).await.unwrap() {
                Some(taken) => break taken,
                None => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        stand
            .until("it is no longer told here", |_| readiness.troubles().iter().all(|(part, _)| part != "shard 0"))
            .await;
        stand.store.release_shard(0, taken.epoch).await.unwrap();
        stand.stop().await;
        if found == "is another one" {
            let accepted = restore::accept_log(&stand.log, stand.store.as_ref()).await;
            assert!(matches!(accepted, Err(RestoreError::OtherLog(_))), "{accepted:?}");
        }
        assert_eq!(stand.store.tables().shards[&0].next_offset, folded, "nothing of it is folded");
        assert!(is_other(stand.try_take(&lost).await), "nothing is appended to it");
        assert_eq!(stand.log.length() as i64, length);
    }
    // Put back, and accepted, it goes on.
    (stand.log, stand.readiness) = (old, Readiness::default());
    let after = [stand.sale("ada", "a3")];
    assert!(is_other(stand.try_take(&after).await), "a person has to look");
    restore::accept_log(&stand.log, stand.store.as_ref()).await.unwrap();
    stand.take(&after).await;
    stand.start();
    stand.until("the old log goes on", |tables| conversions_of(tables, "ada") == 3).await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(stand.readiness.troubles(), []);
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_leads_too_deep_waits_until_released_and_loses_nothing() {
    let mut stand = Stand::new(with_a_deep_chain()).await;
    stand.start();
    let before = [stand.approved("ada"), stand.approved("bob"), stand.sale("ada", "a1")];
    stand.take(&before).await;
    stand.until("both are there", |tables| conversions_of(tables, "ada") == 1).await;
    let deep = [stand.event("chain.link0", "ada", "deep", json!({}))];
    stand.take(&deep).await;
    stand.until("ada is in quarantine", |tables| tables.quarantine.len() == 1).await;
    let meanwhile = [stand.sale("ada", "a2"), stand.sale("bob", "b1"), stand.sale("ada", "a3")];
    stand.take(&meanwhile).await;
    stand.until("the others go on", stand.folded()).await;
    {
        let tables = stand.store.tables();
        assert_eq!((conversions_of(&tables, "ada"), conversions_of(&tables, "bob")), (1, 1));
        assert_eq!(tables.parked.len(), 3, "the deep one and two sales");
        assert_eq!(tables.journeys.values().filter(|row| row.workflow.starts_with("link-")).count(), 0, "undone");
        assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    }
    tokio::time::sleep(Duration::from_secs(15 * 60)).await;
    let nudged = |tables: &Tables, partner: &str| {
        let done = |row: &&rapport_engine::ports::rows::JourneyRow| row.workflow == "nudge" && row.exited.is_some();
        tables.journeys.values().filter(done).any(|row| row.key.partner.as_str() == partner)
    };
    stand.until("bob's timer fires", |tables| nudged(tables, "bob")).await;
    assert!(!nudged(&stand.store.tables(), "ada"), "hers came due, and waits");
    let key = PartnerKey::new(world::PROGRAM, "ada").unwrap();
    // Too early: what failed fails again, and nothing changes.
    let release = |at| records::outbox(0, records::command(key.clone(), records::RELEASE, "test", at));
    stand.store.add_outbox(&[release(stand.store.server_now())]).await.unwrap();
    stand.until("the release was tried", stand.folded()).await;
    assert_eq!(stand.store.tables().parked.len(), 3);
    assert_eq!(stand.store.tables().quarantine.len(), 1);
    // The cause is mended.
    stand.apply(with_a_nudge(world::shipped_files())).await;
    let mut events = with_a_nudge(world::shipped_files());
    events.get_mut("config/events.yaml").unwrap().push_str("  chain.link0:\n    about: \"Once.\"\n");
    stand.apply(events).await;
    stand.store.add_outbox(&[release(stand.store.server_now())]).await.unwrap();
    stand.until("ada is out", |tables| tables.quarantine.is_empty()).await;
    stand.until("her timer fires", |tables| nudged(tables, "ada")).await;
    stand.until("all is folded", stand.folded()).await;
    let tables = stand.store.tables().clone();
    assert_eq!(conversions_of(&tables, "ada"), 3);
    assert_eq!(tables.parked.len(), 0);
    let (_, row) = &tables.partners[&key];
    let state = rapport_partner::PartnerState::decode(&row.hot, row.days.as_deref()).unwrap();
    let today = i32::MAX;
    assert_eq!(state.sum(rapport_partner::Measure::Conversions, i32::MIN, today), 3, "each counted once");
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_sends_nothing_until_accepted_and_then_nothing_twice() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.start();
    let first = [stand.approved("ada")];
    stand.take(&first).await;
    stand.until("ada was greeted", |tables| !tables.sent.is_empty()).await;
    let first = [stand.sale("ada", "a1")];
    stand.take(&first).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let backup = stand.store.tables().clone();
    stand.start();
    let second = [stand.approved("bob"), stand.approved("dora"), stand.sale("ada", "a2")];
    stand.take(&second).await;
    stand.until("bob and dora were greeted", |tables| tables.sent.len() == backup.sent.len() + 2).await;
    let third = [stand.sale("bob", "b1")];
    stand.take(&third).await;
    let dora = PartnerKey::new(world::PROGRAM, "dora").unwrap();
    let now = stand.store.server_now();
    let bounced = SuppressionChange::add("dora@partners.example", None, "hard_bounce", now);
    let told = records::outbox(0, records::suppressed(dora, "m", "hard_bounce", now));
    stand.store.change_suppressions(&[bounced], &[told]).await.unwrap();
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let (accepted, last) = (stand.server.accepted(), stand.store.tables().clone());

    *stand.store.tables() = Tables { processes: BTreeMap::new(), ..backup.clone() };
    stand.readiness = Readiness::default();
    stand.start();
    stand.until("somebody owns the shard", |tables| tables.shards[&0].epoch > backup.shards[&0].epoch).await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(!stand.readiness.troubles().is_empty(), "a person must hear of it");
    assert_eq!(stand.store.tables().shards[&0].next_offset, backup.shards[&0].next_offset, "the shard waits");
    assert_eq!(stand.server.accepted(), accepted, "nothing was sent");

    // Personal fields are in no log: what the backup lacks of them is read again from upstream.
    stand.take(&second).await;
    let found = restore::accept(&stand.log, stand.store.as_ref()).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(restore::accept(&stand.log, stand.store.as_ref()).await.unwrap().is_empty(), "accepted once for all");
    stand.until("it goes on", stand.folded()).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(stand.server.accepted(), accepted, "all three were greeted before");
    let third = [stand.approved("cleo")];
    stand.take(&third).await;
    stand.until("cleo was greeted", |_| stand.server.accepted().len() > accepted.len()).await;
    let tables = stand.store.tables().clone();
    assert_eq!(conversions_of(&tables, "ada") + conversions_of(&tables, "bob"), 3);
    assert_eq!(tables.conversions.len(), last.conversions.len());
    // What was written beside the log is there again: who was written to, and who must not be.
    let known: Vec<&String> = last.sent.keys().filter(|id| !tables.sent.contains_key(*id)).collect();
    assert!(known.is_empty(), "not counted: {known:?}");
    let told = tables.messages.values().filter(|message| message.reason.as_deref() == Some("told_by_the_log"));
    assert_eq!(told.map(|message| message.state).collect::<Vec<_>>(), [MessageState::Sent; 2]);
    assert_eq!(tables.suppressions, last.suppressions);
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_programme_with_partners_is_not_dropped_by_mistake() {
    let mut stand = Stand::new(world::shipped_files()).await;
    let first = [stand.approved("ada")];
    stand.take(&first).await;
    let mut files = world::shipped_files();
    let config = files["config/rapport.yaml"].replace("default:", "defualt:");
    files.insert("config/rapport.yaml".into(), config);
    let store: Arc<dyn Store> = stand.store.clone();
    let request = apply::Request {
        texts: files,
        by: "test".into(),
        since: None,
        approval: apply::Approval::NotNeeded,
        plan: None,
    };
    let refused = apply::apply(&store, request, 1, stand.store.server_now()).await.unwrap_err();
    assert!(matches!(refused, apply::ApplyError::ProgramGone(ref id) if id == "default"), "{refused}");
    assert_eq!(store.definition_hashes().await.unwrap().len(), 1, "nothing was changed");
}

/// The first three tries are lost after the dot, some of them accepted.
const LOSES_THREE: Rates = Rates { lost_after_dot: 1_000_000, at_most: 3, ..Rates::NONE };

fn mails_counted(tables: &Tables, partner: &str) -> i64 {
    let (_, row) = &tables.partners[&PartnerKey::new(world::PROGRAM, partner).unwrap()];
    let state = rapport_partner::PartnerState::decode(&row.hot, row.days.as_deref()).unwrap();
    state.sum(rapport_partner::Measure::Mails, i32::MIN, i32::MAX)
}

#[tokio::test(start_paused = true)]
async fn at_least_once_sends_again_under_the_same_id_and_counts_one_mail() {
    let mut files = world::shipped_files();
    let welcome = files.get_mut("workflows/welcome/workflow.yaml").unwrap();
    *welcome = welcome.replace("topic: onboarding,", "topic: onboarding, delivery: at_least_once,");
    assert!(welcome.contains("at_least_once"), "welcome is written otherwise");
    let mut stand = Stand { rates: LOSES_THREE, ..Stand::new(files).await };
    stand.start();
    let first = [stand.approved("ada")];
    stand.take(&first).await;
    let sent = |tables: &Tables| tables.messages.values().any(|message| message.state == MessageState::Sent);
    stand.until("she was greeted", sent).await;
    stand.until("all is folded", stand.folded()).await;
    let accepted = stand.server.accepted();
    let tables = stand.store.tables().clone();
    let attempts = tables.messages.values().map(|message| message.attempt).max();
    assert_eq!(attempts, Some(4), "three lost, one answered");
    assert!(accepted.iter().all(|mail| mail.message_id == accepted[0].message_id), "{accepted:?}");
    assert_eq!(mails_counted(&tables, "ada"), 1);
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_mail_in_doubt_waits_for_a_person_whose_word_is_counted() {
    let mut stand = Stand { rates: LOSES_THREE, ..Stand::new(world::shipped_files()).await };
    stand.start();
    let first = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&first).await;
    let in_doubt = |tables: &Tables| {
        tables.messages.values().filter(|message| message.state == MessageState::InDoubt).count() == 3
    };
    stand.until("nobody knows of three mails", in_doubt).await;
    stand.until("all is folded", stand.folded()).await;
    let counted = |stand: &Stand| {
        let tables = stand.store.tables();
        ["ada", "bob", "dora"].map(|partner| mails_counted(&tables, partner))
    };
    assert_eq!(counted(&stand), [1, 1, 1], "in doubt counts as sent");
    let mut doubtful = stand.store.doubtful(10).await.unwrap();
    doubtful.sort_by(|one, other| one.message.key.cmp(&other.message.key));
    let now = stand.store.server_now();
    let ended = |row: &Doubtful, state| Resolution::Ended(ended(&row.message, row.attempt, state, "found", now, 1));
    let expires = now.checked_add(jiff::SignedDuration::from_hours(1)).unwrap();
    let again = Resolution::SendAgain { due: now, expires, reason: "for ines".into() };
    let found = [ended(&doubtful[0], MessageState::Sent), ended(&doubtful[1], MessageState::Failed), again];
    for (row, found) in doubtful.iter().zip(&found) {
        assert!(stand.store.resolve(row, found).await.unwrap());
    }
    let settled =
        |tables: &Tables| tables.messages.values().filter(|message| message.state == MessageState::Sent).count() == 2;
    stand.until("dora's went out once more", settled).await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(counted(&stand), [1, 0, 1]);
    let tables = stand.store.tables().clone();
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

/// A workflow that writes ten minutes after the approval.
fn with_a_late_mail(folder: &str, head: &str, text: &str) -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    // What names it goes, too.
    let gone = ["workflows/welcome/", "workflows/let-go/", "workflows/let-go-undone/"];
    files.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    let workflow = format!(
        "workflow: Late\nowner: test@acme.example\nmail: {{ kind: marketing, topic: onboarding, from: ines }}\n\
         when: partner.approved\nonce: per partner\n{head}steps:\n  - wait: 10 minutes\n  - email: hello\n"
    );
    files.insert(format!("workflows/{folder}/workflow.yaml"), workflow);
    files.insert(format!("workflows/{folder}/hello.mail.md"), format!("---\nsubject: Hello\n---\n{text}\n"));
    files
}

/// The mail to ada after the files changed while she waited.
async fn mail_after(before: BTreeMap<String, String>, after: BTreeMap<String, String>) -> (String, Tables) {
    let mut stand = Stand::new(before).await;
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("ada waits", |tables| tables.journeys.len() == 1).await;
    stand.apply(after).await;
    stand.until("the change is folded", stand.folded()).await;
    stand.until("the mail is sent", |tables| !tables.sent.is_empty()).await;
    let again = [stand.event("partner.approved", "ada", "again", json!({}))];
    stand.take(&again).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    let accepted = stand.server.accepted();
    assert_eq!(accepted.len(), 1, "once is once");
    (accepted.into_iter().map(|mail| mail.text).collect(), tables)
}

/// What a person says of a mail reaches the journey that sent it, though it is over, its version is not in force any more and
/// the engine has never met it.
#[tokio::test(start_paused = true)]
async fn an_older_journey_that_is_over_hears_what_became_of_its_mail() {
    let another = |text| with_a_late_mail("late", "holds: { workflows: [re-engagement], for: 7 days }\n", text);
    let mut stand = Stand { rates: LOSES_THREE, ..Stand::new(another("First words.")).await };
    stand.start();
    stand.apply(with_a_late_mail("late", "", "Old words.")).await;
    stand.until("the first change is folded", stand.folded()).await;
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    let over = |tables: &Tables| tables.journeys.values().any(|row| row.exited.is_some());
    stand.until("ada's journey is over, its mail in doubt", over).await;
    stand.until("all is folded", stand.folded()).await;
    stand.apply(another("New words.")).await;
    stand.until("the change is folded", stand.folded()).await;
    stand.stop().await;
    stand.start();
    let doubtful = stand.store.doubtful(10).await.unwrap().remove(0);
    let now = stand.store.server_now();
    let arrived = ended(&doubtful.message, doubtful.attempt, MessageState::Sent, "found", now, 1);
    assert!(stand.store.resolve(&doubtful, &Resolution::Ended(arrived)).await.unwrap());
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    let held: Vec<_> = tables.timers.keys().filter(|(_, subject)| subject.starts_with("held:")).collect();
    assert!(held.is_empty(), "{held:?}");
    let journey = tables.journeys.values().next().unwrap();
    assert!(journey.body.contains("sent_after_exit"), "{}", journey.body);
}

#[tokio::test(start_paused = true)]
async fn pinned_mails_keep_their_text_and_others_are_the_newest() {
    let (text, _) =
        mail_after(with_a_late_mail("late", "", "Old words."), with_a_late_mail("late", "", "New words.")).await;
    assert!(text.contains("New words"), "{text}");
    let pinned = |text| with_a_late_mail("late", "mails: pinned\n", text);
    let (text, _) = mail_after(pinned("Old words."), pinned("New words.")).await;
    assert!(text.contains("Old words"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_renamed_workflow_keeps_who_is_inside_and_what_once_counted() {
    let before = with_a_late_mail("late", "", "Words.");
    for head in ["was: late\n", "was: late\nin_flight: migrate\nsince: 2026-01-01\n"] {
        let (_, tables) = mail_after(before.clone(), with_a_late_mail("later", head, "Words.")).await;
        let rows: Vec<_> = tables.journeys.values().collect();
        assert_eq!(rows.len(), 1, "{rows:?}");
        let name = if head.contains("migrate") { "later" } else { "late" };
        assert_eq!(rows[0].workflow, name);
        let exit = rows[0].exited.as_ref().map(|(_, code)| code.as_str());
        assert_eq!(exit, Some("completed"));
    }
}

/// What a person says holds at the next claim, whatever the log is doing.
#[tokio::test(start_paused = true)]
async fn a_pause_holds_at_once_and_ends_by_itself() {
    let mut stand = Stand::new(with_a_late_mail("late", "", "Words.")).await;
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob")];
    stand.take(&events).await;
    stand.until("both wait", |tables| tables.journeys.len() == 2).await;
    let (bob, now) = (PartnerKey::new(world::PROGRAM, "bob").unwrap(), stand.store.server_now());
    let until = now + jiff::SignedDuration::from_hours(1);
    let late = Subject::Workflow("late".into());
    operate::pause(stand.store.as_ref(), 1, &late, Some(until), ("kari", "a wrong price"), now).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    let queued = |tables: &Tables| tables.messages.values().filter(|message| message.state.code() == "queued").count();
    assert_eq!(queued(&stand.store.tables()), 2);
    assert!(stand.server.accepted().is_empty());
    // Bob's journey ends while his mail is queued: it never leaves.
    let store: Arc<dyn Store> = stand.store.clone();
    let journey = stand.store.tables().journeys.values().find(|row| row.key == bob).unwrap().id.clone();
    let said = ("kari", "asked by phone");
    let at = stand.store.server_now();
    operate::command_journey(&store, 1, operate::Wish::Stop, &bob, ("late", Some(&journey)), said, at).await.unwrap();
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    stand.until("the pause is over", |tables| !tables.pauses.contains_key("workflow:late")).await;
    assert!(stand.store.server_now() >= until);
    stand.until("ada is written to", |tables| tables.sent.len() == 1).await;
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let accepted = stand.server.accepted();
    assert_eq!(accepted.len(), 1);
    let exits: Vec<_> =
        stand.store.tables().journeys.values().filter_map(|row| row.exited.clone().map(|(_, code)| code)).collect();
    assert!(exits.contains(&"stopped".to_owned()), "{exits:?}");
    let audits: Vec<_> = stand.store.tables().audits.iter().map(|row| (row.action.clone(), row.by.clone())).collect();
    let expected = [("apply", "test"), ("pause", "kari"), ("journey_stop", "kari"), ("pause_end", "rapport")];
    assert_eq!(audits, expected.map(|(action, by)| (action.to_owned(), by.to_owned())));
    stand.stop().await;
}
