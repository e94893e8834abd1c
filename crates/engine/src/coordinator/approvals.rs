//! Offers worth more than their `approve_above`: a person says yes before they are dealt.
//!
//! The request stays open meanwhile, and the person's answer stands in the task, so that a coordinator that takes over goes on
//! where the last one was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rapport_workflow::{Rulebook, config::Offer};

use super::OfferRequest;
use crate::{
    operate::ITSELF,
    ports::{
        operating::TaskQuery,
        rows::{RequestRow, TaskEnd, TaskKind, TaskRow},
        store::{Store, StoreError},
    },
    work,
};

/// The answers there are, the one taken when nobody gives one last.
const CHOICES: [&str; 2] = ["approve", "decline"];
/// So long a person has.
const TIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So many wait for people at a time. More are refused, or no other request would find a place among those looked at.
const WAITING_MAX: usize = 200;
/// A request that waits for a person is looked at again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(2);

/// What a person has said.
pub(super) enum Approval {
    /// Nothing yet.
    Waits,
    /// Yes, then.
    Given(Timestamp),
    /// No, then, and why; also when nobody answered in time.
    Refused(Timestamp, &'static str),
}

/// Requests that wait for people.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// When each was looked at last.
    looked: BTreeMap<String, Timestamp>,
}

impl Waiting {
    /// Forgets those that are answered.
    pub(super) fn keep(&mut self, open: &BTreeSet<&str>) {
        self.looked.retain(|id, _| open.contains(&**id));
    }

    /// Whether it was looked at a moment ago.
    pub(super) fn is_fresh(&self, request: &str, now: Timestamp) -> bool {
        self.looked.get(request).is_some_and(|last| now.duration_since(*last) < LOOK_AGAIN)
    }

    /// Asks a person, or hears what they said.
    pub(super) async fn ask(
        &mut self,
        store: &dyn Store,
        shards: u32,
        rulebook: &Rulebook,
        (request, wanted, offer): (&RequestRow, &OfferRequest, &Offer),
        now: Timestamp,
    ) -> Result<Approval, StoreError> {
        let row = match task(store, &wanted.message).await? {
            Some(row) => row,
            None if self.looked.len() >= WAITING_MAX => return Ok(Approval::Refused(now, "too_many_to_approve")),
            None => {
                let row = asked(rulebook, request, wanted, offer, now);
                work::ask(store, &row).await?;
                row
            }
        };
        self.looked.insert(request.id.clone(), now);
        if let Some(end) = &row.ended {
            let given = end.outcome == CHOICES[0];
            return Ok(if given { Approval::Given(end.at) } else { Approval::Refused(end.at, "not_approved") });
        }
        if row.due.is_some_and(|due| due <= now) {
            close(store, shards, &row, now).await?;
            return Ok(Approval::Refused(now, "not_approved"));
        }
        Ok(Approval::Waits)
    }
}

/// Whether a person has to approve it.
pub(super) fn is_needed(offer: &Offer) -> bool {
    offer.approve_above.is_some_and(|limit| offer.value.minor > limit.minor)
}

/// Nobody has to answer any more: the journey that asked is over.
pub(super) async fn withdraw(store: &dyn Store, shards: u32, message: &str, now: Timestamp) -> Result<(), StoreError> {
    match task(store, message).await? {
        Some(row) if row.ended.is_none() => close(store, shards, &row, now).await,
        _ => Ok(()),
    }
}

async fn close(store: &dyn Store, shards: u32, row: &TaskRow, now: Timestamp) -> Result<(), StoreError> {
    let end = TaskEnd { at: now.max(row.opened_at), by: ITSELF.to_owned(), outcome: CHOICES[1].to_owned(), note: None };
    work::end(store, shards, row, &end).await.map(drop)
}

async fn task(store: &dyn Store, message: &str) -> Result<Option<TaskRow>, StoreError> {
    let query = TaskQuery { id: task_id(message), kind: Some(TaskKind::Task), open: false, limit: 1 };
    Ok(store.tasks(&query).await?.pop())
}

fn task_id(message: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(format!("approve:{message}").as_bytes()))
}

fn asked(rulebook: &Rulebook, request: &RequestRow, wanted: &OfferRequest, offer: &Offer, now: Timestamp) -> TaskRow {
    let workflow = rulebook.workflow(&wanted.workflow);
    TaskRow {
        kind: TaskKind::Task,
        id: task_id(&wanted.message),
        key: request.key.clone(),
        workflow: wanted.workflow.clone(),
        journey: request.journey.clone(),
        assignee: workflow.map_or_else(String::new, |workflow| workflow.owner.clone()),
        text: format!("May {{{{partner.name}}}} be promised {} ({})?", offer.value, offer.id),
        choices: CHOICES.map(str::to_owned).to_vec(),
        opened_at: now,
        due: now.checked_add(TIME).ok(),
        opened_by: "workflow".to_owned(),
        ended: None,
    }
}
