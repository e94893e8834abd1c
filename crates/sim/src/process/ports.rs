//! Store and log as one process sees them.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use rapport_engine::{
    ports::{
        keep::Keep,
        log::{EventLog, LogError, LogIdentity, LogRecord, NewRecord, Progress, ShardFeed},
        operating::{AuditRow, Operation, PauseRow, TaskQuery},
        rows::{
            AnonymousAnswer, AnonymousTally, CallSettled, ClickRow, ConversionRow, CoordinatorCommit, DayCloseRow,
            DayPartRow, DeadLetterRow, DefinitionRow, Ids, JudgedClick, MessageRow, NumberedOutboxRow, OpenClick,
            OutboxRow, PartnerBundle, PersonRow, PromiseRow, QuarantineRow, RequestRow, ReservationRow, ShardCommit,
            ShardRow, TakenCall, Target, TaskRow, TimerRow,
        },
        store::{
            Alive, Attempt, CallClaim, ClaimRequest, Claimed, Committed, DomainTally, Doubtful, EndedMessage,
            FeedbackRow, MailLook, Outstanding, RecipientSnapshot, RecipientVerdict, Resolution, Settlement, Store,
            StoreError, SuppressionChange,
        },
    },
    story::Story,
};
use rapport_event::{
    id::{PartnerKey, ProgramId},
    wire::SourcePosition,
};

use super::Process;
use rapport_memory::{log::MemoryLog, store::MemoryStore};

fn store_error(late: bool) -> StoreError {
    if late { StoreError::CommitUnknown("injected".into()) } else { StoreError::Unavailable("injected".into()) }
}

/// The store as one process sees it.
pub struct ProcessStore {
    /// The one store of the run.
    pub inner: Arc<MemoryStore>,
    /// Whose view.
    pub process: Arc<Process>,
}

/// Every method is the inner one behind [`Process::call`]; `true` marks those that commit something.
macro_rules! through_process {
    ($($late:literal $name:ident($($argument:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl Store for ProcessStore {
            $(
                async fn $name(&self, $($argument: $type),*) -> Result<$out, StoreError> {
                    self.process.call(stringify!($name), $late, self.inner.$name($($argument),*), store_error).await
                }
            )*
            async fn claim(
                &self,
                request: &ClaimRequest,
                decide: &(dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync),
            ) -> Result<Claimed, StoreError> {
                self.process.call("claim", true, self.inner.claim(request, decide), store_error).await
            }
        }
    };
}

through_process! {
    false server_time() -> Timestamp;
    false takes_writes() -> ();
    false check_schema() -> ();
    false meta(name: &str) -> Option<String>;
    true pin_meta(name: &str, value: &str) -> String;
    true lower_meta(name: &str, number: i64) -> ();
    true set_meta(name: &str, value: &str) -> ();
    false replay_present() -> Option<Timestamp>;
    true set_replay_present(present: Timestamp) -> ();
    true heartbeat(kind: &str, process: &str, lease: Duration) -> Alive;
    true farewell(kind: &str, process: &str) -> ();
    true create_shards(shards: u32) -> ();
    false shard_row(shard: i32) -> Option<ShardRow>;
    false shard_rows() -> Vec<ShardRow>;
    true take_shard(shard: i32, owner: &str, lease: Duration) -> Option<ShardRow>;
    true touch_shards(owner: &str, owned: &[(i32, i64)]) -> Vec<i32>;
    true release_shard(shard: i32, epoch: i64) -> ();
    true raise_commit_no(shard: i32, commit_no: i64) -> ();
    true commit_shard(commit: &ShardCommit) -> Committed;
    false load_partners(shard: u32, keys: &[PartnerKey]) -> Vec<PartnerBundle>;
    false page_partners(shard: u32, after: Option<&PartnerKey>, limit: usize) -> Vec<PartnerBundle>;
    false load_conversions(ids: &[(PartnerKey, String)]) -> Vec<ConversionRow>;
    false recent_ids(shard: u32, since: Timestamp) -> Ids;
    false seen(shard: Option<u32>) -> Vec<SourcePosition>;
    false clock_marks(shard: u32) -> Vec<(i64, Timestamp)>;
    false next_timers(shard: u32, after: Option<&TimerRow>, limit: usize) -> Vec<TimerRow>;
    false parked(key: &PartnerKey) -> Vec<(i64, String)>;
    false quarantines() -> Vec<QuarantineRow>;
    false day_parts(program: &ProgramId, day: Date) -> Vec<DayPartRow>;
    false day_part(program: &ProgramId, day: Date, shard: u32) -> Option<Vec<u8>>;
    false last_day_close(program: &ProgramId) -> Option<DayCloseRow>;
    false day_close_by(program: &ProgramId, day: Date) -> Option<DayCloseRow>;
    false programs_with_parts() -> Vec<ProgramId>;
    false next_part_day(program: &ProgramId, after: Option<Date>) -> Option<Date>;
    false open_requests(limit: usize) -> Vec<RequestRow>;
    false reservations(offer: &str, key: Option<&PartnerKey>, since: Timestamp) -> Vec<ReservationRow>;
    false promise(message: &str) -> Option<PromiseRow>;
    true commit_coordinator(commit: &CoordinatorCommit) -> Committed;
    true apply_definition(
        definition: &DefinitionRow, previous: Option<&str>, audit: &AuditRow, outbox: &[OutboxRow]
    ) -> bool;
    true operate(operation: &Operation) -> bool;
    false pauses() -> Vec<PauseRow>;
    true note_audit(audit: &AuditRow) -> ();
    true claim_calls(claim: &CallClaim) -> Vec<TakenCall>;
    true settle_call(id: &str, attempt: i64, settled: &CallSettled) -> bool;
    false tasks(query: &TaskQuery) -> Vec<TaskRow>;
    false audits(action: &str, limit: usize) -> Vec<AuditRow>;
    false current_definition_hash() -> Option<String>;
    false definition_hashes() -> Vec<String>;
    false current_definition() -> Option<DefinitionRow>;
    false definition(hash: &str) -> Option<DefinitionRow>;
    true store_persons(persons: &[PersonRow]) -> ();
    false person(key: &PartnerKey) -> Option<String>;
    true change_suppressions(changes: &[SuppressionChange], told: &[OutboxRow]) -> ();
    true take_feedback(rows: &[FeedbackRow], changes: &[SuppressionChange], told: &[OutboxRow]) -> bool;
    true take_anonymous(answer: &AnonymousAnswer) -> bool;
    false anonymous_tallies(program: &ProgramId) -> Vec<AnonymousTally>;
    true note_click(click: &ClickRow) -> bool;
    false open_clicks(until: Timestamp, limit: usize) -> Vec<OpenClick>;
    true judge_clicks(judged: &[JudgedClick], forget: Timestamp) -> ();
    false feedback_count(address: &str, what: &str, since: Timestamp) -> i64;
    false reported_workflows(since: Timestamp) -> Vec<String>;
    false tallies(workflow: &str, since: Timestamp) -> Vec<DomainTally>;
    false mails_an_hour(now: Timestamp) -> Vec<(String, i64)>;
    false partners_at(address: &str) -> Vec<PartnerKey>;
    true settle(attempt: &Attempt, settlement: &Settlement) -> bool;
    true end_attempts(ends: &[(Attempt, EndedMessage)]) -> Vec<bool>;
    false doubtful(limit: usize) -> Vec<Doubtful>;
    true resolve(doubtful: &Doubtful, found: &Resolution) -> bool;
    false attempts_of(mailer: &str) -> Vec<Attempt>;
    false stale_attempts(silence: Duration, limit: usize) -> Vec<Attempt>;
    false unaddressed_expired(now: Timestamp, limit: usize) -> Vec<MessageRow>;
    true end_queued(ended: &[EndedMessage]) -> ();
    false mail_look(now: Timestamp) -> MailLook;
    true add_outbox(rows: &[OutboxRow]) -> ();
    false outbox(limit: usize) -> Vec<NumberedOutboxRow>;
    false outbox_waits(target: Target) -> bool;
    true take_relay(owner: &str, silence: Duration) -> Option<i64>;
    true carry_outbox(epoch: i64, target: Target, limit: usize) -> Option<Vec<NumberedOutboxRow>>;
    true set_aside(number: i64, letter: &DeadLetterRow) -> ();
    true outbox_done(numbers: &[i64]) -> ();
    true dead_letters(rows: &[DeadLetterRow]) -> ();
    false list_dead_letters(code: Option<&str>, limit: usize) -> Vec<DeadLetterRow>;
    false open_dead_letters(code: Option<&str>, after: Option<&DeadLetterRow>, limit: usize) -> Vec<DeadLetterRow>;
    false dead_letter(source: &str, partition: i32, offset: i64) -> Option<DeadLetterRow>;
    false dead_letters_between(source: &str, partition: i32, first: i64, last: i64) -> Vec<(i64, bool)>;
    true dead_letter_replayed(source: &str, partition: i32, offset: i64, at: Timestamp) -> ();
    false outstanding(by: Timestamp) -> Outstanding;
    false story(key: &PartnerKey) -> Option<Story>;
    false find_partners(partner: &str) -> Vec<PartnerKey>;
    false counts() -> Vec<(String, i64)>;
    false check_invariants() -> Vec<(String, i64)>;
    true prune(now: Timestamp, keep: Keep) -> u64;
    false suppressions(address: &str) -> Vec<(Option<String>, String)>;
    false message(id: &str) -> Option<MessageRow>;
}

fn log_error(_: bool) -> LogError {
    LogError::Unreachable("injected".into())
}

/// The log as one process sees it.
pub struct ProcessLog {
    /// The one log of the run.
    pub inner: MemoryLog,
    /// Whose view.
    pub process: Arc<Process>,
}

#[async_trait]
impl EventLog for ProcessLog {
    async fn append(&self, records: Vec<NewRecord>) -> Result<(), LogError> {
        // A failure in the middle: a part is in the log for good, and the writer is told that it failed.
        let drawn = self.process.faults().draw("log", "part", records.len() as u64 ^ self.inner.length());
        let (first, rest) = {
            let mut first = records;
            let at = (drawn as usize) % (first.len() + 1);
            let rest = first.split_off(at);
            (first, rest)
        };
        self.process.call("append", true, self.inner.append(first), log_error).await?;
        self.process.call("append_rest", true, self.inner.append(rest), log_error).await
    }
    async fn open(&self, shard: u32, offset: i64) -> Result<Box<dyn ShardFeed>, LogError> {
        let feed = self.process.call("open", false, self.inner.open(shard, offset), log_error).await?;
        Ok(Box::new(ProcessFeed { inner: feed, process: self.process.clone() }))
    }
    async fn begin(&self, shard: u32) -> Result<i64, LogError> {
        self.process.call("begin", false, self.inner.begin(shard), log_error).await
    }
    async fn ends(&self, shards: &[u32]) -> Result<Vec<i64>, LogError> {
        self.process.call("ends", false, self.inner.ends(shards), log_error).await
    }
    async fn describe(&self) -> Result<LogIdentity, LogError> {
        self.inner.describe().await
    }
    async fn read(&self, shard: u32, offset: i64) -> Result<LogRecord, LogError> {
        self.process.call("read", false, self.inner.read(shard, offset), log_error).await
    }
    async fn report(&self, shard: u32, progress: Progress) -> Result<(), LogError> {
        self.inner.report(shard, progress).await
    }
    async fn reported(&self, shards: &[u32]) -> Result<Vec<Option<Progress>>, LogError> {
        self.process.call("reported", false, self.inner.reported(shards), log_error).await
    }
}

struct ProcessFeed {
    inner: Box<dyn ShardFeed>,
    process: Arc<Process>,
}

#[async_trait]
impl ShardFeed for ProcessFeed {
    async fn next(&mut self, max: usize) -> Result<Vec<LogRecord>, LogError> {
        // Not behind `call`: a feed is dropped while it waits, and records taken by a call that is dropped would be lost.
        self.process.live().await;
        if self.process.faults().at(&self.process.name, "feed", self.process.count("feed"))
            == crate::faults::Fault::Fails
        {
            return Err(log_error(false));
        }
        self.inner.next(max).await
    }

    fn caught_up(&self) -> bool {
        self.inner.caught_up()
    }
}
