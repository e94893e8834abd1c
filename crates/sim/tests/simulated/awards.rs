//! Awards, by journeys and by people, through the real loops.

use std::collections::BTreeMap;

use crate::stand::Stand;
use rapport_engine::{
    records::NewAward,
    rulebooks::Rulebooks,
    shard::{facts::awards, react::Given},
    work,
};
use rapport_event::{Kind, PartnerKey};
use rapport_memory::store::Tables;
use rapport_partner::{Measure, PartnerState};
use rapport_sim::world;
use serde_json::json;

/// Every login is an award; whoever gets one hears of it.
fn files() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    let head = "owner: a@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n";
    let text = format!(
        "workflow: Honour\n{head}when: login\nonce: per event\nsteps:\n\
         - award: {{ kind: performance, because: \"for {{{{logins_total}}}} visits\" }}\n\
         - award: {{ kind: special-project }}\n  if: '\"performance\" in partner.awards'\n"
    );
    files.insert("workflows/honour/workflow.yaml".into(), text);
    files
}

fn key() -> PartnerKey {
    PartnerKey::new(world::PROGRAM, "ada").unwrap()
}

fn state(tables: &Tables) -> PartnerState {
    let (_, row) = &tables.partners[&key()];
    PartnerState::decode(&row.hot, row.days.as_deref()).unwrap()
}

fn told(given: &[Given]) -> Vec<(&str, Option<&str>)> {
    given.iter().map(|given| (&*given.award, given.because.as_deref())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_journey_gives_an_award_as_often_as_the_files_allow() {
    let mut stand = Stand::new(files()).await;
    stand.start();
    let events = [stand.approved("ada"), stand.event("login", "ada", "l1", json!({}))];
    stand.take(&events).await;
    stand
        .until("the first awards", |tables| tables.partners.contains_key(&key()) && awards(&state(tables)).len() == 2)
        .await;
    let again = [stand.event("login", "ada", "l2", json!({}))];
    stand.take(&again).await;
    stand.until("the second", |tables| awards(&state(tables)).len() == 3).await;
    stand.until("all is folded", stand.folded()).await;
    let state = state(&stand.store.tables());
    assert_eq!(
        told(&awards(&state)),
        [("performance", Some("for 1 visits")), ("special-project", None), ("special-project", None)],
        "performance is once a year, the project award is not limited"
    );
    assert_eq!(state.sum(Measure::Awards, i32::MIN, i32::MAX), 3);
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_gives_twice_in_one_breath_is_one_award_and_she_is_told() {
    let mut stand = Stand::new(files()).await;
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("she is known", |tables| tables.partners.contains_key(&key())).await;
    let rules = Rulebooks::new(stand.store.clone()).current().await.unwrap().unwrap();
    let (key, languages) = (key(), ["en".to_owned()]);
    let new = NewAward {
        id: "award:1",
        key: &key,
        award: &rules.rulebook.awards["spot"],
        languages: &languages,
        because: Some("for the winter guide"),
        training: None,
        at: stand.store.server_now(),
    };
    for _ in 0..2 {
        work::award(stand.store.as_ref(), 1, &new, "kari").await.unwrap();
    }
    stand.until("her shard knows", |tables| awards(&state(tables)).len() == 1).await;
    stand
        .until("she is told", |tables| tables.messages.values().any(|message| message.row.workflow == "recognition"))
        .await;
    stand.until("all is folded", stand.folded()).await;
    assert_eq!(told(&awards(&state(&stand.store.tables()))), [("spot", Some("for the winter guide"))]);
    assert!(stand.store.tables().audits.iter().any(|line| line.action == "award" && line.by == "kari"));
    let told = rapport_engine::records::awarded(&new, None, Some("kari"));
    assert_eq!(
        (&told.kind, told.facts()["summary"].as_str()),
        (&Kind::PartnerAwarded, Some("Well done: for the winter guide"))
    );
    stand.stop().await;
}
