//! The database port. Every method is one transaction; every writing one may be repeated after an error.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_contact::Kind as MailKind;
use rapport_contact::breaker::Tally;
use rapport_event::id::{PartnerKey, ProgramId};
use rapport_event::wire::SourcePosition;
use tokio::sync::watch;

use super::copies::SentCopy;
use super::keep::Keep;
use super::leave::Leave;
use super::operating::{AuditRow, Operation, PauseRow, TaskQuery};
use super::rows::{
    AnonymousAnswer, AnonymousTally, CallSettled, ClickRow, CoordinatorCommit, DayCloseRow, DayPartRow, DeadLetterRow,
    DefinitionRow, Ids, JudgedClick, MessageRow, MessageState, NumberedOutboxRow, OpenClick, OutboxRow, PartnerBundle,
    PersonRow, PromiseRow, QuarantineRow, RelayReply, RequestRow, ReservationRow, ShardCommit, ShardRow, TakenCall,
    Target, TaskRow, TimerRow,
};
use super::written::Written;
use crate::story::Story;

/// Why the store could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Connection lost, pool exhausted, serialization failure: try again.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The connection was lost while committing: done or not is to be found out from the shard row.
    #[error("the database connection was lost during commit: {0}")]
    CommitUnknown(String),
    /// A bug or a schema that is not ours.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// Stored bytes that cannot be read.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
}

/// What became of a commit that names an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a fenced owner must step down"]
pub enum Committed {
    /// Written.
    Done,
    /// The row is another owner's, or further than we thought: nothing was written.
    Fenced,
}

/// Who is alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alive {
    /// Processes of the kind, heard of within the lease.
    pub processes: Vec<String>,
}

/// What a mailer wants to claim.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The claiming mailer.
    pub mailer: String,
    /// The present (in replay P).
    pub now: Timestamp,
    /// At most so many recipients.
    pub limit: usize,
    /// Mail of a shard whose clock is older than this is not claimable. In replay this is P itself.
    pub clock_at_least: Timestamp,
    /// Counts what leaves an hour; `None` counts nothing.
    pub burst: Option<BurstLimit>,
}

impl ClaimRequest {
    /// Whether the mailer replays: it asks for shards that have come to exactly the present.
    #[must_use]
    pub fn replays(&self) -> bool {
        self.clock_at_least >= self.now
    }
}

/// How many mails of one workflow may leave within an hour, over all mailers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BurstLimit {
    /// No more than so many; `None` only counts.
    pub stop_above: Option<u32>,
    /// Workflows that write to a whole audience at once, which is looked at before they do.
    pub broadcasts: BTreeSet<String>,
}

/// Minutes whose mails count together: any hour lies within them.
pub const BURST_MINUTES: i64 = 60;

/// The minute of an instant, by which mails are counted.
#[must_use]
pub fn minute_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(60_000)
}

/// What a claim brought.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// Recipients looked at whose mail was taken, deferred or ended, or follows to a newer address; 0 means that nothing is due.
    pub looked_at: usize,
    /// Messages now in hand.
    pub attempts: Vec<Attempt>,
    /// Workflows of which mail was left where it is, because the hour's limit is reached.
    pub over: BTreeSet<String>,
}

/// A recipient under lock, as the contact policy sees it.
#[derive(Debug, Clone)]
pub struct RecipientSnapshot {
    /// Normalised address.
    pub address: String,
    /// Queued messages with `due` ≤ now, by (priority descending, due, id).
    pub due: Vec<DueMessage>,
    /// Suppressions in force: topic (`None`: everything) and reason code.
    pub suppressions: Vec<(Option<String>, String)>,
    /// Accepted or in-doubt mails of the last eight days.
    pub accepted: Vec<(Timestamp, MailKind)>,
    /// The same mails with what they were, to know a copy by.
    pub copies: Vec<SentCopy>,
    /// Workflows and providers whose marketing mail is stopped, whoever the recipient is.
    pub stopped: Vec<(String, String)>,
    /// In a replay: other partners have the address, too, and a shard has yet to come to the present; live nobody asks.
    pub awaits_others: bool,
}

/// A due message with what the policy needs to know of its partner.
#[derive(Debug, Clone)]
pub struct DueMessage {
    /// The message.
    pub message: MessageRow,
    /// Merged personal fields as a JSON object.
    pub person: String,
    /// Held by another workflow's journey: until when (`None`: open-ended).
    pub held: Option<Option<Timestamp>>,
    /// In a replay, the journeys that hold it without an end; live nobody asks.
    pub holders: Vec<Holder>,
    /// Earlier attempts.
    pub attempts: u32,
}

/// A journey that holds mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The journey as it is stored.
    pub body: String,
    /// Whether a mail of its own waits to be claimed.
    pub has_mail_queued: bool,
    /// When its timer is due.
    pub timer_due: Option<Timestamp>,
    /// Whether nobody knows its version, so that what moves it is kept until somebody does.
    pub is_put_aside: bool,
}

/// What the policy says about a recipient's due messages. Messages not named stay as they are.
#[derive(Debug, Clone, Default)]
pub struct RecipientVerdict {
    /// The one message to attempt now.
    pub take: Option<String>,
    /// Those that travel with it in a digest. They stay queued, claimed by nobody, until it is settled.
    pub along: Vec<String>,
    /// Looked at again at the instant, with the reason's code.
    pub defer: Vec<(String, Timestamp, String)>,
    /// Ended without being sent, with state, reason code and when.
    pub end: Vec<EndedMessage>,
    /// Limits over many people under which the taken message leaves; where they hold it, it is put off and not taken. `None`
    /// counts nothing.
    pub leave: Option<Leave>,
}

/// A message that ended, with the outcome record to append.
#[derive(Debug, Clone)]
pub struct EndedMessage {
    /// The message.
    pub id: String,
    /// Terminal state.
    pub state: MessageState,
    /// Reason code, or the server's words.
    pub reason: String,
    /// When (in replay the message's due time).
    pub at: Timestamp,
    /// The outcome record.
    pub outbox: OutboxRow,
    /// What the relay said when it accepted the mail; nothing where it did not, or nobody heard it.
    pub reply: Option<RelayReply>,
    /// What becomes of those that travelled with it. Those not named are free again.
    pub along: Vec<EndedMessage>,
}

/// A message in hand.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Raised with every attempt of the message.
    pub attempt: i64,
    /// The address.
    pub address: String,
    /// What to send.
    pub due: DueMessage,
    /// What travels with it in a digest, by (priority descending, due, id); nothing where it travels alone.
    pub along: Vec<DueMessage>,
}

/// The result of an attempt.
#[allow(clippy::large_enum_variant, reason = "made one at a time, and used at once")]
#[derive(Debug, Clone)]
pub enum Settlement {
    /// Ended: sent, failed or in doubt. A late 250 may turn `in_doubt` into `sent`, and a message that was put back and not taken
    /// again.
    Ended(EndedMessage),
    /// Back to the queue, the cap's count returned. What travels with it is free again.
    Requeue {
        /// Not before.
        due: Timestamp,
        /// Why.
        reason: String,
    },
}

/// A mail of which nobody knows whether it was accepted.
#[derive(Debug, Clone)]
pub struct Doubtful {
    /// What was sent, or not.
    pub message: MessageRow,
    /// The attempt that is in doubt.
    pub attempt: i64,
    /// The address.
    pub address: String,
    /// Since when.
    pub since: Timestamp,
    /// What happened.
    pub reason: String,
}

/// What a person found out about a mail in doubt.
#[allow(clippy::large_enum_variant, reason = "made one at a time, and used at once")]
#[derive(Debug, Clone)]
pub enum Resolution {
    /// It was sent, or it was not.
    Ended(EndedMessage),
    /// Nobody knows, and twice is better than not at all. What travelled with it is queued again, too.
    SendAgain {
        /// From now on.
        due: Timestamp,
        /// At once or not at all: nobody looks any more at what would stop its journey.
        expires: Timestamp,
        /// Who wants it, and why.
        reason: String,
    },
}

/// The code of a suppression that the partner asked for.
pub const UNSUBSCRIBED: &str = "unsubscribe";

/// A suppression to be added or lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuppressionChange {
    /// The address, normalised.
    pub address: String,
    /// The topic; everything when not given.
    pub topic: Option<String>,
    /// The reason's code. Lifting one leaves those of other reasons.
    pub reason: String,
    /// Since when; `None` lifts it.
    pub since: Option<Timestamp>,
}

impl SuppressionChange {
    /// No mail of the topic, or none at all, goes to the address from now on.
    #[must_use]
    pub fn add(address: &str, topic: Option<&str>, reason: &str, at: Timestamp) -> Self {
        Self { since: Some(at), ..Self::lift(address, topic, reason) }
    }

    /// The suppression with exactly this topic and reason ends.
    #[must_use]
    pub fn lift(address: &str, topic: Option<&str>, reason: &str) -> Self {
        Self { address: address.to_owned(), topic: topic.map(str::to_owned), reason: reason.to_owned(), since: None }
    }
}

/// Something said about our mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackRow {
    /// The same when it is told again.
    pub id: String,
    /// Who said it: `mail`, or a provider.
    pub origin: String,
    /// What: `bounce.hard`, `complaint` …
    pub what: String,
    /// The key of the normalised address ([`rapport_contact::NormalisedAddress::key`]), never the address.
    pub address: Option<String>,
    /// The message it is about.
    pub message: Option<String>,
    /// The workflow that wrote it.
    pub workflow: Option<String>,
    /// When it came in.
    pub at: Timestamp,
}

/// What became of a workflow's marketing mail to one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainTally {
    /// The part of the addresses after the `@`.
    pub domain: String,
    /// How much, and how it fared.
    pub tally: Tally,
}

/// What a mailer's look is about, in one question: in a replay it is asked after every commit of a shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailLook {
    /// The earliest `due` of a message that can be claimed.
    pub next_due: Option<Timestamp>,
    /// A pause, or the time of a message without an address, is over: somebody has to end it.
    pub is_over: bool,
}

/// What is left to do anywhere; all zero means the replay's present may move on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Outbox rows not yet appended.
    pub outbox: i64,
    /// Messages due by the instant asked for, or attempting; without an address those whose time ran out.
    pub messages: i64,
    /// Requests not answered.
    pub requests: i64,
    /// Timers due by the instant asked for.
    pub timers: i64,
    /// Calls of other systems due by then.
    pub calls: i64,
}

/// What a courier wants to take.
#[derive(Debug, Clone, Copy)]
pub struct CallClaim {
    /// The present (in replay P).
    pub now: Timestamp,
    /// Until when the taken calls are nobody else's.
    pub lease_until: Timestamp,
    /// At most so many.
    pub limit: usize,
    /// Calls of a shard whose clock is older stay.
    pub clock_at_least: Timestamp,
}

/// The store.
#[async_trait]
pub trait Store: Send + Sync {
    /// The database server's time.
    async fn server_time(&self) -> Result<Timestamp, StoreError>;
    /// Whether it can be written to; a standby answers, and takes nothing.
    ///
    /// # Errors
    /// `Unavailable` when it cannot.
    async fn takes_writes(&self) -> Result<(), StoreError> {
        self.server_time().await.map(|_| ())
    }
    /// Checks that the schema is the one this binary knows.
    async fn check_schema(&self) -> Result<(), StoreError>;
    /// Hears of what is written from now on, by this process and all others that listen. `None` where a store cannot tell: there one has to ask. For a replay:
    /// from the first call on a store with other processes, telling costs every writer a little.
    fn written(&self) -> Option<watch::Receiver<Written>> {
        None
    }
    /// A fact about this installation (shard count, cluster id, topic).
    async fn meta(&self, name: &str) -> Result<Option<String>, StoreError>;
    /// Writes a fact unless another value stands; returns what stands.
    async fn pin_meta(&self, name: &str, value: &str) -> Result<String, StoreError>;
    /// Writes a fact whatever stands.
    async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError>;
    /// The replay's present, if one is set.
    async fn replay_present(&self) -> Result<Option<Timestamp>, StoreError>;
    /// Moves the replay's present; never back.
    async fn set_replay_present(&self, present: Timestamp) -> Result<(), StoreError>;

    /// Says that a process (`engine`, `mailer`…) lives, and who else of its kind does (heard of within `lease`).
    async fn heartbeat(&self, kind: &str, process: &str, lease: std::time::Duration) -> Result<Alive, StoreError>;
    /// Says good-bye.
    async fn farewell(&self, kind: &str, process: &str) -> Result<(), StoreError>;
    /// Creates missing shard rows `0..shards` and the coordinator's.
    async fn create_shards(&self, shards: u32) -> Result<(), StoreError>;
    /// One shard row.
    async fn shard_row(&self, shard: i32) -> Result<Option<ShardRow>, StoreError>;
    /// All shard rows, coordinator's included.
    async fn shard_rows(&self) -> Result<Vec<ShardRow>, StoreError>;
    /// Takes a shard that is free, ours already, or silent for `lease`: epoch + 1. `None`: somebody else has it.
    async fn take_shard(
        &self,
        shard: i32,
        owner: &str,
        lease: std::time::Duration,
    ) -> Result<Option<ShardRow>, StoreError>;
    /// Refreshes `seen_at` of shards we own; returns those still ours under the given epochs.
    async fn touch_shards(&self, owner: &str, owned: &[(i32, i64)]) -> Result<Vec<i32>, StoreError>;
    /// Gives a shard up if the epoch is still ours.
    async fn release_shard(&self, shard: i32, epoch: i64) -> Result<(), StoreError>;
    /// After a restore: lets a shard's commits count on from `commit_no`, under a new epoch and without an owner, and moves the
    /// outbox's positions on.
    async fn raise_commit_no(&self, shard: i32, commit_no: i64) -> Result<(), StoreError>;
    /// Writes a batch.
    async fn commit_shard(&self, commit: &ShardCommit) -> Result<Committed, StoreError>;

    /// Loads partners with journeys; missing ones are left out.
    async fn load_partners(&self, shard: u32, keys: &[PartnerKey]) -> Result<Vec<PartnerBundle>, StoreError>;
    /// A page of a shard's partners in key order.
    async fn page_partners(
        &self,
        shard: u32,
        after: Option<&PartnerKey>,
        limit: usize,
    ) -> Result<Vec<PartnerBundle>, StoreError>;
    /// Conversion states by id; missing ones are left out.
    async fn load_conversions(
        &self,
        ids: &[(PartnerKey, String)],
    ) -> Result<Vec<super::rows::ConversionRow>, StoreError>;
    /// The highest positions folded per (source, incarnation, partition), of a shard or, with none named, of each.
    async fn seen(&self, shard: Option<u32>) -> Result<Vec<SourcePosition>, StoreError>;
    /// Sets a fact that is a number, unless a lower one stands.
    async fn lower_meta(&self, name: &str, number: i64) -> Result<(), StoreError>;
    /// Ids committed since the instant (of the shard's clock), in order.
    async fn recent_ids(&self, shard: u32, since: Timestamp) -> Result<Ids, StoreError>;
    /// When time passed without a record and something was due: `(offset of the next record, clock)`, in order.
    async fn clock_marks(&self, shard: u32) -> Result<Vec<(i64, Timestamp)>, StoreError>;
    /// The next timers of a shard in the order (due, partner, subject), after the given one, at most `limit`.
    async fn next_timers(
        &self,
        shard: u32,
        after: Option<&TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError>;
    /// Offsets of records that wait because the partner is quarantined, with the reason.
    async fn parked(&self, key: &PartnerKey) -> Result<Vec<(i64, String)>, StoreError>;
    /// Everybody in quarantine, longest first.
    async fn quarantines(&self) -> Result<Vec<QuarantineRow>, StoreError>;

    /// Day parts of a programme's day.
    async fn day_parts(&self, program: &ProgramId, day: jiff::civil::Date) -> Result<Vec<DayPartRow>, StoreError>;
    /// One shard's part of a programme's day.
    async fn day_part(
        &self,
        program: &ProgramId,
        day: jiff::civil::Date,
        shard: u32,
    ) -> Result<Option<Vec<u8>>, StoreError>;
    /// The programme's last closed day.
    async fn last_day_close(&self, program: &ProgramId) -> Result<Option<DayCloseRow>, StoreError>;
    /// The programme's newest closed day up to and including a day.
    async fn day_close_by(
        &self,
        program: &ProgramId,
        day: jiff::civil::Date,
    ) -> Result<Option<DayCloseRow>, StoreError>;
    /// Programmes with at least one day part.
    async fn programs_with_parts(&self) -> Result<Vec<ProgramId>, StoreError>;
    /// The earliest day with parts after `after`.
    async fn next_part_day(
        &self,
        program: &ProgramId,
        after: Option<jiff::civil::Date>,
    ) -> Result<Option<jiff::civil::Date>, StoreError>;
    /// Unanswered requests, oldest first.
    async fn open_requests(&self, limit: usize) -> Result<Vec<RequestRow>, StoreError>;
    /// Reservations of an offer since an instant, of one partner or of all.
    async fn reservations(
        &self,
        offer: &str,
        key: Option<&PartnerKey>,
        since: Timestamp,
    ) -> Result<Vec<ReservationRow>, StoreError>;
    /// The offer reserved for a message, if one was.
    async fn promise(&self, message: &str) -> Result<Option<PromiseRow>, StoreError>;
    /// Writes the coordinator's decisions.
    async fn commit_coordinator(&self, commit: &CoordinatorCommit) -> Result<Committed, StoreError>;

    /// Stores an applied set of files, a line of the audit and `rulebook.applied` records in one transaction, if the newest
    /// definition is still the one of this hash. `false`: another was applied meanwhile, and nothing was written.
    async fn apply_definition(
        &self,
        definition: &DefinitionRow,
        previous: Option<&str>,
        audit: &AuditRow,
        outbox: &[OutboxRow],
    ) -> Result<bool, StoreError>;
    /// The hash of the newest definition.
    async fn current_definition_hash(&self) -> Result<Option<String>, StoreError>;
    /// Hashes of all definitions, newest first.
    async fn definition_hashes(&self) -> Result<Vec<String>, StoreError>;
    /// The newest definition.
    async fn current_definition(&self) -> Result<Option<DefinitionRow>, StoreError>;
    /// A definition by hash.
    async fn definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError>;

    /// Stores personal fields; repeating it changes nothing. A version told again takes what is new field by field; so do later
    /// versions when read. A null says nothing.
    async fn store_persons(&self, persons: &[PersonRow]) -> Result<(), StoreError>;
    /// Merged personal fields as a JSON object.
    async fn person(&self, key: &PartnerKey) -> Result<Option<String>, StoreError>;
    /// Adds and lifts suppressions, and adds the records that tell of it, all or nothing. Repeating it changes nothing.
    async fn change_suppressions(&self, changes: &[SuppressionChange], told: &[OutboxRow]) -> Result<(), StoreError>;
    /// Notes reports with what follows from them, in one transaction; `false`: one was known, and nothing was changed.
    async fn take_feedback(
        &self,
        rows: &[FeedbackRow],
        changes: &[SuppressionChange],
        told: &[OutboxRow],
    ) -> Result<bool, StoreError>;
    /// Counts an answer to an anonymous survey; `false`: its ticket was used, and nothing was changed. What may be told of the survey
    /// grows only by [`super::rows::ANSWERS_TOLD_MIN`] answers or more at once.
    async fn take_anonymous(&self, answer: &AnonymousAnswer) -> Result<bool, StoreError>;
    /// What may be told of a programme's anonymous surveys, by survey, period and answer.
    async fn anonymous_tallies(&self, program: &ProgramId) -> Result<Vec<AnonymousTally>, StoreError>;
    /// Notes that a counted link was followed; `false` when one was noted in the same minute, when there is no such message, or when
    /// its partner was erased since.
    async fn note_click(&self, click: &ClickRow) -> Result<bool, StoreError>;
    /// Clicks up to an instant that were not judged, oldest first.
    async fn open_clicks(&self, until: Timestamp, limit: usize) -> Result<Vec<OpenClick>, StoreError>;
    /// Writes judgements, each once, with the records of those that a person made; forgets what was judged of clicks before an instant.
    async fn judge_clicks(&self, judged: &[JudgedClick], forget: Timestamp) -> Result<(), StoreError>;
    /// How many reports of one sort came about an address (its key) since then.
    async fn feedback_count(&self, address: &str, what: &str, since: Timestamp) -> Result<i64, StoreError>;
    /// Workflows of whose mails something was reported since then.
    async fn reported_workflows(&self, since: Timestamp) -> Result<Vec<String>, StoreError>;
    /// How a workflow's marketing mail fared since then, by domain. What bounced or was complained about counts by when that was
    /// told; a mail refused while it was sent counts as one that left.
    async fn tallies(&self, workflow: &str, since: Timestamp) -> Result<Vec<DomainTally>, StoreError>;
    /// Mails that left within the hour before, by workflow, as claims count them.
    async fn mails_an_hour(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError>;
    /// Partners whose newest address is this one (normalised).
    async fn partners_at(&self, address: &str) -> Result<Vec<PartnerKey>, StoreError>;
    /// Suppressions of an address (normalised): topic (`None`: everything) and reason code.
    async fn suppressions(&self, address: &str) -> Result<Vec<(Option<String>, String)>, StoreError>;
    /// A planned message by its id, whatever became of it.
    async fn message(&self, id: &str) -> Result<Option<MessageRow>, StoreError>;

    /// Claims due mail recipient by recipient. `decide` is called under the recipient's lock and must be quick. It is never shown
    /// mail of a partner whose newest address is another: in the same transaction that follows to the newest one, under which the
    /// next claim finds and judges it. So nothing depends on when, or whether, a shard folds the record that tells of an address.
    async fn claim(
        &self,
        request: &ClaimRequest,
        decide: &(dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync),
    ) -> Result<Claimed, StoreError>;
    /// Writes what became of an attempt and of what travels with it, all or nothing; `false` when the message is no longer in that
    /// attempt.
    async fn settle(&self, attempt: &Attempt, settlement: &Settlement) -> Result<bool, StoreError>;
    /// Ends attempts with which nothing travels as [`settle`](Self::settle) would one of them, all of these or none; for each whether
    /// it was still in that attempt. No attempt may stand in it twice; two attempts at one message may.
    async fn end_attempts(&self, ends: &[(Attempt, EndedMessage)]) -> Result<Vec<bool>, StoreError>;
    /// Mail in doubt, oldest first, at most `limit`.
    async fn doubtful(&self, limit: usize) -> Result<Vec<Doubtful>, StoreError>;
    /// Writes what a person found out about a mail in doubt; `false` when it is not in doubt any more, or is to be sent again
    /// although its journey was stopped while it was in hand.
    async fn resolve(&self, doubtful: &Doubtful, found: &Resolution) -> Result<bool, StoreError>;
    /// Attempts this mailer has in hand.
    async fn attempts_of(&self, mailer: &str) -> Result<Vec<Attempt>, StoreError>;
    /// Attempts of mailers not heard of for `silence`; the caller settles them as in doubt.
    async fn stale_attempts(&self, silence: std::time::Duration, limit: usize) -> Result<Vec<Attempt>, StoreError>;
    /// Messages without an address whose time ran out.
    async fn unaddressed_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<MessageRow>, StoreError>;
    /// Ends messages that are still queued (`no_address`).
    async fn end_queued(&self, ended: &[EndedMessage]) -> Result<(), StoreError>;
    /// What a mailer finds when it looks whether there is anything to do.
    async fn mail_look(&self, now: Timestamp) -> Result<MailLook, StoreError>;

    /// Takes due calls under a lease, oldest first; each try has a number of its own.
    async fn claim_calls(&self, claim: &CallClaim) -> Result<Vec<TakenCall>, StoreError>;
    /// Writes what a try came to, with the record that tells it; `false` when a later try has it, or its journey took it back.
    async fn settle_call(&self, id: &str, attempt: i64, settled: &CallSettled) -> Result<bool, StoreError>;
    /// Tasks and cases, open ones first, by due day.
    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<TaskRow>, StoreError>;
    /// Carries out what was decided. `false`: the pause to be lifted is not there or its time is not over, the task is not open,
    /// or it was to be done once and was, and nothing was written.
    async fn operate(&self, operation: &Operation) -> Result<bool, StoreError>;
    /// Pauses in force, oldest first.
    async fn pauses(&self) -> Result<Vec<PauseRow>, StoreError>;
    /// Adds a line to the audit: what was refused changes nothing else.
    async fn note_audit(&self, audit: &AuditRow) -> Result<(), StoreError>;
    /// Lines of the audit whose action begins with this, newest first.
    async fn audits(&self, action: &str, limit: usize) -> Result<Vec<AuditRow>, StoreError>;

    /// Adds records to the outbox (commands, gateway events).
    async fn add_outbox(&self, rows: &[OutboxRow]) -> Result<(), StoreError>;
    /// The next outbox rows in order.
    async fn outbox(&self, limit: usize) -> Result<Vec<NumberedOutboxRow>, StoreError>;
    /// Whether a row for the target waits; costs next to nothing.
    async fn outbox_waits(&self, target: Target) -> Result<bool, StoreError>;
    /// Makes a process the relay, unless another was heard of within `silence`: the new epoch. Zero takes it from a living one.
    async fn take_relay(&self, owner: &str, silence: std::time::Duration) -> Result<Option<i64>, StoreError>;
    /// Says that the relay lives and gives every row that has none a position, then returns the target's first rows by
    /// position. `None`: the epoch is not the relay's any more, and nothing was changed.
    async fn carry_outbox(
        &self,
        epoch: i64,
        target: Target,
        limit: usize,
    ) -> Result<Option<Vec<NumberedOutboxRow>>, StoreError>;
    /// Takes a record that can never be carried out of the outbox, and keeps it as a dead letter.
    async fn set_aside(&self, number: i64, letter: &DeadLetterRow) -> Result<(), StoreError>;
    /// Removes appended rows; whoever knows that they are in the log may.
    async fn outbox_done(&self, numbers: &[i64]) -> Result<(), StoreError>;

    /// Writes dead letters; one at a position that is there already stays.
    async fn dead_letters(&self, rows: &[DeadLetterRow]) -> Result<(), StoreError>;
    /// Lists dead letters, newest first.
    async fn list_dead_letters(&self, code: Option<&str>, limit: usize) -> Result<Vec<DeadLetterRow>, StoreError>;
    /// Dead letters that were not replayed, oldest first, behind this one.
    async fn open_dead_letters(
        &self,
        code: Option<&str>,
        after: Option<&DeadLetterRow>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>, StoreError>;
    /// The dead letter at a position.
    async fn dead_letter(&self, source: &str, partition: i32, offset: i64)
    -> Result<Option<DeadLetterRow>, StoreError>;
    /// The offsets from the first to the last at which a source's records were rejected, and whether they were replayed since.
    async fn dead_letters_between(
        &self,
        source: &str,
        partition: i32,
        first: i64,
        last: i64,
    ) -> Result<Vec<(i64, bool)>, StoreError>;
    /// Marks one replayed.
    async fn dead_letter_replayed(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// What is left to do by the instant.
    async fn outstanding(&self, by: Timestamp) -> Result<Outstanding, StoreError>;
    /// Everything about one partner, for `explain`.
    async fn story(&self, key: &PartnerKey) -> Result<Option<Story>, StoreError>;
    /// Partner keys whose id is `partner`, in any programme.
    async fn find_partners(&self, partner: &str) -> Result<Vec<PartnerKey>, StoreError>;
    /// Counts for summaries: name (`partners`, `conversions`, `journeys/<workflow>`, `messages/<workflow>/<state>`, `not_sent/<reason>`, `signals/<kind>`, `dead_letters/<code>`, `tasks`) and number.
    async fn counts(&self) -> Result<Vec<(String, i64)>, StoreError>;
    /// Runs the checks of `doctor`: name and the offending rows found (0 is good).
    async fn check_invariants(&self) -> Result<Vec<(String, i64)>, StoreError>;
    /// Removes the rows of one class that are past their keep; again, it finds none.
    async fn prune(&self, now: Timestamp, keep: Keep) -> Result<u64, StoreError>;
}
