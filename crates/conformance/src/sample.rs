//! Small rows to begin with, and an owner that commits them.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rapport_event::id::PartnerKey;

use rapport_engine::ports::keep::{Keep, Retention};
use rapport_engine::ports::rows::{
    JourneyRow, MessageRow, MessageState, OutboxRow, PartnerRow, PersonRow, ShardCommit, Target, TimerRow,
};
use rapport_engine::ports::store::{
    Attempt, ClaimRequest, Committed, EndedMessage, RecipientSnapshot, RecipientVerdict, Store,
};

/// Nobody is silent for so long in a test.
pub(super) const LONG: Duration = Duration::from_secs(3600);

/// A Sunday noon, and some minutes after it.
pub(super) fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(20 * 24 * 365) + SignedDuration::from_mins(minutes)
}

pub(super) fn key(partner: &str) -> PartnerKey {
    PartnerKey::new("shop", partner).expect("a valid key")
}

pub(super) fn partner(name: &str) -> PartnerRow {
    PartnerRow { key: key(name), hot: name.as_bytes().to_vec(), days: None }
}

pub(super) fn journey(id: &str, partner: &str) -> JourneyRow {
    JourneyRow {
        id: id.into(),
        key: key(partner),
        workflow: "welcome".into(),
        version: "v1".into(),
        started_at: at(0),
        exited: None,
        held_out: false,
        body: format!(r#"{{"id":"{id}","key":"{id}"}}"#),
    }
}

pub(super) fn timer(partner: &str, subject: &str, minutes: i64) -> TimerRow {
    TimerRow { due: at(minutes), subject: subject.into(), key: key(partner), seq: 1 }
}

pub(super) fn message(id: &str, partner: &str, due: i64) -> MessageRow {
    MessageRow {
        id: id.into(),
        shard: 0,
        key: key(partner),
        workflow: "welcome".into(),
        journey: format!("journey-{id}"),
        step: "hello".into(),
        mail: "hello".into(),
        rulebook: "book".into(),
        kind: "marketing".into(),
        topic: "tips".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: at(0),
        due: at(due),
        expires: at(100_000),
        context: r#"{"sales":3}"#.into(),
    }
}

pub(super) fn person(partner: &str, version: i64, address: Option<&str>) -> PersonRow {
    let fields = address.map_or("{}".into(), |address| format!(r#"{{"email":"{address}"}}"#));
    PersonRow { key: key(partner), version, address: address.map(Into::into), fields }
}

pub(super) fn record(event_id: &str) -> OutboxRow {
    OutboxRow {
        target: Target::Events,
        event_id: event_id.into(),
        shard: 0,
        key: b"shop/a".to_vec(),
        value: event_id.as_bytes().to_vec(),
    }
}

/// The end of a message, with an outcome record named after both.
pub(super) fn ended(id: &str, state: MessageState) -> EndedMessage {
    EndedMessage {
        id: id.into(),
        state,
        reason: "because".into(),
        at: at(5),
        outbox: record(&format!("{id}/{}", state.code())),
        reply: None,
        along: Vec::new(),
    }
}

/// Shard 0, owned: commits what it is given under the right epoch and number.
pub(super) struct Owner {
    pub(super) store: Arc<dyn Store>,
    pub(super) epoch: i64,
    pub(super) commit_no: i64,
}

impl Owner {
    pub(super) async fn new(store: &Arc<dyn Store>) -> Self {
        store.create_shards(2).await.expect("shards");
        let row = store.take_shard(0, "engine-a", LONG).await.expect("take").expect("free");
        Self { store: Arc::clone(store), epoch: row.epoch, commit_no: row.commit_no }
    }

    /// An empty batch at the present `at(0)`.
    pub(super) fn batch(&self) -> ShardCommit {
        ShardCommit { epoch: self.epoch, commit_no: self.commit_no, clock: Some(at(0)), ..ShardCommit::default() }
    }

    pub(super) async fn commit(&mut self, change: impl FnOnce(&mut ShardCommit)) {
        let mut batch = self.batch();
        change(&mut batch);
        assert_eq!(self.store.commit_shard(&batch).await.expect("commit"), Committed::Done);
        self.commit_no += 1;
    }

    /// Partner `name` with an address, a journey per message, and the messages.
    pub(super) async fn plan(&mut self, name: &str, messages: Vec<MessageRow>) {
        let address = format!("{name}@x.example");
        self.store.store_persons(&[person(name, 1, Some(&address))]).await.expect("person");
        self.commit(|batch| {
            batch.partners.push(partner(name));
            batch.journeys = messages.iter().map(|message| journey(&message.journey, name)).collect();
            batch.messages = messages;
        })
        .await;
    }
}

pub(super) fn request(mailer: &str, now: i64) -> ClaimRequest {
    ClaimRequest { mailer: mailer.into(), now: at(now), limit: 10, clock_at_least: at(0), burst: None }
}

/// A policy that sends the first due message.
pub(super) fn send_first(snapshot: &RecipientSnapshot) -> RecipientVerdict {
    RecipientVerdict { take: snapshot.due.first().map(|due| due.message.id.clone()), ..RecipientVerdict::default() }
}

pub(super) async fn claim(store: &Arc<dyn Store>, mailer: &str, now: i64) -> Vec<Attempt> {
    store.claim(&request(mailer, now), &send_first).await.expect("claim").attempts
}

pub(super) async fn claim_one(store: &Arc<dyn Store>, mailer: &str, now: i64) -> Attempt {
    let mut attempts = claim(store, mailer, now).await;
    assert_eq!(attempts.len(), 1, "one message is claimable");
    attempts.remove(0)
}

/// The ids of records that wait in the outbox.
pub(super) async fn waiting(store: &Arc<dyn Store>) -> Vec<String> {
    store.outbox(1000).await.expect("outbox").into_iter().map(|row| row.row.event_id).collect()
}

/// Where a partner's message is.
pub(super) async fn state(store: &Arc<dyn Store>, partner: &str, id: &str) -> (MessageState, Option<String>) {
    let story = store.story(&key(partner)).await.expect("story").expect("a known partner");
    let told = story.messages.into_iter().find(|told| told.message.id == id).expect("a planned message");
    (told.state, told.reason)
}

/// No check of `doctor` finds anything.
pub(super) async fn assert_sound(store: &Arc<dyn Store>) {
    let broken: Vec<_> =
        store.check_invariants().await.expect("invariants").into_iter().filter(|(_, rows)| *rows != 0).collect();
    assert_eq!(broken, []);
}

/// Removes what is past its usual keep, of every class.
pub async fn prune(store: &Arc<dyn Store>, now: Timestamp, history_days: u32) -> u64 {
    let mut removed = 0;
    for keep in Keep::all(history_days, &Retention::usual(history_days)) {
        removed += store.prune(now, keep).await.unwrap();
    }
    removed
}
