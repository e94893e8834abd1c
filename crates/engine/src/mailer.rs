//! Sends planned messages: claim, decide, render, deliver, settle (DESIGN.md 4.7).
//!
//! A mailer first gets hold of a connection, then claims at most [`IN_FLIGHT`] recipients for it: what a crash can leave
//! in doubt is never more than that a connection. Between claim and settlement a message is `attempting`; it never goes
//! back to the queue unless the final dot provably did not leave.

mod build;
mod policy;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rapport_event::kind::Kind;
use tokio::sync::RwLock;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub use build::{LinkKeys, letter};
pub use policy::verdict;

use crate::{
    backoff::Backoff,
    operate,
    ports::{
        clock::Clock,
        log::EventLog,
        rows::{MessageRow, MessageState, OutboxRow},
        store::{Attempt, ClaimRequest, EndedMessage, Settlement, Store, StoreError, SuppressionChange},
        transport::{Delivery, Envelope, RefusalClass, Transport},
    },
    readiness::Readiness,
    records,
    restore::{self, RestoreError},
    rulebooks::{Applied, RulebookError, Rulebooks},
    shard::react::is_pinned,
    stillness::Stillness,
};

/// Messages in hand per connection.
pub const IN_FLIGHT: usize = 2;
/// The dot leaves within this time of the commit that made the message `attempting`.
const DOT_WITHIN: Duration = Duration::from_secs(20);
/// A mailer not heard of for this long has lost what it had in hand.
const SILENT: Duration = Duration::from_secs(60);
/// Mail of a shard whose clock is further behind is not claimable.
const SHARD_BEHIND: SignedDuration = SignedDuration::from_secs(60);
/// How long to look away when nothing is due.
const IDLE: Duration = Duration::from_millis(20);
/// The same in a replay, where every step waits for its mail.
const IDLE_IN_REPLAY: Duration = Duration::from_millis(5);
const HEARTBEAT: Duration = Duration::from_secs(2);
/// So long a proof holds that the database was not restored under a running mailer; after any error of the database a new
/// one is needed at once.
const PROOF_HOLDS: Duration = Duration::from_secs(5);

/// A mailer's needs.
pub struct Mailer {
    /// The process's name; after a restart under the same name it resolves what it had in hand.
    pub name: String,
    /// Queue and policy facts.
    pub store: Arc<dyn Store>,
    /// Asked whether the database is the one that last wrote.
    pub log: Arc<dyn EventLog>,
    /// The way out.
    pub transport: Arc<dyn Transport>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Guardrails, senders and mails, always the live ones.
    pub rulebooks: Arc<Rulebooks>,
    /// Keys that sign the links in mails.
    pub links: Arc<LinkKeys>,
    /// Number of shards, to address outcome records.
    pub shards: u32,
    /// Told when neighbours fail.
    pub readiness: Readiness,
    /// What it has claimed and not settled; starts empty.
    pub hand: Hand,
}

/// The messages a mailer has in hand.
#[derive(Default)]
pub struct Hand {
    messages: Mutex<HashSet<String>>,
    /// The name with the instant this process took it.
    incarnation: OnceLock<String>,
    /// Read while a claim is on its way.
    claiming: RwLock<()>,
    /// Until when the database counts as the log's own, and since when it does if it was restored.
    proven: Mutex<Option<Proof>>,
}

/// The database is not behind what the log was told.
#[derive(Debug, Clone, Copy)]
struct Proof {
    until: std::time::Instant,
    accepted_at: Option<Timestamp>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Why a mailer could not go on for now.
#[derive(Debug, thiserror::Error)]
enum MailerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    #[error(transparent)]
    Transport(#[from] crate::ports::transport::TransportError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("no rulebook is applied yet: run `rapport apply`")]
    NoRulebook,
}

impl Mailer {
    /// Runs until told to stop; what is in hand is finished first.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.take_over(&stop).await;
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..self.transport.connections_max().max(1) {
            let (mailer, stop) = (self.clone(), stop.clone());
            workers.spawn(async move { mailer.work(stop).await });
        }
        while !stop.is_cancelled() {
            if let Err(error) = self.keep_house().await {
                self.readiness.bad("mailer", error.to_string());
            }
            tokio::select! { () = tokio::time::sleep(HEARTBEAT) => {}, () = stop.cancelled() => {} }
        }
        while workers.join_next().await.is_some() {}
        if let Err(error) = self.store.farewell("mailer", self.incarnation()).await {
            warn!(%error, "could not say good-bye");
        }
    }

    /// Takes an incarnation of its name, and resolves what earlier ones had in hand: nobody will ever settle it. Claims are
    /// made under the incarnation, so that a predecessor that was only stopped and wakes up cannot put back what is ours.
    async fn take_over(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            match self.resolve_predecessors().await {
                Ok(()) => return,
                Err(error) => {
                    self.readiness.bad("mailer", error.to_string());
                    let wait = backoff.after_failure();
                    tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
                }
            }
        }
    }

    async fn resolve_predecessors(&self) -> Result<(), MailerError> {
        self.prove().await?;
        if self.hand.incarnation.get().is_none() {
            let began = self.store.server_time().await?.as_millisecond();
            // Another call can only have set the same name's incarnation of this very process.
            let _ = self.hand.incarnation.set(format!("{}#{began}", self.name));
        }
        let alive = self.store.heartbeat("mailer", self.incarnation(), SILENT).await?;
        let family = format!("{}#", self.name);
        for earlier in alive.processes.iter().filter(|id| id.starts_with(&family) && *id != self.incarnation()) {
            self.give_up(self.store.attempts_of(earlier).await?).await?;
            self.store.farewell("mailer", earlier).await?;
        }
        Ok(())
    }

    /// The name under which it claims.
    fn incarnation(&self) -> &str {
        self.hand.incarnation.get().map_or(&self.name, String::as_str)
    }

    /// Says that it lives, resolves what silent mailers left behind, and ends mail that never got an address.
    async fn keep_house(&self) -> Result<(), MailerError> {
        self.store.heartbeat("mailer", self.incarnation(), SILENT).await?;
        // What a restored database has in hand, the log may know the end of.
        let accepted_at = self.prove().await?;
        self.put_back_orphans().await?;
        let mut stale = self.store.stale_attempts(SILENT, 500).await?;
        if let Some(accepted) = accepted_at {
            let rows = self.store.shard_rows().await?;
            let told_all = |shard: u32| {
                rows.iter().any(|row| row.shard == shard as i32 && row.clock.is_some_and(|clock| clock >= accepted))
            };
            stale.retain(|attempt| told_all(attempt.due.message.shard));
        }
        self.give_up(stale).await?;
        let now = self.clock.now().await?;
        let rulebook = self.rulebooks.current().await?;
        self.end_pauses(rulebook.as_deref(), now).await?;
        self.end_unaddressed(now).await
    }

    /// Ends pauses whose time is over. As long as their rows are there their mail waits, so nothing leaves in a burst.
    async fn end_pauses(&self, applied: Option<&Applied>, now: Timestamp) -> Result<(), MailerError> {
        let rulebook = applied.map(|applied| &applied.rulebook);
        operate::end_what_is_over(self.store.as_ref(), self.shards, rulebook, now).await?;
        Ok(())
    }

    /// Ends mail whose time ran out before an address was known.
    async fn end_unaddressed(&self, now: Timestamp) -> Result<(), MailerError> {
        // In a replay the address may stand in a record of this very step: only shards that have folded it are asked.
        let rows = if self.clock.replays() { Some(self.store.shard_rows().await?) } else { None };
        let arrived = |shard: u32| {
            rows.as_ref().is_none_or(|rows| {
                rows.iter().any(|row| row.shard == shard as i32 && row.clock.is_some_and(|clock| clock >= now))
            })
        };
        let mut unaddressed = self.store.unaddressed_expired(now, 500).await?;
        unaddressed.retain(|message| arrived(message.shard));
        let ended: Vec<_> = unaddressed
            .into_iter()
            .map(|message| {
                let at = message.expires.min(now);
                self.ended(&message, 0, MessageState::Expired, "no_address", at)
            })
            .collect();
        if !ended.is_empty() {
            self.store.end_queued(&ended).await?;
        }
        Ok(())
    }

    /// A claim whose answer was lost leaves messages in the hand of a mailer that does not know of them. No claim is on its
    /// way while this looks, so what is not in hand was never sent.
    async fn put_back_orphans(&self) -> Result<(), MailerError> {
        let _nobody_claims = self.hand.claiming.write().await;
        for attempt in self.store.attempts_of(self.incarnation()).await? {
            let message = &attempt.due.message;
            if !lock(&self.hand.messages).contains(&message.id) {
                let back = Settlement::Requeue { due: message.due, reason: "claim_lost".to_owned() };
                let _ = self.store.settle(&attempt, &back).await?;
            }
        }
        Ok(())
    }

    /// Attempts whose mailer is gone: whether the dot left is not known.
    async fn give_up(&self, attempts: Vec<Attempt>) -> Result<(), StoreError> {
        for attempt in attempts {
            let message = &attempt.due.message;
            let at = self.moment(&attempt).await?;
            let settlement = if message.is_sent_again() {
                self.again_or_in_doubt(&attempt, "mailer_lost", at)
            } else {
                Settlement::Ended(self.ended(message, attempt.attempt, MessageState::InDoubt, "mailer_lost", at))
            };
            warn!(message = %message.id, "a mailer was lost while it had this message in hand");
            let _ = self.store.settle(&attempt, &settlement).await?;
        }
        Ok(())
    }

    async fn work(&self, stop: CancellationToken) {
        let (mut backoff, mut stillness) = (Backoff::default(), Stillness::default());
        while !stop.is_cancelled() {
            let (store, clock) = (self.store.as_ref(), self.clock.as_ref());
            let looked = stillness.look(store, clock, 0, async || self.send_some().await).await;
            let wait = match looked {
                Ok(0) => {
                    backoff.succeeded();
                    self.readiness.good("mailer");
                    if self.clock.replays() { IDLE_IN_REPLAY } else { IDLE }
                }
                Ok(_) => {
                    backoff.succeeded();
                    continue;
                }
                Err(error) => {
                    *lock(&self.hand.proven) = None;
                    self.readiness.bad("mailer", error.to_string());
                    backoff.after_failure()
                }
            };
            tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
        }
    }

    /// Makes sure that the database was not restored from a backup: what that has queued may have been sent. Returns when
    /// such a one was last accepted.
    async fn prove(&self) -> Result<Option<Timestamp>, MailerError> {
        if self.clock.replays() {
            return Ok(None);
        }
        let now = self.clock.monotonic();
        if let Some(proof) = *lock(&self.hand.proven)
            && now < proof.until
        {
            return Ok(proof.accepted_at);
        }
        restore::examine(self.log.as_ref(), self.store.as_ref()).await?;
        let accepted_at = restore::accepted_at(self.store.as_ref()).await?;
        *lock(&self.hand.proven) = Some(Proof { until: now + PROOF_HOLDS, accepted_at });
        Ok(accepted_at)
    }

    /// Claims for one connection and sends; returns how many recipients were looked at with effect.
    async fn send_some(&self) -> Result<usize, MailerError> {
        let rulebook = self.rulebooks.current().await?.ok_or(MailerError::NoRulebook)?;
        let now = self.clock.now().await?;
        if self.clock.replays() {
            // The replay's present waits for it, so it must not wait for the next round of the house.
            self.end_unaddressed(now).await?;
            self.end_pauses(Some(&rulebook), now).await?;
        }
        if self.store.next_mail_due().await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let mut connection = self.transport.ready().await?;
        let accepted_at = self.prove().await?;
        let replays = self.clock.replays();
        let request = ClaimRequest {
            mailer: self.incarnation().to_owned(),
            now,
            limit: IN_FLIGHT,
            clock_at_least: if replays { now } else { now.checked_sub(SHARD_BEHIND).unwrap_or(Timestamp::MIN) },
        };
        let shards = self.shards;
        let decide = |snapshot: &crate::ports::store::RecipientSnapshot| {
            policy::verdict(snapshot, &rulebook, if replays { None } else { Some(now) }, accepted_at, shards)
        };
        let claimed_at = self.clock.monotonic();
        let claimed = {
            let _claiming = self.hand.claiming.read().await;
            let claimed = self.store.claim(&request, &decide).await?;
            lock(&self.hand.messages).extend(claimed.attempts.iter().map(|attempt| attempt.due.message.id.clone()));
            claimed
        };
        let count = claimed.looked_at;
        for attempt in claimed.attempts {
            let at = if replays { attempt.due.message.due } else { now };
            self.send_one(&rulebook, connection.as_mut(), &attempt, claimed_at + DOT_WITHIN, at).await;
        }
        Ok(count)
    }

    /// The rulebook a message's text stands in: the newest that has it, with `mails: pinned` the one it was planned with.
    async fn texts_of(&self, in_force: &Arc<Applied>, message: &MessageRow) -> Result<Arc<Applied>, RulebookError> {
        if is_pinned(&message.context)
            && let Some(pinned) = self.rulebooks.by_hash(&message.rulebook).await?
        {
            return Ok(pinned);
        }
        self.rulebooks.with_mail(in_force, &message.workflow, &message.mail).await
    }

    async fn send_one(
        &self,
        rulebook: &Arc<Applied>,
        connection: &mut dyn crate::ports::transport::Connection,
        attempt: &Attempt,
        deadline: std::time::Instant,
        at: Timestamp,
    ) {
        let message = &attempt.due.message;
        let texts = match self.texts_of(rulebook, message).await {
            Ok(texts) => texts,
            // Nothing has left yet: it is tried again when the texts can be read.
            Err(error) => {
                self.settle(attempt, self.again(attempt, &error.to_string(), at)).await;
                lock(&self.hand.messages).remove(&message.id);
                return;
            }
        };
        let letter = build::letter(rulebook, &texts, attempt, &self.links, at)
            .map_err(|problem| problem.to_string())
            .and_then(|letter| self.transport.compose(&letter).map(|bytes| (letter, bytes)));
        let settlement = match letter {
            Err(problem) => {
                warn!(message = %message.id, workflow = message.workflow, mail = message.mail, %problem, "mail cannot be rendered");
                Settlement::Ended(self.ended(
                    message,
                    attempt.attempt,
                    MessageState::Failed,
                    &format!("render: {problem}"),
                    at,
                ))
            }
            Ok((letter, bytes)) => {
                let from = build::return_path(rulebook, &self.links, &message.id, &letter.from.address);
                let envelope = Envelope { from, to: letter.to.address };
                let delivery = connection.send(&envelope, &bytes, deadline).await;
                self.settlement(attempt, delivery, at).await
            }
        };
        self.settle(attempt, settlement).await;
        lock(&self.hand.messages).remove(&message.id);
    }

    /// What a delivery means for the message.
    async fn settlement(&self, attempt: &Attempt, delivery: Delivery, at: Timestamp) -> Settlement {
        let message = &attempt.due.message;
        let end = |state, reason: &str| Settlement::Ended(self.ended(message, attempt.attempt, state, reason, at));
        match delivery {
            Delivery::Accepted { .. } => end(MessageState::Sent, ""),
            Delivery::Refused { code, text, class: RefusalClass::Permanent, .. } => {
                info!(message = %message.id, code, "the server refuses this recipient");
                let mut backoff = Backoff::default();
                while let Err(error) = self.close_address(attempt, at).await {
                    warn!(%error, "a suppression waits to be written");
                    self.clock.pause(backoff.after_failure()).await;
                }
                end(MessageState::Failed, &format!("{code} {text}"))
            }
            Delivery::Refused { code, text, class: RefusalClass::Policy, .. } => {
                end(MessageState::Failed, &format!("{code} {text}"))
            }
            Delivery::Refused { code, text, class: RefusalClass::Transient, .. } => {
                self.again(attempt, &format!("{code} {text}"), at)
            }
            Delivery::NotSent { reason } => self.again(attempt, &reason, at),
            Delivery::InDoubt { reason } if message.is_sent_again() => self.again_or_in_doubt(attempt, &reason, at),
            Delivery::InDoubt { reason } => {
                warn!(message = %message.id, reason, "not known whether the mail was accepted");
                end(MessageState::InDoubt, &reason)
            }
        }
    }

    /// The address takes no mail: nothing more goes there, and the journeys of every partner who has it stop.
    async fn close_address(&self, attempt: &Attempt, at: Timestamp) -> Result<(), StoreError> {
        const REASON: &str = "hard_bounce";
        let told: Vec<OutboxRow> = self
            .store
            .partners_at(&attempt.address)
            .await?
            .into_iter()
            .map(|key| {
                let shard = rapport_event::id::shard_of(&key, self.shards);
                records::outbox(shard, records::suppressed(key, &attempt.due.message.id, REASON, at))
            })
            .collect();
        let change = SuppressionChange::add(&attempt.address, None, REASON, at);
        self.store.change_suppressions(&[change], &told).await
    }

    /// Back to the queue with a growing wait, or expired when that would be too late.
    fn again(&self, attempt: &Attempt, reason: &str, at: Timestamp) -> Settlement {
        let message = &attempt.due.message;
        let minutes = 1_i64 << attempt.due.attempts.min(8);
        // Spread by the message's own id, so that a storm of refusals does not come back as one.
        let jitter = i64::from(message.id.bytes().fold(0_u8, u8::wrapping_add)) * 60 * minutes / 1024;
        let due = at.checked_add(SignedDuration::from_secs(60 * minutes + jitter)).unwrap_or(Timestamp::MAX);
        if due >= message.expires {
            return Settlement::Ended(self.ended(message, attempt.attempt, MessageState::Expired, reason, at));
        }
        Settlement::Requeue { due, reason: reason.to_owned() }
    }

    /// The same for a mail that may have been accepted: when there is no time for another try, that is what is known of it.
    fn again_or_in_doubt(&self, attempt: &Attempt, reason: &str, at: Timestamp) -> Settlement {
        match self.again(attempt, reason, at) {
            Settlement::Ended(_) => {
                Settlement::Ended(self.ended(&attempt.due.message, attempt.attempt, MessageState::InDoubt, reason, at))
            }
            again @ Settlement::Requeue { .. } => again,
        }
    }

    /// Writes the settlement; the delivery cannot be undone, so this is tried until the database answers.
    async fn settle(&self, attempt: &Attempt, settlement: Settlement) {
        let mut backoff = Backoff::default();
        loop {
            match self.store.settle(attempt, &settlement).await {
                Ok(true) => break,
                Ok(false) => {
                    warn!(message = %attempt.due.message.id, attempt = attempt.attempt, "the attempt was settled by another");
                    break;
                }
                Err(error) => {
                    self.readiness.bad("mailer", format!("the outcome of a delivery waits to be written: {error}"));
                    self.clock.pause(backoff.after_failure()).await;
                }
            }
        }
        let outcome = match &settlement {
            Settlement::Ended(ended) => ended.state.code(),
            Settlement::Requeue { .. } => "requeued",
        };
        metrics::counter!("rapport_mail_attempts_total", "outcome" => outcome).increment(1);
    }

    /// The mailer's now for this message: live the present, in a replay the message's due time.
    async fn moment(&self, attempt: &Attempt) -> Result<Timestamp, StoreError> {
        if self.clock.replays() { Ok(attempt.due.message.due) } else { self.clock.now().await }
    }

    fn ended(
        &self,
        message: &crate::ports::rows::MessageRow,
        attempt: i64,
        state: MessageState,
        reason: &str,
        at: Timestamp,
    ) -> EndedMessage {
        ended(message, attempt, state, reason, at, self.shards)
    }
}

/// A message's end with its outcome record.
#[must_use]
pub fn ended(
    message: &crate::ports::rows::MessageRow,
    attempt: i64,
    state: MessageState,
    reason: &str,
    at: Timestamp,
    shards: u32,
) -> EndedMessage {
    let kind = match state {
        MessageState::Sent => Kind::MessageSent,
        MessageState::InDoubt => Kind::MessageInDoubt,
        MessageState::Expired => Kind::MessageExpired,
        MessageState::Failed => Kind::MessageFailed,
        _ => Kind::MessageSuppressed,
    };
    let event = records::outcome(message, kind, attempt, reason, at);
    let outbox: OutboxRow = records::outbox(rapport_event::id::shard_of(&message.key, shards), event);
    EndedMessage { id: message.id.clone(), state, reason: reason.to_owned(), at, outbox }
}
