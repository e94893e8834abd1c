//! Which notice an answer is about, where it names only the mail: the same for every process, whatever it has met.

use rapport_memory::store::Tables;
use rapport_sim::world;
use serde_json::{Value, json};

use crate::stand::Stand;

const NOTICE: &str = "notice-of-commission";
const FILE: &str = "workflows/notice-of-commission/workflow.yaml";

/// The mail by which ada was told.
fn mail(tables: &Tables) -> Option<String> {
    tables.messages.values().find(|message| message.row.workflow == NOTICE).map(|message| message.row.id.clone())
}

/// The notices that the answers so far named, in their order; null for one that named none.
fn named(tables: &Tables) -> Vec<Value> {
    let mut answers: Vec<_> =
        tables.journeys.values().filter(|row| row.workflow == "commission-acknowledged").collect();
    answers.sort_by_key(|row| row.started_at);
    let body = |text: &str| serde_json::from_str::<Value>(text).expect("a journey is JSON");
    answers.into_iter().map(|row| body(&row.body)["trigger"]["payload"]["notice"].clone()).collect()
}

/// Another answer to a notice that was acknowledged before its workflow changed. The engine that folded the first one still knows
/// the version of that journey; one that begins now has no reason to read it.
async fn named_after_a_change(starts_again: bool) -> Vec<Value> {
    let mut files = world::shipped_files();
    let mut stand = Stand::new(files.clone()).await;
    stand.start();
    let change = json!({ "notice": "n1", "from": "2099-04-01", "old_rate": 10, "new_rate": 8,
        "url": "https://acme.example/rates" });
    let events = [stand.approved("ada"), stand.event("commission.changed", "ada", "change", change)];
    stand.take(&events).await;
    stand.until("ada's notice is planned", |tables| mail(tables).is_some()).await;
    let message = mail(&stand.store.tables());
    let answer = |stand: &Stand, id: &str| {
        let data = json!({ "survey": "acknowledge-commission", "answer": "seen", "message": message });
        [stand.event("survey.answered", "ada", id, data)]
    };
    let first = answer(&stand, "first");
    stand.take(&first).await;
    let is_over = |tables: &Tables| {
        tables.journeys.values().any(|row| row.workflow == NOTICE && row.exited.is_some()) && named(tables).len() == 1
    };
    stand.until("the notice is acknowledged", is_over).await;
    let changed = files[FILE].replace("for: 7 days", "for: 8 days");
    assert_ne!(changed, files[FILE], "another version");
    files.insert(FILE.into(), changed);
    stand.until("all is folded", stand.folded()).await;
    stand.apply(files).await;
    stand.until("the change is folded", stand.folded()).await;
    if starts_again {
        stand.stop().await;
        stand.start();
    }
    let second = answer(&stand, "second");
    stand.take(&second).await;
    stand.until("the second answer is folded", |tables| named(tables).len() == 2).await;
    stand.stop().await;
    named(&stand.store.tables())
}

#[tokio::test(start_paused = true)]
async fn an_answer_names_no_notice_that_is_over_whether_its_version_is_still_known_or_not() {
    for starts_again in [false, true] {
        let named = named_after_a_change(starts_again).await;
        assert_eq!(named, [json!("n1"), Value::Null], "starts again: {starts_again}");
    }
}
