//! The rows the engine reads and writes, without SQL in them. Instants are `Timestamp` here and epoch milliseconds in the database.

mod anonymous;
mod click;
mod reply;
mod response;
mod work;

use jiff::{Timestamp, civil::Date};
use rapport_event::{
    id::{PartnerKey, ProgramId},
    wire::SourcePosition,
};

pub use anonymous::{ANSWERS_TOLD_MIN, AnonymousAnswer, AnonymousTally};
pub use click::{ClickRow, HUMAN, JudgedClick, OpenClick, TOGETHER_MS, VISITOR_MS};
pub use reply::RelayReply;
pub use response::{Response, ResponseRow};
pub use work::*;

use crate::shard::foresight::Expectations;

/// The shard number of the coordinator's row.
pub const COORDINATOR: i32 = -1;

/// How journeys end that nothing stopped: what they wrote is still right.
pub const ENDED_BY_ITSELF: [&str; 2] = ["completed", "exit"];

/// A shard's one row: who owns it and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ShardRow {
    /// The shard, or [`COORDINATOR`].
    pub shard: i32,
    /// The owning process; `None` when free.
    pub owner: Option<String>,
    /// Raised at every take-over; a commit with an older one changes nothing.
    pub epoch: i64,
    /// Raised at every commit.
    pub commit_no: i64,
    /// The next record to fold.
    pub next_offset: i64,
    /// How far time has come in this shard; `None` before the first record or heartbeat.
    pub clock: Option<Timestamp>,
    /// The rulebook the shard runs, by hash.
    pub rulebook: Option<String>,
    /// What the shard is in the middle of (a day close's second pass), packed by the engine.
    pub cursor: Vec<u8>,
    /// When the owner was last heard of, by the database's clock.
    pub seen_at: Timestamp,
}

/// A partner as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PartnerRow {
    /// Which partner.
    pub key: PartnerKey,
    /// The hot part of the state.
    pub hot: Vec<u8>,
    /// The closed days; `None` in a commit means unchanged.
    pub days: Option<Vec<u8>>,
}

/// A partner with all its journeys, as the engine loads it.
#[derive(Debug, Clone, PartialEq)]
pub struct PartnerBundle {
    /// State.
    pub partner: PartnerRow,
    /// All journeys, ended ones included.
    pub journeys: Vec<JourneyRow>,
}

/// A journey as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct JourneyRow {
    /// Hash of workflow, programme, partner and key, and the run's number.
    pub id: String,
    /// Whose.
    pub key: PartnerKey,
    /// The workflow's folder name.
    pub workflow: String,
    /// The version it runs.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, and the reason's code.
    pub exited: Option<(Timestamp, String)>,
    /// Drawn into the holdout: runs no step.
    pub held_out: bool,
    /// The whole journey as JSON.
    pub body: String,
}

/// A conversion's state, packed by the crate `partner`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversionRow {
    /// Whose.
    pub key: PartnerKey,
    /// Upstream's id.
    pub conversion_id: String,
    /// When it happened; decides when it may be forgotten.
    pub occurred_at: Timestamp,
    /// pending, approved, paid or reversed.
    pub status: String,
    /// Order value in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code of the amount.
    pub currency: String,
    /// The packed state.
    pub body: Vec<u8>,
}

/// A wake-up. One row per (partner, subject); setting it again moves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimerRow {
    /// When.
    pub due: Timestamp,
    /// `journey:<id>`, `silence`, `anniversary`…; with the partner it is the identity.
    pub subject: String,
    /// Whose.
    pub key: PartnerKey,
    /// The journey's wake sequence; another one is void.
    pub seq: u32,
}

/// A change to the timers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimerChange {
    /// Set or move.
    Set(TimerRow),
    /// Remove, if there.
    Clear {
        /// Whose.
        key: PartnerKey,
        /// Which.
        subject: String,
    },
}

/// A signal raised, changed or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct SignalRow {
    /// Deterministic id.
    pub id: String,
    /// Whose.
    pub key: PartnerKey,
    /// Kind as in the catalogue.
    pub kind: String,
    /// When it was raised.
    pub occurred_at: Timestamp,
    /// When it ended, for those that last.
    pub ended_at: Option<Timestamp>,
    /// Payload as JSON, with its evidence.
    pub payload: String,
}

/// Why a workflow was not entered, the last time it was considered.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusalRow {
    /// Whose.
    pub key: PartnerKey,
    /// Which workflow.
    pub workflow: String,
    /// When.
    pub at: Timestamp,
    /// Stable reason code.
    pub code: String,
    /// Clauses with values, as JSON.
    pub clauses: String,
}

/// What a message's state is. The codes stand in SQL, metrics and documents alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MessageState {
    /// Waits to be claimed.
    Queued,
    /// A mailer has it in hand.
    Attempting,
    /// The server accepted it.
    Sent,
    /// Policy said no.
    Suppressed,
    /// Its time ran out.
    Expired,
    /// The server refused it for good.
    Failed,
    /// Whether it was accepted is not known; counts as sent.
    InDoubt,
    /// The journey was stopped before it was claimed.
    Cancelled,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Attempting,
        Self::Sent,
        Self::Suppressed,
        Self::Expired,
        Self::Failed,
        Self::InDoubt,
        Self::Cancelled,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Attempting => "attempting",
            Self::Sent => "sent",
            Self::Suppressed => "suppressed",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A planned message.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageRow {
    /// Hash of journey, step and occurrence.
    pub id: String,
    /// The partner's shard.
    pub shard: u32,
    /// Whose.
    pub key: PartnerKey,
    /// The workflow's folder name.
    pub workflow: String,
    /// The journey.
    pub journey: String,
    /// The step's id.
    pub step: String,
    /// Mail file without language and ending.
    pub mail: String,
    /// The rulebook (by hash) whose mails and settings it is rendered with.
    pub rulebook: String,
    /// `marketing` or `service`.
    pub kind: String,
    /// The topic a partner can opt out of.
    pub topic: String,
    /// Higher goes first.
    pub priority: i16,
    /// `at_most_once` or `at_least_once`.
    pub policy: String,
    /// When the step planned it.
    pub planned_at: Timestamp,
    /// Not before.
    pub due: Timestamp,
    /// Not after.
    pub expires: Timestamp,
    /// Everything the mail names and the engine knows, as JSON.
    pub context: String,
}

impl MessageRow {
    /// Whether it is sent again when nobody knows whether it was accepted.
    #[must_use]
    pub fn is_sent_again(&self) -> bool {
        self.policy == rapport_workflow::DeliveryPolicy::AtLeastOnce.code()
    }
}

/// Holds (`holds:`) on a partner's mail of some workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldRow {
    /// Whose.
    pub key: PartnerKey,
    /// The held workflow.
    pub workflow: String,
    /// The holding journey.
    pub by_journey: String,
    /// Until when; `None`: until the holding journey ends; in the past: released.
    pub until: Option<Timestamp>,
}

/// Something the coordinator has to decide.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestRow {
    /// Deterministic id.
    pub id: String,
    /// Who asks.
    pub key: PartnerKey,
    /// The asking journey.
    pub journey: String,
    /// `offer`.
    pub kind: String,
    /// What is asked, as JSON (for an offer: `offer`, `step`).
    pub body: String,
    /// When.
    pub at: Timestamp,
}

/// Where the relay takes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The event log: the record comes back to its shard.
    Events,
    /// The topic on which other systems hear of signals.
    Signals,
}

impl Target {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Signals => "signals",
        }
    }

    /// The target of a code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [Self::Events, Self::Signals].into_iter().find(|target| target.code() == code)
    }
}

/// A record on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxRow {
    /// Where to.
    pub target: Target,
    /// Event id; derived, so that appending it twice is harmless.
    pub event_id: String,
    /// To which shard.
    pub shard: u32,
    /// The partner it is about; programme-wide records use the programme's own key.
    pub key: Vec<u8>,
    /// The event in its internal encoding; for other systems as they read it.
    pub value: Vec<u8>,
}

/// A stored outbox row with its number.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberedOutboxRow {
    /// Increasing within a transaction and between transactions that follow each other.
    pub number: i64,
    /// The place a relay gave it before it was carried for the first time: dense, never given twice, never changed.
    pub position: Option<i64>,
    /// The row.
    pub row: OutboxRow,
}

/// What the relay's records name as their source. No topic can be called so.
pub const OUTBOX_SOURCE: &str = "rapport:outbox";
/// So far positions are moved on when a restored database is accepted: past all that its lost future can have given.
pub const POSITIONS_AFTER_RESTORE: i64 = 1 << 40;

/// A partner in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Who.
    pub key: PartnerKey,
    /// What went wrong, for people.
    pub reason: String,
    /// Since when, by the shard's clock.
    pub at: Timestamp,
    /// Records that wait.
    pub parked: i64,
}

/// One shard's contribution to a programme's day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayPartRow {
    /// Programme.
    pub program: ProgramId,
    /// Day in the programme's zone.
    pub day: Date,
    /// The shard.
    pub shard: u32,
    /// Packed parts of eligible partners.
    pub body: Vec<u8>,
}

/// A programme's closed day.
#[derive(Debug, Clone, PartialEq)]
pub struct DayCloseRow {
    /// Programme.
    pub program: ProgramId,
    /// Day in the programme's zone.
    pub day: Date,
    /// The decision of the crate `insight`, JSON, and with it what was sold on the day.
    pub body: Vec<u8>,
    /// The programme's state after it.
    pub state: Vec<u8>,
    /// The programme's newest fit, JSON; empty before the first.
    pub fit: Vec<u8>,
}

impl DayCloseRow {
    /// The fit, if there is one.
    #[must_use]
    pub fn expectations(&self) -> Option<Expectations> {
        serde_json::from_slice(&self.fit).ok()
    }
}

/// Hashes of ids, by the minute at whose end their records came.
pub type Ids = Vec<(Timestamp, Vec<u64>)>;

/// Everything one batch of a shard changes. Written in one transaction whose first statement moves the shard row.
#[derive(Debug, Clone, Default)]
pub struct ShardCommit {
    /// The shard.
    pub shard: i32,
    /// The epoch we own it under.
    pub epoch: i64,
    /// The `commit_no` we expect to find.
    pub commit_no: i64,
    /// The next record to fold after this.
    pub next_offset: i64,
    /// The clock after this.
    pub clock: Option<Timestamp>,
    /// Highest positions folded per (source, incarnation, partition), as far as this batch moved them.
    pub seen: Vec<SourcePosition>,
    /// The rulebook after this.
    pub rulebook: Option<String>,
    /// The cursor after this.
    pub cursor: Vec<u8>,
    /// `clock` moved and something fired without a record: noted so that a replay can re-enact it.
    pub clock_mark: bool,
    /// Hashes of the ids in this batch by which activities are recognised.
    pub ids: Ids,
    /// Partners touched.
    pub partners: Vec<PartnerRow>,
    /// Conversions touched.
    pub conversions: Vec<ConversionRow>,
    /// Signals.
    pub signals: Vec<SignalRow>,
    /// Refusals, the last per partner and workflow.
    pub refusals: Vec<RefusalRow>,
    /// What partners did about mails.
    pub responses: Vec<ResponseRow>,
    /// Journeys touched.
    pub journeys: Vec<JourneyRow>,
    /// Timer changes, in order.
    pub timers: Vec<TimerChange>,
    /// New messages. An id that is there already is left as it is.
    pub messages: Vec<MessageRow>,
    /// Messages to cancel where still queued, with the reason's code.
    pub cancels: Vec<(String, String)>,
    /// Partners whose address changed: queued messages follow.
    pub readdressed: Vec<PartnerKey>,
    /// Holds set or moved.
    pub holds: Vec<HoldRow>,
    /// Tasks opened.
    pub tasks: Vec<TaskRow>,
    /// Tasks nobody has to do any more.
    pub closed_tasks: Vec<TaskClosed>,
    /// Calls planned. An id that is there already is left as it is.
    pub calls: Vec<CallRow>,
    /// Calls taken back where nobody ended them, with the reason's code.
    pub call_cancels: Vec<(String, String)>,
    /// Requests to the coordinator.
    pub requests: Vec<RequestRow>,
    /// Records to append.
    pub outbox: Vec<OutboxRow>,
    /// Day parts.
    pub day_parts: Vec<DayPartRow>,
    /// Records of quarantined partners, noted by offset: partner, offset, reason.
    pub parked: Vec<(PartnerKey, i64, String)>,
    /// Partners quarantined, with the reason: their mail waits from this commit on.
    pub quarantined: Vec<(PartnerKey, String)>,
    /// Parked records that are folded in this commit.
    pub unparked: Vec<(PartnerKey, i64)>,
    /// Partners who are in quarantine no longer.
    pub released: Vec<PartnerKey>,
    /// Dead letters found while folding (offset, code, detail, raw).
    pub unreadable: Vec<(i64, String, String, Vec<u8>)>,
    /// What other tables than the shard's own know of records: after a restored database was accepted that of those folded again,
    /// of erasures always.
    pub rebuilt: Vec<Rebuilt>,
}

/// A row that was written beside the log and is made again from the record that told of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Rebuilt {
    /// How a message ended. What was accepted, or may have been, is counted and not sent again, whatever the backup or a journey
    /// that was stopped again says of it. Nothing happens where the message is unknown or has no address.
    Mail {
        /// The message.
        message: String,
        /// Sent, in doubt or failed.
        state: MessageState,
        /// Why, as the log was told.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// A suppression of the partner's newest address, or its end. Nothing happens where no address is known.
    Suppression {
        /// Whose.
        key: PartnerKey,
        /// The topic; everything when not given.
        topic: Option<String>,
        /// The reason's code.
        reason: String,
        /// When.
        at: Timestamp,
        /// The suppression of that reason, so far as it is not newer, is over.
        lifted: bool,
    },
    /// What a record tells of a person, without what no log may hold.
    Person(PersonRow),
    /// A partner was erased: whatever was told of them up to then is gone, their mail does not leave, and their addresses live on as
    /// hashes that suppress. Written with every such record, not only after a restore: what was in hand when it was asked for, or
    /// what a backup brings again, goes then.
    Erased {
        /// Whose.
        key: PartnerKey,
        /// Up to when.
        at: Timestamp,
    },
    /// How a call of another system ended. Nothing happens where it is unknown or over.
    Call {
        /// The call.
        call: String,
        /// Whether the other side took it.
        delivered: bool,
        /// Why not, as the log was told.
        reason: String,
        /// When.
        at: Timestamp,
    },
    /// What the coordinator answered: it is not asked again, and the ledger has what was given.
    Answer(AnsweredRequest),
}

/// What the coordinator decides in one transaction.
#[derive(Debug, Clone, Default)]
pub struct CoordinatorCommit {
    /// The epoch we own row −1 under.
    pub epoch: i64,
    /// The `commit_no` we expect to find.
    pub commit_no: i64,
    /// Everything that could be decided up to here is; stands in row −1.
    pub clock: Option<Timestamp>,
    /// Days closed.
    pub day_closes: Vec<DayCloseRow>,
    /// Requests answered (they are removed), with offer reservations to write.
    pub answered: Vec<AnsweredRequest>,
    /// Records to append.
    pub outbox: Vec<OutboxRow>,
}

/// A request with its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnsweredRequest {
    /// The request's id.
    pub id: String,
    /// The reservation, when an offer was granted.
    pub reservation: Option<ReservationRow>,
}

/// An offer reserved for a partner.
#[derive(Debug, Clone, PartialEq)]
pub struct ReservationRow {
    /// The offer's name.
    pub offer: String,
    /// For whom.
    pub key: PartnerKey,
    /// The journey.
    pub journey: String,
    /// When.
    pub at: Timestamp,
    /// The value reserved, in minor units.
    pub minor: i64,
    /// ISO 4217.
    pub currency: String,
}

/// What was reserved for a message, and what became of both.
#[derive(Debug, Clone, PartialEq)]
pub struct PromiseRow {
    /// The reservation, as the request `offer:{message}` was answered.
    pub reservation: ReservationRow,
    /// Whether the request `offer_release:{message}` already gave it back.
    pub given_back: bool,
    /// Where the mail that tells of it is; `None` when none was planned.
    pub mail: Option<MessageState>,
}

/// A rejected source record.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterRow {
    /// Source (topic or file).
    pub source: String,
    /// Partition.
    pub partition: i32,
    /// Offset or line.
    pub offset: i64,
    /// Stable reason code.
    pub code: String,
    /// For people.
    pub detail: String,
    /// The raw bytes; empty for a tombstone. At most 1 MiB are kept.
    pub raw: Vec<u8>,
    /// Headers as JSON.
    pub headers: String,
    /// When it was refused.
    pub at: Timestamp,
    /// When it was replayed, if it was.
    pub replayed_at: Option<Timestamp>,
}

/// Personal fields of one version of a partner.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRow {
    /// Whose.
    pub key: PartnerKey,
    /// Epoch milliseconds of the event that brought them; later wins field by field.
    pub version: i64,
    /// Normalised address, when the version brings one.
    pub address: Option<String>,
    /// All personal and rendering fields as a JSON object (name, email, language, zone, country, type, manager, consent …).
    pub fields: String,
}

impl PersonRow {
    /// What two tellings of one version come to: the later wins field by field, a null says nothing.
    ///
    /// # Errors
    /// When the fields of one of them are no JSON object.
    pub fn told_again(&self, later: &Self) -> Result<Self, serde_json::Error> {
        type Fields = serde_json::Map<String, serde_json::Value>;
        let mut fields: Fields = serde_json::from_str(&self.fields)?;
        let told: Fields = serde_json::from_str(&later.fields)?;
        fields.extend(told.into_iter().filter(|(_, value)| !value.is_null()));
        Ok(Self {
            key: self.key.clone(),
            version: self.version,
            address: later.address.clone().or_else(|| self.address.clone()),
            fields: serde_json::Value::Object(fields).to_string(),
        })
    }

    /// One row per partner and version, in that order.
    ///
    /// # Errors
    /// When fields that have to be merged are no JSON object.
    pub fn one_of_each(rows: &[Self]) -> Result<Vec<Self>, serde_json::Error> {
        let mut merged: std::collections::BTreeMap<(&PartnerKey, i64), Self> = std::collections::BTreeMap::new();
        for row in rows {
            let id = (&row.key, row.version);
            let now = match merged.get(&id) {
                Some(earlier) => earlier.told_again(row)?,
                None => row.clone(),
            };
            merged.insert(id, now);
        }
        Ok(merged.into_values().collect())
    }
}

/// An applied set of files.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionRow {
    /// Hash of all files.
    pub hash: String,
    /// Path → text, as JSON.
    pub sources: String,
    /// Workflow id → instant of its first deployment, as JSON.
    pub deployed: String,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// By whom.
    pub applied_by: String,
}
