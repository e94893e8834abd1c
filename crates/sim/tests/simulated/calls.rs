//! Calls of other systems through the real loops: told at least once, under one id, and the journey hears of it once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::stand::Stand;
use async_trait::async_trait;
use rapport_engine::{
    courier::Courier,
    ports::{
        caller::{CallRequest, Called, Caller},
        store::Store,
    },
    readiness::Readiness,
    restore,
};
use rapport_memory::store::Tables;
use rapport_sim::{clock::LiveClock, world};
use serde_json::{Value, json};

/// Tells the customer file of a login, and ends by what became of it.
fn files(stop: &str) -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    let text = format!(
        "workflow: Tell\nowner: a@acme.example\nmail: {{ kind: marketing, topic: onboarding, from: ines }}\n\
         when: login\nonce: per partner\n{stop}steps:\n  - webhook: {{ to: crm, with: {{ name: \"{{{{partner.name}}}}\" }} }}\n  \
         - exit: told\n    if: call.outcome == \"delivered\"\n  - exit: not_told\n"
    );
    files.insert("workflows/tell/workflow.yaml".into(), text);
    files
}

/// Answers in turn, the last for ever; keeps what it was asked.
struct Other {
    answers: Vec<Option<Called>>,
    heard: Mutex<Vec<CallRequest>>,
}

impl Other {
    fn new(answers: impl IntoIterator<Item = Option<Called>>) -> Arc<Self> {
        Arc::new(Self { answers: answers.into_iter().collect(), heard: Mutex::default() })
    }

    fn heard(&self) -> Vec<CallRequest> {
        self.heard.lock().unwrap().clone()
    }
}

#[async_trait]
impl Caller for Other {
    async fn call(&self, request: &CallRequest) -> Called {
        let place = {
            let mut heard = self.heard.lock().unwrap();
            heard.push(request.clone());
            heard.len() - 1
        };
        match self.answers.get(place).or(self.answers.last()) {
            Some(Some(called)) => called.clone(),
            // It heard, and whoever called it dies before it is written.
            _ => std::future::pending().await,
        }
    }

    fn calls_max(&self) -> usize {
        4
    }
}

fn courier(stand: &Stand, caller: &Arc<Other>) -> Courier {
    let store: Arc<dyn Store> = stand.store.clone();
    let clock = Arc::new(LiveClock { store: stand.store.clone() });
    Courier {
        store,
        caller: caller.clone(),
        log: Arc::new(stand.log.clone()),
        clock,
        shards: 1,
        readiness: Readiness::default(),
        guard: Arc::default(),
    }
}

fn again(status: &str) -> Option<Called> {
    Some(Called::Again { reason: status.into(), after: None })
}

async fn begun(stop: &str) -> Stand {
    let mut stand = Stand::new(files(stop)).await;
    stand.start();
    let events = [stand.approved("ada"), stand.event("login", "ada", "l1", json!({}))];
    stand.take(&events).await;
    stand.until("the call is planned", |tables| tables.calls.len() == 1).await;
    stand
}

fn ending(tables: &Tables) -> Option<Value> {
    let row = tables.journeys.values().find(|row| row.workflow == "tell")?;
    let body: Value = serde_json::from_str(&row.body).unwrap();
    row.exited.is_some().then(|| body["state"]["reason"].clone())
}

/// Rounds until the journey is over.
async fn carry_on(stand: &Stand, courier: &Courier) -> Value {
    for _ in 0..20_000 {
        courier.round().await.unwrap();
        let ended = ending(&stand.store.tables());
        if let Some(ended) = ended {
            return ended;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    panic!("the journey never ends");
}

#[tokio::test(start_paused = true)]
async fn a_courier_that_dies_between_call_and_record_calls_again_under_the_same_id() {
    let mut stand = begun("").await;
    let other = Other::new([None, Some(Called::Delivered)]);
    let courier = courier(&stand, &other);
    // It was heard, and the courier is gone before anything was written.
    let died = tokio::time::timeout(Duration::from_secs(1), courier.round()).await;
    assert!(died.is_err() && other.heard().len() == 1);
    assert_eq!(courier.round().await.unwrap(), 0, "its lease holds");
    assert_eq!(carry_on(&stand, &courier).await["detail"], "told");
    let heard = other.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!((&heard[0].id, &heard[0].body), (&heard[1].id, &heard[1].body), "the other side can tell a repetition");
    let body: Value = serde_json::from_slice(&heard[0].body).unwrap();
    assert_eq!((&body["type"], &body["data"]["with"]["name"]), (&json!("journey.called"), &json!("ada")));
    stand.until("all is folded", stand.folded()).await;
    let tables = stand.store.tables().clone();
    assert_eq!(tables.calls.values().map(|call| call.state).collect::<Vec<_>>(), ["delivered"]);
    assert!(!format!("{:?}", tables.calls).contains("\"ada\"}"), "no state holds the name");
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_until_its_time_is_over() {
    let mut stand = begun("").await;
    let other =
        Other::new([again("status 500"), again("timeout"), Some(Called::Refused { reason: "status 410".into() })]);
    let courier = courier(&stand, &other);
    assert_eq!(carry_on(&stand, &courier).await["detail"], "not_told");
    let at: Vec<i64> = other.heard().iter().map(|request| request.at.as_second()).collect();
    assert!(at[1] - at[0] >= 5 && at[2] - at[1] >= 20, "{at:?}");
    assert_eq!(stand.store.tables().calls.values().next().unwrap().reason.as_deref(), Some("status 410"));
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_journey_ended_is_taken_back() {
    let mut stand = begun("stop_when: [conversion.recorded]\n").await;
    let other = Other::new([None]);
    let courier = courier(&stand, &other);
    let tried = tokio::time::timeout(Duration::from_secs(1), courier.round()).await;
    assert!(tried.is_err());
    let sale = [stand.sale("ada", "a1")];
    stand.take(&sale).await;
    stand.until("it ends", |tables| ending(tables).is_some()).await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(courier.round().await.unwrap(), 0);
    assert_eq!(stand.store.tables().calls.values().next().unwrap().state, "cancelled");
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restored_database_makes_no_call_again() {
    let mut stand = Stand::new(files("")).await;
    stand.start();
    let first = [stand.approved("ada"), stand.approved("bob")];
    stand.take(&first).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let backup = stand.store.tables().clone();
    stand.start();
    let second = [stand.event("login", "ada", "l1", json!({}))];
    stand.take(&second).await;
    stand.until("the call is planned", |tables| tables.calls.len() == 1).await;
    let other = Other::new([Some(Called::Delivered)]);
    let before = courier(&stand, &other);
    assert_eq!(carry_on(&stand, &before).await["detail"], "told");
    // Planned, and never made: of it the log tells nothing.
    let third = [stand.event("login", "bob", "l2", json!({}))];
    stand.take(&third).await;
    stand.until("another call is planned", |tables| tables.calls.len() == 2).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;

    *stand.store.tables() = Tables { processes: BTreeMap::new(), ..backup };
    stand.readiness = Readiness::default();
    stand.start();
    let after = courier(&stand, &other);
    assert!(after.round().await.is_err(), "nobody has accepted it");
    restore::accept(&stand.log, stand.store.as_ref()).await.unwrap();
    stand.until("it goes on", stand.folded()).await;
    stand.until("both are planned again", |tables| tables.calls.len() == 2).await;
    for _ in 0..100 {
        after.round().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(other.heard().len(), 1, "made before");
    let tables = stand.store.tables().clone();
    let mut ends: Vec<_> = tables.calls.values().map(|call| (call.state, call.reason.clone())).collect();
    ends.sort();
    assert_eq!(ends, [("delivered", Some(String::new())), ("failed", Some("database_restored".to_owned()))]);
    let told = tables.journeys.values().filter(|row| row.workflow == "tell" && row.exited.is_some()).count();
    assert_eq!(told, 2, "both journeys heard of an end");
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}
