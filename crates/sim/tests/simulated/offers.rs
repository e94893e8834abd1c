//! What the coordinator answers: an offer is promised once and within the budget, and what is given back is free again.

use std::sync::Arc;

use jiff::SignedDuration;
use rapport_engine::{
    apply,
    coordinator::{Coordinator, Decided, OfferRequest},
    ownership::EngineParts,
    ports::{
        operating::TaskQuery,
        rows::{
            COORDINATOR, MessageRow, MessageState, OutboxRow, PersonRow, RequestRow, ShardCommit, Target, TaskEnd,
            TaskKind, TaskRow,
        },
        store::{Attempt, ClaimRequest, Committed, EndedMessage, RecipientVerdict, Settlement, Store},
    },
    readiness::Readiness,
    records, restore,
    rulebooks::{Applied, Rulebooks},
    shard::react::{REQUEST_OFFER, REQUEST_RELEASE},
    work,
};
use rapport_event::{Kind, PartnerKey};
use rapport_memory::{log::MemoryLog, store::MemoryStore};
use rapport_sim::{clock::LiveClock, world};

const LONG: std::time::Duration = std::time::Duration::from_secs(3600);

/// One shard and the coordinator, on the shipped files: `comeback-bonus` is 50 EUR once a year.
struct Stand {
    memory: Arc<MemoryStore>,
    store: Arc<dyn Store>,
    coordinator: Coordinator,
    commits: i64,
}

fn key(partner: &str) -> PartnerKey {
    PartnerKey::new("default", partner).unwrap()
}

impl Stand {
    /// `budget` as in the files.
    async fn new(budget: &str) -> Self {
        let memory = Arc::new(MemoryStore::default());
        let store: Arc<dyn Store> = memory.clone();
        store.create_shards(1).await.unwrap();
        let mut texts = world::shipped_files();
        let offers = texts.get_mut("config/offers.yaml").unwrap();
        assert!(offers.contains("5000 EUR per quarter"));
        *offers = offers.replace("5000 EUR per quarter", budget);
        if budget.contains("approve_above") {
            *offers = offers.replace("  approve_above: 500 EUR\n", "");
        }
        let request =
            apply::Request { texts, by: "test".into(), since: None, approval: apply::Approval::NotNeeded, plan: None };
        apply::apply(&store, request, 1, memory.server_now()).await.unwrap();
        store.take_shard(0, "engine", LONG).await.unwrap().unwrap();
        let row = store.take_shard(COORDINATOR, "engine", LONG).await.unwrap().unwrap();
        let parts = EngineParts {
            store: store.clone(),
            log: Arc::new(MemoryLog::new(1)),
            clock: Arc::new(LiveClock { store: memory.clone() }),
            rulebooks: Arc::new(Rulebooks::new(store.clone())),
            readiness: Readiness::default(),
            tells_signals: false,
        };
        Self { memory, store, coordinator: Coordinator::new(parts, row, 1), commits: 0 }
    }

    async fn commit(&mut self, change: impl FnOnce(&mut ShardCommit)) {
        let mut batch = ShardCommit { epoch: 1, commit_no: self.commits, ..ShardCommit::default() };
        change(&mut batch);
        assert_eq!(self.store.commit_shard(&batch).await.unwrap(), Committed::Done);
        self.commits += 1;
    }

    fn request(&self, kind: &str, partner: &str, message: &str) -> RequestRow {
        let offer = if kind == REQUEST_OFFER { "comeback-bonus" } else { "" };
        let wanted = OfferRequest {
            offer: offer.into(),
            message: message.into(),
            step: "s".into(),
            workflow: "re-engagement".into(),
        };
        RequestRow {
            id: format!("{kind}:{message}"),
            key: key(partner),
            journey: format!("journey-{message}"),
            kind: kind.into(),
            body: serde_json::to_string(&wanted).unwrap(),
            at: self.memory.server_now(),
        }
    }

    /// Asks, and tells what the coordinator records.
    async fn ask(&mut self, requests: &[(&str, &str, &str)]) -> Vec<Kind> {
        let rows: Vec<_> =
            requests.iter().map(|(kind, partner, message)| self.request(kind, partner, message)).collect();
        self.commit(|batch| batch.requests = rows).await;
        self.decide().await
    }

    async fn decide(&mut self) -> Vec<Kind> {
        while self.coordinator.decide_once().await.unwrap() == Decided::Something {}
        let rows = self.store.outbox(100).await.unwrap();
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        self.store.outbox_done(&numbers).await.unwrap();
        let events = rows.iter().map(|row| records::read(&row.row.value).unwrap().kind);
        events.filter(|kind| matches!(kind, Kind::OfferGranted | Kind::OfferRefused)).collect()
    }

    async fn rulebook(&self) -> Arc<Applied> {
        Rulebooks::new(self.store.clone()).current().await.unwrap().unwrap()
    }

    fn held(&self) -> i64 {
        self.memory.tables().reservations.values().map(|row| row.minor).sum()
    }

    /// Plans the message with the offer, and puts it into a mailer's hand.
    async fn in_hand(&mut self, partner: &str, message: &str) -> Attempt {
        let now = self.memory.server_now();
        let address = format!("{partner}@x.example");
        let person = PersonRow { key: key(partner), version: 1, address: Some(address), fields: "{}".into() };
        self.store.store_persons(&[person]).await.unwrap();
        let row = MessageRow {
            id: message.into(),
            shard: 0,
            key: key(partner),
            workflow: "re-engagement".into(),
            journey: format!("journey-{message}"),
            step: "s".into(),
            mail: "incentive".into(),
            rulebook: "book".into(),
            kind: "marketing".into(),
            topic: "tips".into(),
            priority: 0,
            policy: "at_most_once".into(),
            planned_at: now,
            due: now,
            expires: now + SignedDuration::from_hours(48),
            context: "{}".into(),
        };
        self.commit(|batch| {
            batch.clock = Some(now);
            batch.messages.push(row);
        })
        .await;
        let request = ClaimRequest { mailer: "mailer".into(), now, limit: 1, clock_at_least: now, burst: None };
        let take = |snapshot: &rapport_engine::ports::store::RecipientSnapshot| RecipientVerdict {
            take: snapshot.due.first().map(|due| due.message.id.clone()),
            ..RecipientVerdict::default()
        };
        self.store.claim(&request, &take).await.unwrap().attempts.remove(0)
    }

    async fn settle(&self, attempt: &Attempt, state: MessageState) {
        let id = attempt.due.message.id.clone();
        let outbox = OutboxRow {
            event_id: format!("end:{id}"),
            shard: 0,
            target: Target::Events,
            key: Vec::new(),
            value: Vec::new(),
        };
        let at = self.memory.server_now();
        let ended = EndedMessage { id, state, reason: String::new(), at, outbox, reply: None, along: Vec::new() };
        assert!(self.store.settle(attempt, &Settlement::Ended(ended)).await.unwrap());
        let rows = self.store.outbox(100).await.unwrap();
        self.store.outbox_done(&rows.iter().map(|row| row.number).collect::<Vec<_>>()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_given_back_may_be_promised_again() {
    let mut stand = Stand::new("5000 EUR per quarter").await;
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1")]).await, [Kind::OfferGranted]);
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m2")]).await, [Kind::OfferRefused], "once a year");
    assert_eq!(stand.ask(&[(REQUEST_RELEASE, "a", "m1"), (REQUEST_RELEASE, "a", "m2")]).await, []);
    assert_eq!(stand.held(), 0);
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m3")]).await, [Kind::OfferGranted]);
    // Told twice it is given back once.
    assert_eq!(stand.ask(&[(REQUEST_RELEASE, "a", "m1")]).await, []);
    assert_eq!(stand.held(), 5000);
}

#[tokio::test]
async fn the_budget_is_free_again() {
    let mut stand = Stand::new("50 EUR per quarter").await;
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1")]).await, [Kind::OfferGranted]);
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "b", "m2")]).await, [Kind::OfferRefused]);
    assert_eq!(stand.ask(&[(REQUEST_RELEASE, "a", "m1")]).await, []);
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "b", "m3")]).await, [Kind::OfferGranted]);
}

#[tokio::test]
async fn asked_and_given_back_at_once_it_is_free() {
    let mut stand = Stand::new("50 EUR per quarter").await;
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1"), (REQUEST_RELEASE, "a", "m1")]).await, [Kind::OfferGranted]);
    assert_eq!(stand.held(), 0);
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m2")]).await, [Kind::OfferGranted]);
}

#[tokio::test]
async fn a_mail_in_hand_decides_whether_the_offer_comes_back() {
    for (state, held) in [(MessageState::Sent, 5000), (MessageState::InDoubt, 5000), (MessageState::Failed, 0)] {
        let mut stand = Stand::new("5000 EUR per quarter").await;
        stand.ask(&[(REQUEST_OFFER, "a", "m1")]).await;
        let attempt = stand.in_hand("a", "m1").await;
        stand.ask(&[(REQUEST_RELEASE, "a", "m1")]).await;
        assert_eq!((stand.held(), stand.memory.tables().requests.len()), (5000, 1), "the request waits");
        stand.settle(&attempt, state).await;
        stand.decide().await;
        assert_eq!((stand.held(), stand.memory.tables().requests.len()), (held, 0), "{state:?}");
    }
}

/// The shipped files with a workflow that lets two in a day.
fn with_two_a_day() -> std::collections::BTreeMap<String, String> {
    let mut files = world::shipped_files();
    let text = "workflow: Two\nowner: a@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
                when: login\nonce: per partner\nat_most: 2 partners per day\nsteps:\n  - exit: begun\n";
    files.insert("workflows/two/workflow.yaml".into(), text.into());
    files
}

#[tokio::test(start_paused = true)]
async fn two_a_day_begin_and_the_others_wait_in_order_or_are_left_out() {
    let mut stand = crate::stand::Stand::new(with_two_a_day()).await;
    stand.start();
    for partner in 0..10 {
        let name = format!("p{partner}");
        let events =
            [stand.approved(&name), stand.event("login", &name, &format!("l{partner}"), serde_json::json!({}))];
        stand.take(&events).await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let states = |tables: &rapport_memory::store::Tables| {
        let mut states: Vec<(String, String, String)> = Vec::new();
        for row in tables.journeys.values().filter(|row| row.workflow == "two") {
            let body: serde_json::Value = serde_json::from_str(&row.body).unwrap();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let code = text(&body["state"]["reason"]["code"]);
            states.push((row.key.partner.to_string(), text(&body["state"]["until"]), code));
        }
        states.sort();
        states
    };
    stand
        .until("all are answered", |tables| {
            let states = states(tables);
            states.len() == 10 && states.iter().all(|(_, until, code)| !until.is_empty() || !code.is_empty())
        })
        .await;
    let found = states(&stand.store.tables());
    let codes: Vec<&str> = found.iter().map(|(_, _, code)| code.as_str()).collect();
    assert_eq!(
        codes,
        ["exit", "exit", "", "", "", "", "", "", "no_place", "no_place"],
        "in the order of their triggers"
    );
    let days: Vec<&str> = found[2..8].iter().map(|(_, until, _)| until.as_str()).collect();
    assert!(days[0] == days[1] && days[1] < days[2] && days[2] == days[3] && days[3] < days[4], "{days:?}");
    let tables = stand.store.tables().clone();
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test]
async fn what_a_restored_database_asks_again_was_answered() {
    let mut stand = Stand::new("50 EUR per quarter").await;
    let (first, second) = (stand.request(REQUEST_OFFER, "ada", "m1"), stand.request(REQUEST_OFFER, "bob", "m2"));
    // Folded again out of order: bob is back before ada, whom the log knows to have got the last of it.
    let now = stand.memory.server_now();
    let accepted = now + SignedDuration::from_hours(1);
    stand.store.set_meta("restore.accepted_at", &accepted.as_millisecond().to_string()).await.unwrap();
    let behind = |batch: &mut ShardCommit, request: RequestRow| {
        batch.clock = Some(now);
        batch.requests = vec![request];
    };
    stand.commit(|batch| behind(batch, second.clone())).await;
    assert_eq!(stand.decide().await, [], "the log may hold the answer");
    stand.commit(|batch| behind(batch, first.clone())).await;
    assert_eq!(stand.decide().await, []);
    let wanted = OfferRequest {
        offer: "comeback-bonus".into(),
        message: "m1".into(),
        step: "s".into(),
        workflow: "re-engagement".into(),
    };
    let given = rapport_engine::ports::rows::ReservationRow {
        offer: wanted.offer.clone(),
        key: first.key.clone(),
        journey: first.journey.clone(),
        at: first.at,
        minor: 5000,
        currency: "EUR".into(),
    };
    let told = records::offer_answer(&first, &wanted, Ok(&given));
    let rulebook = stand.rulebook().await;
    let rebuilt = restore::rebuilt(&told, Some(&rulebook.rulebook));
    stand
        .commit(|batch| {
            batch.clock = Some(accepted);
            batch.rebuilt.extend(rebuilt);
        })
        .await;
    assert_eq!(stand.memory.tables().reservations.values().cloned().collect::<Vec<_>>(), [given]);
    assert_eq!(stand.decide().await, [Kind::OfferRefused], "bob, whom the log told nothing");
    assert_eq!(stand.held(), 5000);
    assert!(stand.memory.tables().requests.is_empty());
}

/// A person has to approve the offer of 50 EUR.
async fn dear() -> Stand {
    Stand::new("5000 EUR per quarter\n  approve_above: 10 EUR").await
}

async fn asked(stand: &Stand) -> Vec<TaskRow> {
    let query = TaskQuery { kind: Some(TaskKind::Task), limit: 9, ..TaskQuery::default() };
    stand.store.tasks(&query).await.unwrap()
}

async fn answer(stand: &Stand, task: &TaskRow, outcome: &str) {
    let end = TaskEnd { at: stand.memory.server_now(), by: "kari".into(), outcome: outcome.into(), note: None };
    assert!(work::end(stand.store.as_ref(), 1, task, &end).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_offer_above_its_limit_waits_for_a_persons_yes() {
    for (outcome, told, held) in [("approve", Kind::OfferGranted, 5000), ("decline", Kind::OfferRefused, 0)] {
        let mut stand = dear().await;
        assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1")]).await, []);
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        assert_eq!(stand.decide().await, [], "nobody said anything");
        let [task] = &asked(&stand).await[..] else { panic!("one question") };
        assert_eq!(task.text, "May {{partner.name}} be promised 50.00 EUR (comeback-bonus)?");
        assert_eq!((task.assignee.as_str(), task.choices.len()), ("partner-success@acme.example", 2));
        answer(&stand, task, outcome).await;
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        assert_eq!(stand.decide().await, [told]);
        assert_eq!((stand.held(), stand.memory.tables().requests.len()), (held, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_for_what_cannot_be_given_or_is_wanted_no_more() {
    let mut stand = dear().await;
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1"), (REQUEST_RELEASE, "a", "m1")]).await, []);
    assert_eq!((asked(&stand).await.len(), stand.memory.tables().requests.len()), (0, 0));
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m2")]).await, []);
    assert_eq!(stand.ask(&[(REQUEST_RELEASE, "a", "m2")]).await, [], "its journey is over");
    let [task] = &asked(&stand).await[..] else { panic!("one question") };
    assert_eq!(task.ended.as_ref().map(|end| end.by.as_str()), Some("rapport"));
    assert_eq!(stand.memory.tables().requests.len(), 0);
    let mut spent = Stand::new("40 EUR per quarter\n  approve_above: 10 EUR").await;
    assert_eq!(spent.ask(&[(REQUEST_OFFER, "a", "m1")]).await, [Kind::OfferRefused]);
    assert_eq!(asked(&spent).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_answer_nobody_gives_in_a_week_is_no() {
    let mut stand = dear().await;
    assert_eq!(stand.ask(&[(REQUEST_OFFER, "a", "m1")]).await, []);
    tokio::time::advance(std::time::Duration::from_secs(7 * 86_400 + 5)).await;
    assert_eq!(stand.decide().await, [Kind::OfferRefused]);
    let [task] = &asked(&stand).await[..] else { panic!("one question") };
    assert_eq!(task.ended.as_ref().map(|end| end.outcome.as_str()), Some("decline"));
}
