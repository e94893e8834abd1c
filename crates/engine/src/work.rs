//! What people do about tasks and cases, and the awards they give: written to their table, to the audit and as a record for the partner's shard in one
//! transaction, so that a journey that waits hears of it and figures count it exactly once.

use jiff::Timestamp;
use rapport_event::{PartnerKey, engine::CASE_OUTCOMES, id::shard_of};

use crate::{
    operate::ITSELF,
    ports::{
        operating::{AuditRow, Operation, TaskChange},
        rows::{OutboxRow, TaskEnd, TaskKind, TaskRow},
        store::{Store, StoreError},
    },
    records::{self, NewAward},
};

/// The outcome of a task that asked nothing.
pub const DONE: &str = "done";

/// A case as a person opens it.
#[derive(Debug, Clone)]
pub struct NewCase<'a> {
    /// About whom.
    pub key: &'a PartnerKey,
    /// What is to come about.
    pub objective: &'a str,
    /// Who answers for it.
    pub owner: &'a str,
    /// By when.
    pub due: Timestamp,
    /// Who opens it.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Opens a case. Its id is made of what it says and when, so that a command given twice in one breath opens one.
///
/// # Errors
/// The database.
pub async fn open_case(store: &dyn Store, shards: u32, case: &NewCase<'_>) -> Result<TaskRow, StoreError> {
    let name = format!("case:{}:{}:{}:{}", case.key, case.objective, case.by, case.at.as_millisecond());
    let row = TaskRow {
        kind: TaskKind::Case,
        id: format!("{:032x}", xxhash_rust::xxh3::xxh3_128(name.as_bytes())),
        key: case.key.clone(),
        workflow: String::new(),
        journey: String::new(),
        assignee: case.owner.to_owned(),
        text: case.objective.to_owned(),
        choices: Vec::new(),
        opened_at: case.at,
        due: Some(case.due),
        opened_by: format!("person:{}", case.by),
        ended: None,
    };
    let told = records::outbox(shard_of(case.key, shards), records::case_opened(&row));
    let audit = AuditRow::done("case_open", &format!("{} {}", row.id, row.key), case.by, case.at);
    store.operate(&operation(audit, TaskChange::Open(Box::new(row.clone())), vec![told])).await?;
    Ok(row)
}

/// Asks a person something; asked before, nothing is written.
///
/// # Errors
/// The database.
pub async fn ask(store: &dyn Store, row: &TaskRow) -> Result<(), StoreError> {
    let audit = AuditRow::done("task_open", &format!("{} {}", row.id, row.key), ITSELF, row.opened_at);
    store.operate(&operation(audit, TaskChange::Open(Box::new(row.clone())), Vec::new())).await.map(drop)
}

/// Gives a partner an award.
///
/// # Errors
/// The database.
pub async fn award(store: &dyn Store, shards: u32, new: &NewAward<'_>, by: &str) -> Result<(), StoreError> {
    let told = records::outbox(shard_of(new.key, shards), records::awarded(new, None, Some(by)));
    let audit = AuditRow {
        because: new.because.map(str::to_owned),
        ..AuditRow::done("award", &format!("{} {}", new.award.id, new.key), by, new.at)
    };
    store
        .operate(&Operation { audit, once: false, begin: None, lift: None, task: None, outbox: vec![told] })
        .await
        .map(drop)
}

/// What a task or case may end with; empty for a task that asks nothing, which is simply done.
#[must_use]
pub fn outcomes(row: &TaskRow) -> Vec<&str> {
    match row.kind {
        TaskKind::Case => CASE_OUTCOMES.to_vec(),
        TaskKind::Task => row.choices.iter().map(String::as_str).collect(),
    }
}

/// Ends a task or case. `false`: it has ended already, and nothing was written.
///
/// # Errors
/// The database.
pub async fn end(store: &dyn Store, shards: u32, row: &TaskRow, end: &TaskEnd) -> Result<bool, StoreError> {
    let told = records::outbox(shard_of(&row.key, shards), records::task_ended(row, end));
    let action = match row.kind {
        TaskKind::Task => "task_done",
        TaskKind::Case => "case_resolve",
    };
    let audit = AuditRow {
        because: end.note.clone(),
        detail: serde_json::json!({ "outcome": end.outcome }).to_string(),
        ..AuditRow::done(action, &format!("{} {}", row.id, row.key), &end.by, end.at)
    };
    store.operate(&operation(audit, TaskChange::End { id: row.id.clone(), end: end.clone() }, vec![told])).await
}

/// Hands a task or case on, or moves its day. `false`: it has ended.
///
/// # Errors
/// The database.
pub async fn assign(
    store: &dyn Store,
    row: &TaskRow,
    assignee: &str,
    due: Option<Timestamp>,
    (by, at): (&str, Timestamp),
) -> Result<bool, StoreError> {
    let audit = AuditRow {
        detail: serde_json::json!({ "for": assignee, "due": due.map(|due| due.to_string()) }).to_string(),
        ..AuditRow::done(&format!("{}_assign", row.kind.code()), &format!("{} {}", row.id, row.key), by, at)
    };
    let change = TaskChange::Assign { id: row.id.clone(), assignee: assignee.to_owned(), due };
    store.operate(&operation(audit, change, Vec::new())).await
}

fn operation(audit: AuditRow, change: TaskChange, outbox: Vec<OutboxRow>) -> Operation {
    Operation { audit, once: false, begin: None, lift: None, task: Some(change), outbox }
}
