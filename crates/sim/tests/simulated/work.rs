//! Tasks and cases, by journeys and by people, through the real loops.

use std::{collections::BTreeMap, time::Duration};

use crate::stand::Stand;
use rapport_engine::{
    ports::{
        operating::TaskQuery,
        rows::{TaskEnd, TaskKind, TaskRow},
        store::Store as _,
    },
    shard::facts::open_cases,
    work::{self, NewCase},
};
use rapport_event::PartnerKey;
use rapport_memory::store::Tables;
use rapport_partner::{Measure, PartnerState};
use rapport_sim::world;
use serde_json::json;

/// Opens a case and asks a question; what comes of both is told to others.
fn files() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    let text = "workflow: Look after\nowner: a@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
        when: login\nonce: per partner\nsteps:\n\
        - open_case: { objective: \"Call {{partner.name}}\", owner: ines, due: 2 days }\n\
        - wait_for: case.resolved\n  at_most: 30 days\n  then: [{ exit: resolved, if: awaited.outcome == \"solved\" }]\n\
        - task: { to: ines, ask: \"More?\", choices: [yes, later], due: 30 minutes, default: later }\n";
    files.insert("workflows/look-after/workflow.yaml".into(), text.replace("[yes,", "[\"yes\","));
    files
}

fn state(tables: &Tables, key: &PartnerKey) -> PartnerState {
    let (_, row) = &tables.partners[key];
    PartnerState::decode(&row.hot, row.days.as_deref()).unwrap()
}

fn sum(state: &PartnerState, measure: Measure) -> i64 {
    state.sum(measure, i32::MIN, i32::MAX)
}

async fn all(stand: &Stand, kind: TaskKind) -> Vec<TaskRow> {
    let query = TaskQuery { kind: Some(kind), limit: 9, ..TaskQuery::default() };
    stand.store.tasks(&query).await.unwrap()
}

fn ended(stand: &Stand, outcome: &str) -> TaskEnd {
    TaskEnd { at: stand.store.server_now(), by: "kari".into(), outcome: outcome.into(), note: Some("called".into()) }
}

#[tokio::test(start_paused = true)]
async fn a_case_of_a_journey_is_resolved_once_and_counts_its_hours() {
    let mut stand = Stand::new(files()).await;
    stand.start();
    let events = [stand.approved("ada"), stand.event("login", "ada", "l1", json!({}))];
    stand.take(&events).await;
    stand.until("the case is open", |tables| tables.tasks.len() == 1).await;
    let key = PartnerKey::new(world::PROGRAM, "ada").unwrap();
    assert_eq!(open_cases(&state(&stand.store.tables(), &key)).len(), 1);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let [case] = &all(&stand, TaskKind::Case).await[..] else { panic!("one case") };
    assert_eq!((case.text.as_str(), case.opened_by.as_str()), ("Call {{partner.name}}", "workflow"));
    let end = ended(&stand, "solved");
    assert!(work::end(stand.store.as_ref(), 1, case, &end).await.unwrap());
    assert!(!work::end(stand.store.as_ref(), 1, case, &ended(&stand, "unsolved")).await.unwrap(), "it has its outcome");
    stand
        .until("the journey ends", |tables| {
            tables.journeys.values().any(|row| row.workflow == "look-after" && row.exited.is_some())
        })
        .await;
    stand.until("all is folded", stand.folded()).await;
    let tables = stand.store.tables().clone();
    let state = state(&tables, &key);
    assert_eq!(open_cases(&state).len(), 0);
    assert_eq!((sum(&state, Measure::TasksDone), sum(&state, Measure::TaskMinutes)), (1, 60));
    assert_eq!(tables.tasks.values().next().unwrap().ended, Some(end));
    assert!(
        tables.audits.iter().any(|line| line.action == "case_resolve" && line.because.as_deref() == Some("called"))
    );
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_nobody_answers_is_closed_with_its_default() {
    let mut stand = Stand::new(files()).await;
    stand.start();
    let events = [stand.approved("ada"), stand.event("login", "ada", "l1", json!({}))];
    stand.take(&events).await;
    stand.until("the case is open", |tables| tables.tasks.len() == 1).await;
    let [case] = &all(&stand, TaskKind::Case).await[..] else { panic!("one case") };
    assert!(work::end(stand.store.as_ref(), 1, case, &ended(&stand, "withdrawn")).await.unwrap());
    stand.until("it asks", |tables| tables.tasks.len() == 2).await;
    tokio::time::sleep(Duration::from_secs(40 * 60)).await;
    stand.until("the default is taken", |tables| tables.tasks.values().all(|row| row.ended.is_some())).await;
    let [question] = &all(&stand, TaskKind::Task).await[..] else { panic!("one question") };
    let end = question.ended.as_ref().unwrap();
    assert_eq!((end.by.as_str(), end.outcome.as_str()), ("rapport", "later"));
    assert!(!work::end(stand.store.as_ref(), 1, question, &ended(&stand, "yes")).await.unwrap());
    let key = PartnerKey::new(world::PROGRAM, "ada").unwrap();
    assert_eq!(sum(&state(&stand.store.tables(), &key), Measure::TasksDone), 0, "nobody resolved anything");
    stand.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_opens_a_case_and_hands_it_on() {
    let mut stand = Stand::new(world::shipped_files()).await;
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    stand.until("ada is known", stand.folded()).await;
    let key = PartnerKey::new(world::PROGRAM, "ada").unwrap();
    let at = stand.store.server_now();
    let due = at + Duration::from_secs(86_400);
    let new = NewCase { key: &key, objective: "Find out why", owner: "ines", due, by: "kari", at };
    let row = work::open_case(stand.store.as_ref(), 1, &new).await.unwrap();
    let again = work::open_case(stand.store.as_ref(), 1, &new).await.unwrap();
    assert_eq!(row.id, again.id);
    stand.until("her shard knows", |tables| open_cases(&state(tables, &key)).len() == 1).await;
    assert!(work::assign(stand.store.as_ref(), &row, "kari", None, ("kari", at)).await.unwrap());
    let [case] = &all(&stand, TaskKind::Case).await[..] else { panic!("one case") };
    assert_eq!((case.assignee.as_str(), case.due, case.opened_by.as_str()), ("kari", None, "person:kari"));
    assert!(work::end(stand.store.as_ref(), 1, case, &ended(&stand, "unsolved")).await.unwrap());
    assert!(!work::assign(stand.store.as_ref(), case, "ines", None, ("kari", at)).await.unwrap(), "it is over");
    stand.until("it is over", |tables| open_cases(&state(tables, &key)).is_empty()).await;
    stand.stop().await;
}
