//! From what became of an attempt to what is written of it.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::normalise;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Mailer, ended,
    hand::{held, lock},
};
use crate::{
    backoff::Backoff,
    ports::{
        rows::{MessageRow, MessageState, OutboxRow, RelayReply},
        store::{Attempt, EndedMessage, FeedbackRow, Settlement, StoreError, SuppressionChange},
        transport::{Delivery, Envelope, RefusalClass},
    },
    records,
    reputation::{SOFT_BOUNCE, is_one_too_many},
};

/// So long a mailer that was told to stop goes on trying to write what it knows, however much that is: who stops it waits a few seconds.
/// After that its successor finds the messages in the hand of a mailer that is gone, and says that nobody knows.
const LAST_TRIES: Duration = Duration::from_secs(5);
/// The part of readiness that outcomes are; what a worker says of itself must not cover it.
const OUTCOMES: &str = "outcomes of mails";
/// The same for what follows from refusals.
const REFUSALS: &str = "refusals of mails";
/// The report of an address that takes no mail.
const HARD: &str = "bounce.hard";

/// Back to the queue as it was: the next mailer may have it at once.
pub(super) fn stopped(attempt: &Attempt) -> Settlement {
    Settlement::Requeue { due: attempt.due.message.due, reason: "the mailer was stopped".to_owned() }
}

/// The same where others in the same hand left no time for it: no fault of its own, and nothing a relay has said.
pub(super) fn overtaken(attempt: &Attempt) -> Settlement {
    Settlement::Requeue { due: attempt.due.message.due, reason: "its turn did not come in time".to_owned() }
}

/// Words of a server as every database takes them.
fn legible(words: &str) -> String {
    words.replace(char::is_control, " ")
}

impl Mailer {
    /// What a delivery means for the message.
    pub(super) async fn settlement(
        &self,
        attempt: &Attempt,
        delivery: Delivery,
        at: Timestamp,
        stop: &CancellationToken,
    ) -> Settlement {
        let message = &attempt.due.message;
        let end = |state, reason: &str| Settlement::Ended(self.ended(message, attempt.attempt, state, reason, at));
        match delivery {
            Delivery::Accepted { .. } => end(MessageState::Sent, ""),
            Delivery::Refused { code, text, class: RefusalClass::Permanent, .. } => {
                info!(message = %message.id, code, "the server refuses this recipient");
                self.note_refusal(attempt, HARD, at, stop).await;
                end(MessageState::Failed, &legible(&format!("{code} {text}")))
            }
            Delivery::Refused { code, text, class: RefusalClass::Soft, .. } => {
                self.note_refusal(attempt, SOFT_BOUNCE, at, stop).await;
                end(MessageState::Failed, &legible(&format!("{code} {text}")))
            }
            Delivery::Refused { code, text, class: RefusalClass::Policy, .. } => {
                self.note_refusal(attempt, "bounce.policy", at, stop).await;
                end(MessageState::Failed, &legible(&format!("{code} {text}")))
            }
            Delivery::Refused { code, text, class: RefusalClass::Transient, .. } => {
                self.again(attempt, &legible(&format!("{code} {text}")), self.heard_at(attempt, at).await)
            }
            Delivery::NotSent { .. } if stop.is_cancelled() => stopped(attempt),
            Delivery::NotSent { reason } => self.again(attempt, &legible(&reason), self.heard_at(attempt, at).await),
            Delivery::InDoubt { reason } if message.is_sent_again() => {
                self.again_or_in_doubt(attempt, &legible(&reason), self.heard_at(attempt, at).await)
            }
            Delivery::InDoubt { reason } => {
                warn!(message = %message.id, reason, "not known whether the mail was accepted");
                end(MessageState::InDoubt, &legible(&reason))
            }
        }
    }

    /// What the relay said when it took the mail over, and when: the claim's time and what has passed since `begun`.
    pub(super) fn proof(
        &self,
        delivery: &Delivery,
        attempt: &Attempt,
        envelope: &Envelope,
        begun: Instant,
        at: Timestamp,
    ) -> Option<RelayReply> {
        let Delivery::Accepted { reply, relay } = delivery else { return None };
        let passed = self.clock.monotonic().saturating_duration_since(begun);
        // In a replay no time passes while a mail is sent.
        let passed = if self.clock.replays() { Duration::ZERO } else { passed };
        let heard_at = SignedDuration::try_from(passed).ok().and_then(|passed| at.checked_add(passed).ok());
        let addresses = [attempt.address.as_str(), envelope.to.as_str()];
        Some(RelayReply::of(reply, relay, &addresses, heard_at.unwrap_or(at)))
    }

    /// When the answer came: a relay that took two minutes over its no is not asked again at once.
    async fn heard_at(&self, attempt: &Attempt, claimed_at: Timestamp) -> Timestamp {
        self.moment(attempt).await.map_or(claimed_at, |now| now.max(claimed_at))
    }

    /// Notes a refusal among the reports, where rates of bounces are made of it. If the address takes no mail, or did not take one too
    /// often, nothing more goes there, and the journeys of every partner who has it stop. When that cannot be written at all, the next
    /// mail there is refused as this one was.
    async fn note_refusal(&self, attempt: &Attempt, what: &str, at: Timestamp, stop: &CancellationToken) {
        let what_waits =
            format!("what follows from the refusal of mail {} waits to be written", attempt.due.message.id);
        let mut tries = Tries::new(self, REFUSALS, what_waits, stop);
        while let Err(error) = self.write_refusal(attempt, what, at).await {
            if !tries.again(&error).await {
                return;
            }
        }
        self.readiness.good(REFUSALS);
    }

    async fn write_refusal(&self, attempt: &Attempt, what: &str, at: Timestamp) -> Result<(), StoreError> {
        const REASON: &str = "hard_bounce";
        let message = &attempt.due.message;
        let report = FeedbackRow {
            // The same as when the provider or a returned mail tells it.
            id: format!("{what}:{}", message.id),
            origin: "smtp".to_owned(),
            what: what.to_owned(),
            address: normalise(&attempt.address).map(|address| address.key()),
            message: Some(message.id.clone()),
            workflow: Some(message.workflow.clone()),
            at,
        };
        let closes = match (what, &report.address) {
            (HARD, _) => true,
            (SOFT_BOUNCE, Some(address)) => is_one_too_many(self.store.as_ref(), address, at).await?,
            _ => false,
        };
        if !closes {
            return self.store.take_feedback(&[report], &[], &[]).await.map(|_| ());
        }
        let told: Vec<OutboxRow> = self
            .store
            .partners_at(&attempt.address)
            .await?
            .into_iter()
            .map(|key| {
                let shard = rapport_event::id::shard_of(&key, self.shards);
                records::outbox(shard, records::suppressed(key, &message.id, REASON, at))
            })
            .collect();
        let change = [SuppressionChange::add(&attempt.address, None, REASON, at)];
        let is_news = self.store.take_feedback(&[report], &change, &told).await?;
        // Of a soft one that is known all was done with it.
        if !is_news && what == HARD {
            self.store.change_suppressions(&change, &told).await?;
        }
        Ok(())
    }

    /// Back to the queue with a growing wait, or expired when that would be too late.
    pub(super) fn again(&self, attempt: &Attempt, reason: &str, at: Timestamp) -> Settlement {
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
    pub(super) fn again_or_in_doubt(&self, attempt: &Attempt, reason: &str, at: Timestamp) -> Settlement {
        match self.again(attempt, reason, at) {
            Settlement::Ended(_) => {
                Settlement::Ended(self.ended(&attempt.due.message, attempt.attempt, MessageState::InDoubt, reason, at))
            }
            again @ Settlement::Requeue { .. } => again,
        }
    }

    /// Writes what became of a worker's attempts: what ended, together and with what other workers have to end.
    pub(super) async fn settle(&self, known: Vec<(Attempt, Settlement)>, stop: &CancellationToken) {
        let ended = self.end_jointly(&known).await;
        for ((attempt, settlement), was_in_hand) in known.into_iter().zip(ended) {
            self.settle_one(attempt, settlement, was_in_hand, stop).await;
        }
    }

    /// Writes the settlement, unless that is done; the delivery cannot be undone, so this is tried until the database answers, or this
    /// mailer's time is over. What it refuses stays in hand, so that nobody takes it for never sent, and is tried again now and then.
    async fn settle_one(
        &self,
        attempt: Attempt,
        settlement: Settlement,
        mut was_in_hand: Option<bool>,
        stop: &CancellationToken,
    ) {
        let id = &attempt.due.message.id;
        let mut tries = Tries::new(self, OUTCOMES, format!("the outcome of mail {id} waits to be written"), stop);
        loop {
            let written = match was_in_hand.take() {
                Some(was_in_hand) => Ok(was_in_hand),
                None => self.write(&attempt, &settlement).await,
            };
            match written {
                Ok(true) => break,
                Ok(false) => {
                    warn!(message = %id, attempt = attempt.attempt, "the attempt was settled by another");
                    break;
                }
                Err(error) => {
                    if tries.again(&error).await {
                        continue;
                    }
                    lock(&self.hand.unwritten).insert(held(&attempt), (attempt, settlement));
                    return;
                }
            }
        }
        lock(&self.hand.attempts).remove(&held(&attempt));
        let outcome = match &settlement {
            Settlement::Ended(ended) => ended.state.code(),
            Settlement::Requeue { .. } => "requeued",
        };
        metrics::counter!("rapport_mail_attempts_total", "outcome" => outcome).increment(1);
    }

    /// Ends those of the attempts with which nothing travels, together with what other workers have to end; for each whether it was still
    /// in hand. Nothing where it is not for that, or could not be written: then each is written alone, and tells why it cannot be.
    async fn end_jointly(&self, known: &[(Attempt, Settlement)]) -> Vec<Option<bool>> {
        let end = |(attempt, settlement): &(Attempt, Settlement)| match settlement {
            Settlement::Ended(ended) if attempt.along.is_empty() => Some((attempt.clone(), ended.clone())),
            _ => None,
        };
        let ends: Vec<Option<(Attempt, EndedMessage)>> = known.iter().map(end).collect();
        let is_ended: Vec<bool> = ends.iter().map(Option::is_some).collect();
        let mine: Vec<(Attempt, EndedMessage)> = ends.into_iter().flatten().collect();
        let mut done = Vec::new();
        if !mine.is_empty() {
            let all = |asked: Vec<Vec<(Attempt, EndedMessage)>>| async move {
                let counts: Vec<usize> = asked.iter().map(Vec::len).collect();
                let ends: Vec<(Attempt, EndedMessage)> = asked.into_iter().flatten().collect();
                let written = AssertUnwindSafe(self.store.end_attempts(&ends)).catch_unwind().await;
                let mut written = written.ok().and_then(Result::ok).map(Vec::into_iter);
                let share = |count| written.as_mut().map(|written| written.by_ref().take(count).collect());
                counts.into_iter().map(share).collect()
            };
            done = self.hand.ends.ask(mine, all).await.flatten().unwrap_or_default();
        }
        let mut done = done.into_iter();
        is_ended.into_iter().map(|is_ended| if is_ended { done.next() } else { None }).collect()
    }

    /// Writes a settlement. A breakdown over it is a refusal: the worker would take its other mails along, and whoever has the address
    /// would not be written to again before a restart.
    async fn write(&self, attempt: &Attempt, settlement: &Settlement) -> Result<bool, StoreError> {
        let written = AssertUnwindSafe(self.store.settle(attempt, settlement)).catch_unwind().await;
        written.unwrap_or_else(|_| Err(StoreError::Refused("the store broke down over it, which is a bug".to_owned())))
    }

    /// Tries once more to write what the database refused. A restart ends it too: the successor finds these in doubt.
    pub(super) async fn write_rest(&self) {
        let unwritten: Vec<_> = lock(&self.hand.unwritten).values().cloned().collect();
        for (attempt, settlement) in unwritten {
            let id = &attempt.due.message.id;
            match self.write(&attempt, &settlement).await {
                Ok(_) => {
                    lock(&self.hand.attempts).remove(&held(&attempt));
                    let mut unwritten = lock(&self.hand.unwritten);
                    unwritten.remove(&held(&attempt));
                    if unwritten.is_empty() {
                        self.readiness.good(OUTCOMES);
                    }
                }
                Err(error) => {
                    self.readiness.bad(OUTCOMES, format!("the outcome of mail {id} cannot be written: {error}"));
                }
            }
        }
    }

    pub(super) fn ended(
        &self,
        message: &MessageRow,
        attempt: i64,
        state: MessageState,
        reason: &str,
        at: Timestamp,
    ) -> EndedMessage {
        ended(message, attempt, state, reason, at, self.shards)
    }
}

/// Tries at something that must be written.
struct Tries<'m> {
    mailer: &'m Mailer,
    part: &'static str,
    what: String,
    stop: &'m CancellationToken,
    backoff: Backoff,
}

impl<'m> Tries<'m> {
    fn new(mailer: &'m Mailer, part: &'static str, what: String, stop: &'m CancellationToken) -> Self {
        Self { mailer, part, what, stop, backoff: Backoff::default() }
    }

    /// Waits after an error; whether there is another try. What may pass is said of the mailer, as whatever holds it up is; what
    /// the database refuses is said of the part.
    async fn again(&mut self, error: &StoreError) -> bool {
        let Self { mailer, what, .. } = self;
        if matches!(error, StoreError::Refused(_) | StoreError::Damaged(_)) {
            error!(%error, what, "the database refuses it");
            mailer.readiness.bad(self.part, format!("{what}: {error}"));
            return false;
        }
        mailer.readiness.bad("mailer", format!("{what}: {error}"));
        let wait = mailer.clock.pause(self.backoff.after_failure());
        if !self.stop.is_cancelled() {
            tokio::select! { () = wait => {}, () = self.stop.cancelled() => {} }
            return true;
        }
        let now = mailer.clock.monotonic();
        if now >= *mailer.hand.last_tries.get_or_init(|| now + LAST_TRIES) {
            error!(%error, what, "given up: the mailer was told to stop");
            return false;
        }
        wait.await;
        true
    }
}
