//! A mail goes to the address for which the policy was asked, and to no other, however late a shard hears of a new one.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::stand::{Stand, script::Script};
use async_trait::async_trait;
use rapport_engine::{
    operate::{self, Subject},
    ports::{
        rows::{MessageState, PersonRow},
        store::{Store, SuppressionChange},
        transport::{Deadline, Delivery, Envelope, RefusalClass},
    },
};
use rapport_event::PartnerKey;
use rapport_memory::store::Tables;
use rapport_sim::world;
use serde_json::json;
use tokio::sync::Notify;

const OLD: &str = "ada@partners.example";
const NEW: &str = "ada@elsewhere.example";

/// A workflow that writes ten minutes after the approval.
pub(crate) fn with_a_late_mail() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    // What names it goes, too.
    let gone = ["workflows/welcome/", "workflows/let-go/", "workflows/let-go-undone/"];
    files.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    let workflow = "workflow: Late\nowner: test@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
                    when: partner.approved\nonce: per partner\nsteps:\n  - wait: 10 minutes\n  - email: hello\n";
    files.insert("workflows/late/workflow.yaml".into(), workflow.into());
    files.insert("workflows/late/hello.mail.md".into(), "---\nsubject: Hello\n---\nWords.\n".into());
    files
}

async fn suppress_new(stand: &Stand) {
    let now = stand.store.server_now();
    let gone = SuppressionChange::add(NEW, None, "unsubscribe", now);
    stand.store.change_suppressions(&[gone], &[]).await.unwrap();
}

/// State and address of the one message.
fn message(tables: &Tables) -> Option<(MessageState, String)> {
    let message = tables.messages.values().next()?;
    Some((message.state, message.address.clone().unwrap_or_default()))
}

/// Ada's mail waits for her old address; a new one is stored by whoever took the update in, and no shard ever hears of it.
async fn after_a_move_nobody_tells_of(new: &str, suppressed: bool) -> Stand {
    let mut stand = Stand::new(with_a_late_mail()).await;
    stand.start();
    let (ada, now) = (PartnerKey::new(world::PROGRAM, "ada").unwrap(), stand.store.server_now());
    let until = now + jiff::SignedDuration::from_mins(15);
    let late = Subject::Workflow("late".into());
    operate::pause(stand.store.as_ref(), 1, &late, Some(until), ("kari", "to have it wait"), now).await.unwrap();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("her mail waits", |tables| message(tables) == Some((MessageState::Queued, OLD.into()))).await;
    let moved = PersonRow {
        key: ada,
        version: stand.store.server_now().as_millisecond(),
        address: Some(new.to_ascii_lowercase()),
        fields: json!({ "email": new }).to_string(),
    };
    stand.store.store_persons(&[moved]).await.unwrap();
    if suppressed {
        suppress_new(&stand).await;
    }
    let over = |tables: &Tables| message(tables).is_some_and(|(state, _)| state != MessageState::Queued);
    stand.until("the mail's fate is known", over).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    stand.stop().await;
    stand
}

#[tokio::test(start_paused = true)]
async fn a_suppressed_new_address_gets_nothing_though_no_record_told_of_it() {
    let stand = after_a_move_nobody_tells_of(NEW, true).await;
    assert_eq!(stand.server.accepted(), []);
    assert_eq!(message(&stand.store.tables()), Some((MessageState::Suppressed, NEW.into())));
}

#[tokio::test(start_paused = true)]
async fn mail_follows_to_a_new_address_and_is_written_as_the_person_writes_it() {
    let stand = after_a_move_nobody_tells_of("Ada@Elsewhere.example", false).await;
    let to: Vec<String> = stand.server.accepted().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["Ada@elsewhere.example"]);
    assert_eq!(message(&stand.store.tables()), Some((MessageState::Sent, NEW.into())));
}

/// What mail cannot be sent to is no address: she is written to where she was.
#[tokio::test(start_paused = true)]
async fn an_address_nobody_can_write_to_changes_nothing() {
    let mut stand = Stand::new(with_a_late_mail()).await;
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("she waits", |tables| tables.journeys.len() == 1).await;
    let nonsense = PersonRow {
        key: PartnerKey::new(world::PROGRAM, "ada").unwrap(),
        version: stand.store.server_now().as_millisecond() + 1,
        address: None,
        fields: json!({ "email": "ask my agent" }).to_string(),
    };
    stand.store.store_persons(&[nonsense]).await.unwrap();
    stand.until("she is written to", |tables| tables.sent.len() == 1).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().into_iter().map(|mail| mail.to).collect::<Vec<_>>(), [OLD]);
}

/// Keeps the first mail in hand until told, then refuses it for now.
#[derive(Default)]
struct LaterPlease {
    seen: AtomicUsize,
    answer: Notify,
}

#[async_trait]
impl Script for LaterPlease {
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        if self.seen.fetch_add(1, Ordering::Relaxed) > 0 {
            return None;
        }
        self.answer.notified().await;
        let (code, text, class) = (451, "try again later".into(), RefusalClass::Transient);
        Some(Delivery::Refused { code, enhanced: None, text, class })
    }
}

#[tokio::test(start_paused = true)]
async fn a_mail_put_back_is_judged_for_the_address_that_came_while_it_was_in_hand() {
    let mut stand = Stand::new(with_a_late_mail()).await;
    let script = Arc::new(LaterPlease::default());
    stand.script = Some(script.clone());
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("it is in hand", |tables| message(tables) == Some((MessageState::Attempting, OLD.into()))).await;
    let events = [stand.event("partner.updated", "ada", "ada-moved", json!({ "email": NEW }))];
    stand.take(&events).await;
    stand.until("the move is folded", stand.folded()).await;
    suppress_new(&stand).await;
    script.answer.notify_one();
    stand
        .until("it was put back", |tables| message(tables).is_some_and(|(state, _)| state == MessageState::Queued))
        .await;
    let over = |tables: &Tables| message(tables).is_some_and(|(state, _)| state != MessageState::Queued);
    stand.until("the mail's fate is known", over).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted(), []);
    assert_eq!(message(&stand.store.tables()), Some((MessageState::Suppressed, NEW.into())));
}
