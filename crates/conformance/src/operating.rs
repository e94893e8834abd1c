//! Pauses and the audit.

use std::sync::Arc;

use crate::sample::{Owner, at, claim, claim_one, key, message, record, waiting};
use rapport_engine::ports::operating::{AuditRow, Lift, Operation, PauseRow, PauseScope, TaskChange, TaskQuery};
use rapport_engine::ports::rows::{MessageRow, TaskClosed, TaskEnd, TaskKind, TaskRow};
use rapport_engine::ports::store::Store;

fn begins(id: &str, scope: PauseScope, until: Option<i64>) -> Operation {
    let pause = PauseRow {
        id: id.into(),
        scope,
        since: at(0),
        until: until.map(at),
        by: "kari".into(),
        because: "prices are wrong".into(),
    };
    Operation {
        audit: AuditRow { because: Some("prices are wrong".into()), ..AuditRow::done("pause", id, "kari", at(0)) },
        once: false,
        begin: Some(pause),
        lift: None,
        task: None,
        outbox: vec![record(&format!("pause-{id}"))],
    }
}

fn ends(id: &str, minutes: i64, only_if_over: bool) -> Operation {
    Operation {
        audit: AuditRow::done("pause_end", id, "kari", at(minutes)),
        once: false,
        begin: None,
        lift: Some(Lift { id: id.into(), at: at(minutes), only_if_over, apart_ms: 60_000 }),
        task: None,
        outbox: vec![record(&format!("end-{id}-{minutes}"))],
    }
}

async fn begin(store: &Arc<dyn Store>, id: &str, scope: PauseScope) {
    assert!(store.operate(&begins(id, scope, None)).await.unwrap());
}

async fn end(store: &Arc<dyn Store>, id: &str) {
    assert!(store.operate(&ends(id, 1, false)).await.unwrap());
}

/// Whatever the scope, what is in it waits, what is not goes.
pub async fn paused_mail_waits(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let of = |workflow: Option<&str>, partner: Option<&str>, journey: Option<&str>| PauseScope {
        workflow: workflow.map(Into::into),
        key: partner.map(key),
        journey: journey.map(Into::into),
        provider: None,
    };
    let covering = [
        ("all", of(None, None, None)),
        ("workflow:welcome", of(Some("welcome"), None, None)),
        ("partner:shop/a", of(None, Some("a"), None)),
        ("journey:journey-m", of(None, None, Some("journey-m"))),
    ];
    for (id, scope) in covering {
        begin(&store, id, scope).await;
        assert_eq!(claim(&store, "mailer", 1).await.len(), 0, "{id}");
        assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, None, "{id}");
        assert_eq!(store.outstanding(at(5)).await.unwrap().messages, 0, "{id}: it waits for a person");
        end(&store, id).await;
    }
    begin(&store, "workflow:other", of(Some("other"), None, None)).await;
    begin(&store, "partner:shop/b", of(None, Some("b"), None)).await;
    begin(&store, "journey:x", of(None, None, Some("x"))).await;
    assert_eq!(claim_one(&store, "mailer", 1).await.due.message.id, "m");
}

/// What waited comes due one by one, the important first; what has expired or is service mail is looked at at once.
pub async fn a_pause_ends_without_a_burst(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let with = |id: &str, partner: &str, change: &dyn Fn(&mut MessageRow)| {
        let mut row = message(id, partner, 0);
        change(&mut row);
        row
    };
    owner.plan("a", vec![message("m1", "a", 0)]).await;
    owner.plan("b", vec![with("m2", "b", &|row| row.priority = 1)]).await;
    owner.plan("c", vec![with("old", "c", &|row| row.expires = at(9))]).await;
    owner.plan("d", vec![with("paid", "d", &|row| row.kind = "service".into())]).await;
    owner.plan("e", vec![message("later", "e", 90)]).await;
    begin(&store, "all", PauseScope::default()).await;
    assert!(store.operate(&ends("all", 10, false)).await.unwrap());
    let ids = |attempts: Vec<rapport_engine::ports::store::Attempt>| {
        let mut ids: Vec<String> = attempts.into_iter().map(|attempt| attempt.due.message.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(claim(&store, "mailer", 10).await), ["m2", "old", "paid"]);
    assert_eq!(ids(claim(&store, "mailer", 11).await), ["m1"]);
    assert_eq!(ids(claim(&store, "mailer", 90).await), ["later"]);
}

/// A pause ends by itself only when its time is over; one that is not there cannot end.
pub async fn a_pause_ends_when_its_time_is_over(store: Arc<dyn Store>) {
    store.create_shards(2).await.unwrap();
    let scope = PauseScope { workflow: Some("welcome".into()), key: Some(key("a")), ..PauseScope::default() };
    let operation = begins("p", scope, Some(30));
    assert!(store.operate(&operation).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), [operation.begin.clone().unwrap()]);
    assert!(!store.operate(&ends("p", 29, true)).await.unwrap());
    assert!(!store.operate(&ends("other", 29, false)).await.unwrap());
    assert_eq!(store.pauses().await.unwrap().len(), 1);
    let longer = begins("p", operation.begin.clone().unwrap().scope, Some(60));
    assert!(store.operate(&longer).await.unwrap());
    assert!(!store.operate(&ends("p", 30, true)).await.unwrap(), "it was prolonged");
    assert!(!store.mail_look(at(59)).await.unwrap().is_over && store.mail_look(at(60)).await.unwrap().is_over);
    assert!(store.operate(&ends("p", 60, true)).await.unwrap());
    assert_eq!(store.pauses().await.unwrap(), []);
    assert_eq!(waiting(&store).await, ["pause-p", "end-p-60"]);
}

/// Lines come back newest first, by what their action begins with; one written twice is one.
pub async fn the_audit_is_kept(store: Arc<dyn Store>) {
    let refused = AuditRow {
        approved_by: Some("ines".into()),
        done: false,
        detail: r#"{"why":"the same person"}"#.into(),
        ..AuditRow::done("apply", "abc", "kari", at(2))
    };
    store.note_audit(&refused).await.unwrap();
    store.note_audit(&refused).await.unwrap();
    assert!(store.operate(&begins("all", PauseScope::default(), None)).await.unwrap());
    let paused = begins("all", PauseScope::default(), None).audit;
    assert_eq!(store.audits("", 9).await.unwrap(), [refused.clone(), paused.clone()]);
    assert_eq!(store.audits("pause", 9).await.unwrap(), [paused]);
    assert_eq!(store.audits("", 1).await.unwrap(), [refused]);
}

/// What another pause keeps takes no place in the line.
pub async fn one_pause_ends_and_another_holds(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m1", "a", 0)]).await;
    owner.plan("b", vec![message("m2", "b", 0)]).await;
    begin(&store, "all", PauseScope::default()).await;
    begin(&store, "partner:shop/a", PauseScope { key: Some(key("a")), ..PauseScope::default() }).await;
    assert!(store.operate(&ends("all", 10, false)).await.unwrap());
    assert_eq!(claim_one(&store, "mailer", 10).await.due.message.id, "m2");
    assert!(store.operate(&ends("partner:shop/a", 11, false)).await.unwrap());
    assert_eq!(claim_one(&store, "mailer", 11).await.due.message.id, "m1");
}

/// A task opened by a commit and a case opened by a person: found by what is asked, ended once, with records only then.
pub async fn what_people_do_ends_once(store: Arc<dyn Store>) {
    let row = |id: &str, kind, due: Option<i64>| TaskRow {
        kind,
        id: id.into(),
        key: key("a"),
        workflow: String::new(),
        journey: String::new(),
        assignee: "ines".into(),
        text: "Ruf an: 日本".into(),
        choices: Vec::new(),
        opened_at: at(1),
        due: due.map(at),
        opened_by: "person:kari".into(),
        ended: None,
    };
    let operation = |name: &str, change: TaskChange| Operation {
        audit: AuditRow::done(name, "t", "kari", at(2)),
        once: false,
        begin: None,
        lift: None,
        task: Some(change),
        outbox: vec![record(name)],
    };
    let mut owner = Owner::new(&store).await;
    let asked = TaskRow { choices: vec!["yes".into()], opened_by: "reply".into(), ..row("ab1", TaskKind::Task, None) };
    owner.plan("a", vec![]).await;
    owner.commit(|batch| batch.tasks.push(asked.clone())).await;
    let case = row("ab2", TaskKind::Case, Some(9));
    assert!(store.operate(&operation("open", TaskChange::Open(Box::new(case.clone())))).await.unwrap());
    assert!(!store.operate(&operation("open-again", TaskChange::Open(Box::new(case.clone())))).await.unwrap());
    let query = |id: &str, kind, open| TaskQuery { id: id.into(), kind, open, limit: 9 };
    let ids = |rows: Vec<TaskRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(store.tasks(&query("ab", None, true)).await.unwrap(), [case.clone(), asked.clone()]);
    assert_eq!(ids(store.tasks(&query("", Some(TaskKind::Task), false)).await.unwrap()), ["ab1"]);
    assert_eq!(ids(store.tasks(&query("b", None, false)).await.unwrap()), Vec::<String>::new());
    let end = TaskEnd { at: at(5), by: "kari".into(), outcome: "solved".into(), note: Some("\"so\"".into()) };
    let ends = TaskChange::End { id: "ab2".into(), end: end.clone() };
    assert!(store.operate(&operation("end", ends.clone())).await.unwrap());
    assert!(!store.operate(&operation("end-again", ends)).await.unwrap());
    let assign = |id: &str| TaskChange::Assign { id: id.into(), assignee: "kari".into(), due: Some(at(7)) };
    assert!(!store.operate(&operation("assign-ended", assign("ab2"))).await.unwrap());
    assert!(store.operate(&operation("assign", assign("ab1"))).await.unwrap());
    let closed = TaskClosed { id: "ab1".into(), at: at(6), outcome: "completed".into() };
    let late = TaskClosed { id: "ab2".into(), ..closed.clone() };
    owner.commit(|batch| batch.closed_tasks.extend([closed.clone(), late.clone()])).await;
    let story = store.story(&key("a")).await.unwrap().unwrap();
    let by_engine = TaskEnd { at: at(6), by: "rapport".into(), outcome: "completed".into(), note: None };
    let asked = TaskRow { assignee: "kari".into(), due: Some(at(7)), ended: Some(by_engine), ..asked };
    assert_eq!(story.tasks, [asked, TaskRow { ended: Some(end), ..case }]);
    assert_eq!(store.tasks(&query("", None, true)).await.unwrap(), []);
    assert_eq!(waiting(&store).await, ["open", "end", "assign"]);
}
