//! Mail that finds no place under a cap travels with other mail, and comes to the same end: once, whatever happens on the way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::stand::{Stand, script::Script};
use async_trait::async_trait;
use jiff::Timestamp;
use rapport_contact::Kind;
use rapport_engine::{
    mailer::verdict,
    ports::{
        rows::{MessageRow, MessageState},
        store::{DueMessage, RecipientSnapshot, RecipientVerdict},
        transport::{Deadline, Delivery, Envelope, RefusalClass},
    },
    rulebooks::Applied,
};
use rapport_event::PartnerKey;
use rapport_memory::store::{StoredMessage, Tables};
use rapport_sim::world;
use serde_json::json;
use tokio::sync::Notify;

/// Three workflows that write to whoever is approved, the first a little earlier. A partner gets one mail a day.
fn three_workflows() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    // What names it goes, too.
    let gone = ["workflows/welcome/", "workflows/let-go/", "workflows/let-go-undone/"];
    files.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    for (name, minutes) in [("first", 10), ("second", 12), ("third", 12)] {
        let workflow = format!(
            "workflow: {name}\nowner: test@acme.example\nonce: per partner\nwhen: partner.approved\n\
             mail: {{ kind: marketing, topic: onboarding, from: ines, over_the_cap: digest }}\n\
             steps:\n  - wait: {minutes} minutes\n  - email: hello\n"
        );
        files.insert(format!("workflows/{name}/workflow.yaml"), workflow);
        let mail = format!("---\nsubject: The {name} word\n---\n[More](https://acme.example/{name})\n");
        files.insert(format!("workflows/{name}/hello.mail.md"), mail);
    }
    files
}

/// Keeps the first mail in hand until told, then refuses it for now; may break down over the second.
#[derive(Default)]
struct FirstLater {
    seen: AtomicUsize,
    answer: Notify,
    breaks: bool,
}

#[async_trait]
impl Script for FirstLater {
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        let before = self.seen.fetch_add(1, Ordering::Relaxed);
        if before > 0 {
            assert!(!self.breaks, "a bug, as the test wants it");
            return None;
        }
        self.answer.notified().await;
        let (code, text, class) = (451, "try again later".into(), RefusalClass::Transient);
        Some(Delivery::Refused { code, enhanced: None, text, class })
    }
}

fn of<'t>(tables: &'t Tables, workflow: &str) -> Option<&'t StoredMessage> {
    tables.messages.values().find(|message| message.row.workflow == workflow)
}

fn state(tables: &Tables, workflow: &str) -> Option<MessageState> {
    of(tables, workflow).map(|message| message.state)
}

/// The first mail is put back while the others wait for the one place of the day.
async fn after_the_first_was_put_back(breaks: bool) -> (Stand, Tables) {
    let mut stand = Stand::new(three_workflows()).await;
    let script = Arc::new(FirstLater { breaks, ..FirstLater::default() });
    stand.script = Some(script.clone());
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("the first is in hand", |tables| state(tables, "first") == Some(MessageState::Attempting)).await;
    let wait =
        |tables: &Tables| ["second", "third"].iter().all(|name| state(tables, name) == Some(MessageState::Queued));
    stand.until("the others wait", wait).await;
    script.answer.notify_one();
    let is_over = |tables: &Tables| {
        let over = |name| !matches!(state(tables, name), Some(MessageState::Queued | MessageState::Attempting));
        over("second") && over("third")
    };
    stand.until("the others are over", is_over).await;
    let put_off = |tables: &Tables| of(tables, "first").is_some_and(|first| first.reason.as_deref() == Some("cap_day"));
    stand.until("the first waits for another day", put_off).await;
    stand.until("what became of them is folded", stand.folded()).await;
    stand.stop().await;
    let tables = stand.store.tables().clone();
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    (stand, tables)
}

/// Which of the two carried, and which travelled.
fn carrier_and_other(tables: &Tables) -> (&StoredMessage, &StoredMessage) {
    let (second, third) = (of(tables, "second").unwrap(), of(tables, "third").unwrap());
    if second.carrier.is_none() { (second, third) } else { (third, second) }
}

#[tokio::test(start_paused = true)]
async fn two_mails_with_one_place_leave_as_one() {
    let (stand, tables) = after_the_first_was_put_back(false).await;
    let accepted = stand.server.accepted();
    assert_eq!(accepted.len(), 1);
    for told in ["The second word", "The third word", "https://acme.example/second", "https://acme.example/third"] {
        assert!(accepted[0].text.contains(told), "{told}: {}", accepted[0].text);
    }
    let (carrier, other) = carrier_and_other(&tables);
    assert_eq!(carrier.state, MessageState::Sent);
    assert_eq!((other.state, other.reason.as_deref()), (MessageState::Suppressed, Some("in_digest")));
    assert_eq!(other.carrier.as_ref(), Some(&carrier.row.id));
    // Both journeys know that the partner was told, and are over.
    for workflow in ["second", "third"] {
        let journey = tables.journeys.values().find(|row| row.workflow == workflow).unwrap();
        assert!(journey.exited.is_some(), "{workflow}");
        let body: serde_json::Value = serde_json::from_str(&journey.body).unwrap();
        assert_eq!(body["acted"], json!(true), "{workflow}");
    }
    assert_eq!(tables.sent.len(), 1, "one mail is counted");
}

#[tokio::test(start_paused = true)]
async fn a_digest_in_doubt_leaves_nothing_to_be_sent_again() {
    let (stand, tables) = after_the_first_was_put_back(true).await;
    assert_eq!(stand.server.accepted(), []);
    let (carrier, other) = carrier_and_other(&tables);
    assert_eq!(carrier.state, MessageState::InDoubt);
    assert_eq!((other.state, other.reason.as_deref()), (MessageState::Suppressed, Some("in_digest")));
}

/// A Tuesday, at noon.
fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// A mail that is due, with what becomes of it over a cap.
fn due(id: &str, partner: &str, over_the_cap: &str) -> DueMessage {
    let message = MessageRow {
        id: id.into(),
        shard: 0,
        key: PartnerKey::new(world::PROGRAM, partner).unwrap(),
        workflow: id.into(),
        journey: "j".into(),
        step: "s".into(),
        mail: id.into(),
        rulebook: "book".into(),
        kind: "marketing".into(),
        topic: "news".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: noon(),
        due: noon(),
        expires: "2026-12-20T12:00:00Z".parse().unwrap(),
        context: json!({ "over_the_cap": over_the_cap }).to_string(),
    };
    let person = json!({ "email": "ada@x.example", "zone": "UTC", "consent": { "given": true } }).to_string();
    DueMessage { message, person, held: None, holders: Vec::new(), attempts: 0 }
}

fn judged(due: Vec<DueMessage>, accepted: Vec<(Timestamp, Kind)>) -> RecipientVerdict {
    let rules = Applied::compile("", world::shipped_files(), BTreeMap::new()).unwrap();
    let snapshot = RecipientSnapshot {
        address: "ada@x.example".into(),
        due,
        suppressions: Vec::new(),
        accepted,
        copies: Vec::new(),
        stopped: Vec::new(),
        awaits_others: false,
    };
    let live = verdict(&snapshot, &rules, Some(noon()), None, 1);
    let replayed = verdict(&snapshot, &rules, None, None, 1);
    assert_eq!((&live.take, &live.along), (&replayed.take, &replayed.along), "a replay decides the same");
    live
}

/// Who travels: mails of the same partner whose workflows want it, and that may be another mail each time.
#[test]
fn only_what_may_travel_does() {
    let again = |id: &str| {
        let mut due = due(id, "ada", "digest");
        due.message.policy = "at_least_once".into();
        due
    };
    let rest = || vec![due("b", "ada", "digest"), due("c", "bob", "digest"), due("d", "ada", "wait"), again("e")];
    let with = |first: DueMessage| judged(std::iter::once(first).chain(rest()).collect(), Vec::new());
    let verdict = with(due("a", "ada", "digest"));
    assert_eq!((verdict.take.as_deref(), verdict.along), (Some("a"), vec!["b".to_owned()]));
    for first in [due("a", "ada", "wait"), due("a", "ada", "drop"), again("a")] {
        let verdict = with(first);
        assert_eq!((verdict.take.as_deref(), verdict.along), (Some("a"), Vec::new()));
    }
}

/// Over the day's cap nothing leaves: one waits, one is dropped, each with its reason.
#[test]
fn over_a_cap_each_mail_ends_as_its_workflow_wants() {
    let all = vec![due("a", "ada", "digest"), due("b", "ada", "drop"), due("c", "ada", "wait")];
    let verdict = judged(all, vec![(noon(), Kind::Marketing)]);
    assert_eq!(verdict.take, None);
    let deferred: Vec<_> = verdict.defer.iter().map(|(id, _, reason)| (id.as_str(), reason.as_str())).collect();
    assert_eq!(deferred, [("a", "cap_day"), ("c", "cap_day")]);
    let ended: Vec<_> = verdict.end.iter().map(|end| (end.id.as_str(), end.state, end.reason.as_str())).collect();
    assert_eq!(ended, [("b", MessageState::Suppressed, "over_the_cap")]);
}
