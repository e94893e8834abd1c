//! Sends planned messages: claim, decide, render, deliver, settle (DESIGN.md 4.7).
//!
//! A worker first gets hold of a connection, then at most as many mails as the transport lets a connection have in hand
//! ([`in_flight`](Transport::in_flight)) are claimed for it: what a crash can leave in doubt is never more than that a connection.
//! Workers claim and settle together, what travels in digests or goes back to the queue alone. Between claim and settlement
//! a message is `attempting`; it never goes back to the queue unless the final dot provably did not leave.

mod as_recorded;
mod build;
mod clicks;
mod digest;
mod hand;
mod jointly;
mod lookout;
mod outcome;
mod pace;
mod policy;
mod relays;
#[cfg(test)]
pub(crate) mod sample;
mod share;
mod slow;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use rapport_event::kind::Kind;
use tokio::{sync::Mutex, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

pub use build::{LinkKeys, letter, reason, sample_letter};
pub use digest::{Told, in_digest, is_in_digest, sample_together, together};
pub use hand::Hand;
use hand::{held, lock};
use lookout::Lookout;
pub use policy::verdict;

use crate::{
    backoff::Backoff,
    operate,
    ports::{
        clock::Clock,
        log::EventLog,
        rows::{MessageRow, MessageState, OutboxRow},
        store::{Attempt, EndedMessage, RecipientSnapshot, RecipientVerdict, Settlement, Store, StoreError},
        transport::{Connection, Deadline, Delivery, Envelope, Transport},
    },
    readiness::Readiness,
    records, reputation,
    restore::RestoreError,
    rulebooks::{Applied, RulebookError, Rulebooks},
    shard::react::is_pinned,
    stillness::Idle,
};

/// The dot leaves within this time of the commit that made the message `attempting`.
const DOT_WITHIN: Duration = Duration::from_secs(20);
/// So long what became of a mail may wait for the next of the same share, to be written with it.
const PATIENCE: Duration = Duration::from_millis(100);
/// A mailer not heard of for this long has lost what it had in hand.
const SILENT: Duration = Duration::from_secs(60);
/// And only when it seemed so for as long by the clock of who looks: twice as long as the living take to say that they live.
const SUSPECTED: Duration = Duration::from_secs(4);
/// Mail of a shard whose clock is further behind is not claimable.
const SHARD_BEHIND: SignedDuration = SignedDuration::from_secs(60);
/// How long to look away when nothing is due; in a replay every step waits for its mail.
const IDLE: Idle = Idle { live: Duration::from_millis(20), in_replay: Duration::from_millis(5) };
const HEARTBEAT: Duration = Duration::from_secs(2);
/// Parts of readiness that a worker which goes on well must not cover.
const WORKERS: &str = "workers of the mailer";
const POLICY: &str = "contact policy";
const HOUSE: &str = "housekeeping of the mailer";

/// A mailer's needs.
pub struct Mailer {
    /// The process's name; after a restart under the same name it resolves what it had in hand.
    pub name: String,
    /// What no other process of this name ever had. Not an instant: clocks stand still and are set back.
    pub incarnation: String,
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
    /// Of a claim that was made for several workers.
    #[error("{0}")]
    Jointly(Arc<MailerError>),
}

impl Mailer {
    /// Runs until told to stop; what is in hand is finished first.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        self.take_over(&stop).await;
        let lookout = Arc::new(Mutex::new(Lookout::new(self.store.as_ref(), self.clock.as_ref())));
        let mut workers = JoinSet::new();
        while !stop.is_cancelled() {
            self.staff(&mut workers, &lookout, &stop);
            // A panic here would take the workers along, with what they have in hand.
            match AssertUnwindSafe(self.keep_house()).catch_unwind().await {
                Ok(Ok(())) => self.readiness.good(HOUSE),
                Ok(Err(error)) => self.readiness.bad(HOUSE, error.to_string()),
                Err(_) => self.readiness.bad(HOUSE, "it broke down, which is a bug"),
            }
            tokio::select! { () = tokio::time::sleep(HEARTBEAT) => {}, () = stop.cancelled() => {} }
        }
        while workers.join_next().await.is_some() {}
        if let Err(error) = self.store.farewell("mailer", &self.holder()).await {
            warn!(%error, "could not say good-bye");
        }
    }

    /// One worker for each connection there may be; in the place of one that died comes another.
    fn staff(self: &Arc<Self>, workers: &mut JoinSet<()>, lookout: &Arc<Mutex<Lookout>>, stop: &CancellationToken) {
        let mut died = 0;
        while let Some(ended) = workers.try_join_next() {
            died += usize::from(ended.is_err());
        }
        while workers.len() < self.transport.connections_max().max(1) {
            let (mailer, lookout, stop) = (self.clone(), lookout.clone(), stop.clone());
            workers.spawn(async move { mailer.work(lookout, stop).await });
        }
        if died > 0 {
            error!(died, "workers of the mailer died");
            self.readiness.bad(WORKERS, format!("{died} broke down, which is a bug, and others took their places"));
        } else {
            self.readiness.good(WORKERS);
        }
    }

    /// Resolves what earlier incarnations of its name had in hand: nobody will ever settle it. Claims are made under the
    /// incarnation, so that a predecessor that was only stopped and wakes up cannot put back what is ours.
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
        let itself = self.holder();
        let alive = self.store.heartbeat("mailer", &itself, SILENT).await?;
        let family = format!("{}#", self.name);
        for earlier in alive.processes.iter().filter(|id| id.starts_with(&family) && **id != itself) {
            self.give_up(self.store.attempts_of(earlier).await?).await?;
            self.store.farewell("mailer", earlier).await?;
        }
        Ok(())
    }

    /// The name under which it claims.
    fn holder(&self) -> String {
        format!("{}#{}", self.name, self.incarnation)
    }

    /// Says that it lives, resolves what silent mailers left behind, and ends mail that never got an address. What one of these
    /// cannot do keeps it from none of the others.
    async fn keep_house(&self) -> Result<(), MailerError> {
        self.store.heartbeat("mailer", &self.holder(), SILENT).await?;
        relays::tell(&self.transport.relays(), &self.readiness);
        // What a restored database has in hand, the log may know the end of.
        let accepted_at = self.prove().await?;
        let orphans = self.put_back_orphans().await;
        self.write_rest().await;
        // Whether a mailer is silent is a matter of the server's clock: without a present nobody's mail is given up.
        let now = self.clock.now().await?;
        let lost = self.give_up_stale(accepted_at).await;
        let rulebook = self.rulebooks.current().await?;
        let pauses = self.end_pauses(rulebook.as_deref(), now).await;
        let unaddressed = self.end_unaddressed(now).await;
        let reputation = self.guard_reputation(rulebook.as_deref(), now).await;
        orphans.and(lost).and(pauses).and(unaddressed).and(reputation)
    }

    /// Gives up what silent mailers have in hand.
    async fn give_up_stale(&self, accepted_at: Option<Timestamp>) -> Result<(), MailerError> {
        let mut stale = self.store.stale_attempts(SILENT, 500).await?;
        if let Some(accepted) = accepted_at {
            let rows = self.store.shard_rows().await?;
            let told_all = |shard: u32| {
                rows.iter().any(|row| row.shard == shard as i32 && row.clock.is_some_and(|clock| clock >= accepted))
            };
            stale.retain(|attempt| told_all(attempt.due.message.shard));
        }
        Ok(self.give_up(self.hand.stale_for(SUSPECTED, stale, self.clock.monotonic())).await?)
    }

    /// Ends pauses whose time is over. As long as their rows are there their mail waits, so nothing leaves in a burst.
    async fn end_pauses(&self, applied: Option<&Applied>, now: Timestamp) -> Result<(), MailerError> {
        let rulebook = applied.map(|applied| &applied.rulebook);
        operate::end_what_is_over(self.store.as_ref(), self.shards, rulebook, now).await?;
        Ok(())
    }

    /// Stops what complaints and bounces say must stop, and warns of what goes that way. Live only: reports are of the present.
    async fn guard_reputation(&self, applied: Option<&Applied>, now: Timestamp) -> Result<(), MailerError> {
        if self.clock.replays() {
            return Ok(());
        }
        let store = self.store.as_ref();
        let Some(since) = self.hand.reports_to_judge(now) else { return Ok(()) };
        let standings = reputation::standings(store, since, now).await?;
        for stopped in reputation::stop_what_harms(store, self.shards, &standings, now).await? {
            let told = stopped.alarm().map(|alarm| alarm.to_string()).unwrap_or_default();
            error!(
                workflow = stopped.workflow,
                provider = stopped.provider,
                told,
                "marketing mail to a provider is stopped"
            );
        }
        let mut warned: BTreeSet<String> = BTreeSet::new();
        for standing in &standings {
            if let Some(alarm) = standing.alarm() {
                warned.insert(format!("{} to {}: {alarm}", standing.workflow, standing.provider));
            }
        }
        let burst = applied.map(|applied| applied.rulebook.config.burst).unwrap_or_default();
        if let Some(warn_above) = burst.warn_above {
            let above = |(_, mails): &(String, i64)| *mails > i64::from(warn_above);
            let busy = store.mails_an_hour(now).await?.into_iter().filter(above);
            warned.extend(busy.map(|(workflow, _)| format!("{workflow}: more than {warn_above} mails within an hour")));
        }
        for told in self.hand.newly_warned(warned) {
            warn!(told, "mail is near a limit");
        }
        let stops = store.pauses().await?.iter().filter(|row| row.by == operate::ITSELF).count();
        metrics::gauge!("rapport_mail_stopped").set(stops as f64);
        self.hand.saw_reports(now);
        Ok(())
    }

    /// Ends mail whose time ran out before an address was known.
    async fn end_unaddressed(&self, now: Timestamp) -> Result<(), MailerError> {
        // In a replay the address may stand in a record of this very step: only shards that have folded it are asked. Where they stand is
        // read first: what one of them folds in between may bring the address.
        let rows = if self.clock.replays() { Some(self.store.shard_rows().await?) } else { None };
        let mut unaddressed = self.store.unaddressed_expired(now, 500).await?;
        if unaddressed.is_empty() {
            return Ok(());
        }
        let arrived = |shard: u32| {
            rows.as_ref().is_none_or(|rows| {
                rows.iter().any(|row| row.shard == shard as i32 && row.clock.is_some_and(|clock| clock >= now))
            })
        };
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
        for attempt in self.store.attempts_of(&self.holder()).await? {
            if !lock(&self.hand.attempts).contains(&held(&attempt)) {
                let back = Settlement::Requeue { due: attempt.due.message.due, reason: "claim_lost".to_owned() };
                let _ = self.store.settle(&attempt, &back).await?;
            }
        }
        Ok(())
    }

    /// Attempts whose mailer is gone: whether the dot left is not known. One that the database refuses holds up none of the others;
    /// the first error is told.
    async fn give_up(&self, attempts: Vec<Attempt>) -> Result<(), StoreError> {
        let mut told = Ok(());
        for attempt in attempts {
            let message = &attempt.due.message;
            let at = self.moment(&attempt).await?;
            let settlement = if message.is_sent_again() {
                self.again_or_in_doubt(&attempt, "mailer_lost", at)
            } else {
                Settlement::Ended(self.ended(message, attempt.attempt, MessageState::InDoubt, "mailer_lost", at))
            };
            warn!(message = %message.id, "a mailer was lost while it had this message in hand");
            let settlement = Told::all(&attempt).settled(&attempt, settlement, self.shards);
            told = told.and(self.store.settle(&attempt, &settlement).await.map(drop));
        }
        told
    }

    async fn work(&self, lookout: Arc<Mutex<Lookout>>, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut looked = None;
        while !stop.is_cancelled() {
            match self.wait_and_send(&lookout, &mut looked, &stop).await {
                Ok(()) => backoff.succeeded(),
                Err(error) => {
                    self.hand.guard.doubt();
                    self.readiness.bad("mailer", error.to_string());
                    let wait = backoff.after_failure();
                    tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
                }
            }
        }
    }

    /// Waits until mail is due, and sends until there is none that this worker can take.
    async fn wait_and_send(
        &self,
        lookout: &Mutex<Lookout>,
        looked: &mut Option<u64>,
        stop: &CancellationToken,
    ) -> Result<(), MailerError> {
        let mut is_due = lookout.lock().await.wait(self, looked, stop).await?;
        while is_due && !stop.is_cancelled() {
            let sent = self.send_some(stop).await?;
            self.readiness.good("mailer");
            // Live, the next claim finds out by itself; a look beside it would only ask twice.
            is_due = sent > 0 && (!self.clock.replays() || self.is_due().await?);
        }
        Ok(())
    }

    /// Whether mail is due; what ends by time alone is ended.
    async fn is_due(&self) -> Result<bool, MailerError> {
        let rulebook = self.rulebooks.current().await?.ok_or(MailerError::NoRulebook)?;
        let now = self.clock.now().await?;
        let mut look = self.store.mail_look(now).await?;
        if look.is_over && self.clock.replays() {
            // The replay's present waits for it, so it must not wait for the next round of the house.
            self.end_unaddressed(now).await?;
            self.end_pauses(Some(&rulebook), now).await?;
            look = self.store.mail_look(now).await?;
        }
        let is_due = look.next_due.is_some_and(|due| due <= now);
        if !is_due {
            // With mail due only sending shows whether all is well.
            self.readiness.good("mailer");
        }
        Ok(is_due)
    }

    /// Returns when a restored database was last accepted; see [`Guard::prove`](crate::restore::Guard::prove).
    async fn prove(&self) -> Result<Option<Timestamp>, RestoreError> {
        self.hand.guard.prove(self.log.as_ref(), self.store.as_ref(), self.clock.as_ref()).await
    }

    /// Sends what this worker is dealt of a claim; returns how many recipients were looked at with effect.
    async fn send_some(&self, stop: &CancellationToken) -> Result<usize, MailerError> {
        let mut way = Some(self.transport.ready().await?);
        // Connecting may have taken minutes, and quiet hours begun: what is claimed now is judged by now.
        let share = self.share().await?;
        let deadline = Deadline { at: share.claimed_at + DOT_WITHIN, stop: stop.clone() };
        let mut known: Vec<(Attempt, Settlement)> = Vec::with_capacity(share.attempts.len());
        for attempt in share.attempts {
            let at = if self.clock.replays() { attempt.due.message.due } else { share.now };
            let settlement = {
                let mut sending = pin!(self.send_over(&mut way, &share.rulebook, &attempt, &deadline, at));
                if known.is_empty() {
                    sending.await
                } else {
                    tokio::select! {
                        biased;
                        settlement = &mut sending => settlement,
                        // What is known already does not wait for a relay that takes its time.
                        () = self.clock.pause(PATIENCE) => {
                            let before = std::mem::take(&mut known);
                            tokio::join!(sending, self.settle(before, stop)).0
                        }
                    }
                }
            };
            known.push((attempt, settlement));
        }
        // Others may have the connection.
        drop(way);
        self.settle(known, stop).await;
        // The limit holds whether this is written or not; written, it holds until a person has looked.
        for workflow in &share.over {
            if reputation::stop_burst(self.store.as_ref(), self.shards, workflow, share.stop_above, share.now).await? {
                error!(workflow, share.stop_above, "mail of a workflow is stopped: too much of it within an hour");
            }
        }
        Ok(share.looked_at)
    }

    /// What becomes of an attempt over this way, which is gone after a breakdown.
    async fn send_over(
        &self,
        way: &mut Option<Box<dyn Connection>>,
        rulebook: &Arc<Applied>,
        attempt: &Attempt,
        deadline: &Deadline,
        at: Timestamp,
    ) -> Settlement {
        if deadline.stop.is_cancelled() {
            // Whoever stops us waits but a few seconds: what has not begun is for another mailer, and in no doubt.
            return outcome::stopped(attempt);
        }
        if deadline.is_over(self.clock.monotonic()) {
            // Those before it took long. Its dot would not leave any more; claimed anew, it has time of its own.
            return outcome::overtaken(attempt);
        }
        let Some(mut connection) = way.take() else {
            return self.again(attempt, "the mailer broke down over another mail", at);
        };
        let tried = self.send_one(rulebook, connection.as_mut(), attempt, deadline, at);
        if let Ok(settlement) = AssertUnwindSafe(tried).catch_unwind().await {
            *way = Some(connection);
            return settlement;
        }
        // Nobody knows how far it came, or what the connection is in the middle of.
        let reason = "the mailer broke down over it".to_owned();
        let settlement = self.settlement(attempt, Delivery::InDoubt { reason }, at, &deadline.stop).await;
        Told::all(attempt).settled(attempt, settlement, self.shards)
    }

    /// A recipient's verdict. One over which the policy breaks down costs neither the worker nor other recipients: its mail is put
    /// off, and readiness tells of it until it is judged.
    fn judged(
        &self,
        snapshot: &RecipientSnapshot,
        now: Option<Timestamp>,
        judge: impl FnOnce() -> RecipientVerdict,
    ) -> RecipientVerdict {
        if let Ok(verdict) = catch_unwind(AssertUnwindSafe(judge)) {
            if self.hand.understood(snapshot) {
                self.readiness.good(POLICY);
            }
            return verdict;
        }
        let ids: Vec<_> = snapshot.due.iter().map(|due| due.message.id.as_str()).collect();
        self.readiness.bad(POLICY, format!("it breaks down over mail {}, which is a bug", ids.join(", ")));
        self.hand.baffled_by(snapshot);
        policy::put_off(snapshot, now, self.shards)
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
        connection: &mut dyn Connection,
        attempt: &Attempt,
        deadline: &Deadline,
        at: Timestamp,
    ) -> Settlement {
        let message = &attempt.due.message;
        let begun = self.clock.monotonic();
        let texts = match self.texts_of(rulebook, message).await {
            Ok(texts) => texts,
            // Nothing has left yet: it is tried again when the texts can be read.
            Err(error) => return self.again(attempt, &error.to_string(), at),
        };
        let mut along = Vec::with_capacity(attempt.along.len());
        for due in &attempt.along {
            match self.texts_of(rulebook, &due.message).await {
                Ok(texts) => along.push(texts),
                Err(error) => return self.again(attempt, &error.to_string(), at),
            }
        }
        let built = catch_unwind(AssertUnwindSafe(|| {
            let along: Vec<&Applied> = along.iter().map(|applied| &**applied).collect();
            let (letter, told) =
                together(rulebook, &texts, &along, attempt, &self.links, at).map_err(|error| error.to_string())?;
            let bytes = self.transport.compose(&letter)?;
            let from = build::return_path(rulebook, &self.links, &message.id, &letter.from.address);
            Ok((Envelope { from, to: letter.to.address }, bytes, told))
        }));
        match built.unwrap_or_else(|_| Err("panicked, which is a bug".to_owned())) {
            Ok((envelope, bytes, told)) => {
                let delivery = connection.send(&envelope, &bytes, deadline).await;
                relays::note(connection.relay(), message, &delivery);
                if slow::asks_for_less(&delivery) {
                    let (provider, _) = pace::provider(&attempt.address, rulebook);
                    if let Some(level) = self.hand.slow.asked(&provider, self.clock.monotonic()) {
                        let times = 1_u32 << level;
                        warn!(provider, times, "a provider asks for less mail, and gets it so many times more slowly");
                    }
                }
                let reply = self.proof(&delivery, attempt, &envelope, begun, at);
                let mut settlement = self.settlement(attempt, delivery, at, &deadline.stop).await;
                if let Settlement::Ended(ended) = &mut settlement {
                    ended.reply = reply;
                }
                told.settled(attempt, settlement, self.shards)
            }
            Err(problem) => {
                warn!(message = %message.id, workflow = message.workflow, mail = message.mail, %problem, "mail cannot be rendered");
                let reason = format!("render: {problem}");
                Settlement::Ended(self.ended(message, attempt.attempt, MessageState::Failed, &reason, at))
            }
        }
    }

    /// The mailer's now for this message: live the present, in a replay the message's due time.
    async fn moment(&self, attempt: &Attempt) -> Result<Timestamp, StoreError> {
        if self.clock.replays() { Ok(attempt.due.message.due) } else { self.clock.now().await }
    }
}

/// A message's end with its outcome record.
#[must_use]
pub fn ended(
    message: &MessageRow,
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
    EndedMessage {
        id: message.id.clone(),
        state,
        reason: reason.to_owned(),
        at,
        outbox,
        reply: None,
        along: Vec::new(),
    }
}
