//! Claims. One is made for all workers that have a connection and wait, so that claims of one process neither lock each other out nor
//! cost a transaction each; what it brings is dealt out to them.

use std::{borrow::Cow, collections::BTreeSet, sync::Arc, time::Instant};

use jiff::Timestamp;

use super::{
    Mailer, MailerError, SHARD_BEHIND,
    hand::{held, lock},
    pace, policy,
};
use crate::{
    ports::{
        leave::Leave,
        store::{Attempt, ClaimRequest, RecipientSnapshot, RecipientVerdict},
    },
    reputation,
    rulebooks::Applied,
};

/// What a worker sends over its connection.
pub(super) struct Share {
    /// The files by which it was judged.
    pub(super) rulebook: Arc<Applied>,
    /// The present by which it was judged.
    pub(super) now: Timestamp,
    /// By the monotonic clock, before the claim: the time until the dot counts from here.
    pub(super) claimed_at: Instant,
    /// No more than a connection may have in hand.
    pub(super) attempts: Vec<Attempt>,
    /// Recipients of the whole claim that were looked at with effect; 0 means that nothing is due.
    pub(super) looked_at: usize,
    /// Workflows of which mail was left where it is, because the hour's limit is reached. One worker of a claim is told.
    pub(super) over: BTreeSet<String>,
    /// That limit: mails of a workflow within an hour.
    pub(super) stop_above: u32,
}

impl Mailer {
    /// What the worker that has a connection ready sends over it.
    pub(super) async fn share(&self) -> Result<Share, MailerError> {
        loop {
            let dealt = self.hand.claims.ask((), |workers: Vec<()>| self.deal(workers.len())).await;
            match dealt {
                Some(Ok(share)) => return Ok(share),
                Some(Err(error)) => return Err(MailerError::Jointly(error)),
                // Who claimed broke down.
                None => {}
            }
        }
    }

    /// A share for each of so many workers. What a worker does not live to take stays in hand, and is resolved as its mailer's.
    async fn deal(&self, workers: usize) -> Vec<Result<Share, Arc<MailerError>>> {
        match self.claim_for(workers).await {
            Ok(shares) => shares.into_iter().map(Ok).collect(),
            Err(error) => {
                let error = Arc::new(error);
                (0..workers).map(|_| Err(error.clone())).collect()
            }
        }
    }

    async fn claim_for(&self, workers: usize) -> Result<Vec<Share>, MailerError> {
        let rulebook = self.rulebooks.current().await?.ok_or(MailerError::NoRulebook)?;
        let accepted_at = self.prove().await?;
        let replays = self.clock.replays();
        let now = self.clock.now().await?;
        let request = ClaimRequest {
            mailer: self.holder(),
            now,
            limit: self.transport.in_flight() * workers,
            clock_at_least: if replays { now } else { now.checked_sub(SHARD_BEHIND).unwrap_or(Timestamp::MIN) },
            // What a replay sends was sent long ago, or is captured; its hours pass in seconds.
            burst: if replays { None } else { reputation::burst_limit(&rulebook.rulebook) },
        };
        let shards = self.shards;
        let is_paced = !replays && self.transport.delivers();
        let claimed_at = self.clock.monotonic();
        let decide = |snapshot: &RecipientSnapshot| {
            let present = if replays { None } else { Some(now) };
            self.judged(snapshot, present, || {
                if replays && let Some(waits) = self.as_recorded(snapshot) {
                    return waits;
                }
                let known = if replays { self.as_told(snapshot, now) } else { Cow::Borrowed(snapshot) };
                let verdict = policy::verdict(&known, &rulebook, present, accepted_at, shards);
                let leave = if is_paced { pace::leave(&verdict, snapshot, &rulebook, now) } else { None };
                let leave = leave.map(|leave| {
                    let pace = self.hand.slow.limited(&leave.provider, leave.pace, claimed_at);
                    Leave { pace, ..leave }
                });
                RecipientVerdict { leave, ..verdict }
            })
        };
        let claimed = {
            let _claiming = self.hand.claiming.read().await;
            let claimed = self.store.claim(&request, &decide).await?;
            lock(&self.hand.attempts).extend(claimed.attempts.iter().map(held));
            claimed
        };
        let stop_above = request.burst.as_ref().and_then(|limit| limit.stop_above).unwrap_or_default();
        let empty = || Share {
            rulebook: rulebook.clone(),
            now,
            claimed_at,
            attempts: Vec::with_capacity(self.transport.in_flight()),
            looked_at: claimed.looked_at,
            over: BTreeSet::new(),
            stop_above,
        };
        let mut shares: Vec<Share> = std::iter::repeat_with(empty).take(workers).collect();
        // One for each before a second for any: what can leave side by side does.
        for (place, attempt) in claimed.attempts.into_iter().enumerate() {
            if let Some(share) = shares.get_mut(place % workers.max(1)) {
                share.attempts.push(attempt);
            }
        }
        if let Some(first) = shares.first_mut() {
            first.over = claimed.over;
        }
        Ok(shares)
    }
}
