//! The records rapport writes to itself, and reading what stands in the log.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use rapport_event::{
    Event, EventId, Kind, PartnerKey, Payload, decode_record, encode,
    engine::{
        AwardData, CallData, CaseData, CommandData, ContactData, DayClosedData, EngineData, ErasedData, GoalData,
        OfferData, OutcomeData, RulebookAppliedData, TaskData,
    },
    extra::Extra,
};
use rapport_insight::dip::DayClose;
use rapport_workflow::config::Award;

use crate::{
    coordinator::OfferRequest,
    ports::{
        rows::{CallRow, MessageRow, OutboxRow, RequestRow, ReservationRow, Target, TaskEnd, TaskKind, TaskRow},
        store::minute_of,
    },
    shard::{facts::ProgramFigures, foresight::Expectations},
};

/// Of what a server says, so much is kept.
const REASON_BYTES_MAX: usize = 2_000;

/// The event as it stands in the log, or why it cannot be read, for people.
pub fn read(value: &[u8]) -> Result<Event, String> {
    decode_record(value).map_err(|rejection| format!("{}: {}", rejection.code.as_str(), rejection.detail))
}

/// The hash by which a repeated activity is recognised within the hour.
#[must_use]
pub fn id_hash(event: &Event) -> u64 {
    let key = rapport_event::id::key_hash(&event.key);
    key ^ xxhash_rust::xxh3::xxh3_64_with_seed(event.id.as_str().as_bytes(), key)
}

/// An outbox row for an event.
#[must_use]
pub fn outbox(shard: u32, event: Event) -> OutboxRow {
    OutboxRow {
        target: Target::Events,
        event_id: event.id.as_str().to_owned(),
        shard,
        key: event.key.to_string().into_bytes(),
        value: encode(&event),
    }
}

/// An id made of what the record says. Longer texts than an id may have become their hash.
#[must_use]
pub fn derived_id(text: &str) -> EventId {
    EventId::new(text).unwrap_or_else(|_| {
        let hash = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
        // Hexadecimal digits always are an id.
        EventId::new(&format!("{hash:032x}")).unwrap_or_else(|_| EventId::everyone())
    })
}

fn engine_event(id: &str, key: PartnerKey, kind: Kind, occurred_at: Timestamp, data: EngineData) -> Event {
    Event { id: derived_id(id), key, kind, occurred_at, payload: Payload::Engine(Box::new(data)), person_version: None }
}

/// What became of a message. The id names message, attempt and end, so that telling it twice is the same event.
#[must_use]
pub fn outcome(message: &MessageRow, kind: Kind, attempt: i64, reason: &str, at: Timestamp) -> Event {
    let id = format!("{}:{attempt}:{}", kind.name(), message.id);
    about(message, &id, kind, reason, at)
}

/// What was said of a message after it had been accepted. Each report is a record of its own.
#[must_use]
pub fn reported(message: &MessageRow, kind: Kind, report: &str, reason: &str, at: Timestamp) -> Event {
    let id = format!("{}:{report}:{}", kind.name(), message.id);
    about(message, &id, kind, reason, at)
}

/// A person followed a counted link. One event for each minute in which that is noted.
#[must_use]
pub fn clicked(message: &MessageRow, link: u32, at: Timestamp) -> Event {
    let id = format!("{}:{link}:{}:{}", Kind::MessageClicked.name(), minute_of(at), message.id);
    let mut event = about(message, &id, Kind::MessageClicked, "", at);
    if let Payload::Engine(data) = &mut event.payload
        && let EngineData::Outcome(outcome) = &mut **data
    {
        outcome.link = Some(link);
    }
    event
}

fn about(message: &MessageRow, id: &str, kind: Kind, reason: &str, at: Timestamp) -> Event {
    let data = OutcomeData {
        message: message.id.as_str().into(),
        journey: Some(message.journey.as_str().into()),
        workflow: Some(message.workflow.as_str().into()),
        step: Some(message.step.as_str().into()),
        mail: Some(message.mail.as_str().into()),
        reason: (!reason.is_empty()).then(|| without_persons(reason).into()),
        ..OutcomeData::default()
    };
    engine_event(id, message.key.clone(), kind, at, EngineData::Outcome(data))
}

/// What the log may hold of a reason. Servers like to repeat the address they refuse, and the log holds nothing personal: of a
/// reply only its codes are told, of anything else the words without an address. The whole text stands in the message's row. And a
/// journey waits for this record, so no log may find it too large.
fn without_persons(reason: &str) -> String {
    let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let mut words = reason.split_whitespace().peekable();
    let is_reply = words.peek().is_some_and(|code| code.len() == 3 && digits(code));
    let told: Vec<&str> = if is_reply {
        words.take_while(|word| digits(word)).collect()
    } else {
        words.map(|word| if word.contains('@') { "…" } else { word }).collect()
    };
    let mut told = told.join(" ");
    told.truncate(told.floor_char_boundary(REASON_BYTES_MAX));
    told
}

/// A programme's closed day, for one shard. The whole decision travels along, so that the second pass needs nothing else.
#[must_use]
pub fn day_closed(
    id: &str,
    key: PartnerKey,
    on: Date,
    close: &DayClose,
    figures: &ProgramFigures,
    fit: Option<&Expectations>,
    at: Timestamp,
) -> Event {
    let mut extra = Extra::NONE;
    extra.insert("close", serde_json::to_value(close).unwrap_or_default());
    extra.insert("figures", serde_json::to_value(figures).unwrap_or_default());
    if let Some(fit) = fit {
        extra.insert("fit", serde_json::to_value(fit).unwrap_or_default());
    }
    let data =
        DayClosedData { day: on, factor: Some(close.factor), outage: close.outage, top_share_limit: None, extra };
    engine_event(id, key, Kind::ProgramDayClosed, at, EngineData::DayClosed(data))
}

/// What a `program.day_closed` record says.
#[derive(Debug, Clone)]
pub struct ClosedDay {
    /// The day.
    pub on: Date,
    /// The decision.
    pub close: DayClose,
    /// The programme's figures as of that day; empty in records of an older binary.
    pub figures: ProgramFigures,
    /// The fit, when one was learnt at that day's close.
    pub fit: Option<Expectations>,
}

/// The decision in a `program.day_closed` record, and what comes with it.
#[must_use]
pub fn day_close_of(event: &Event) -> Option<ClosedDay> {
    match event.engine()? {
        EngineData::DayClosed(data) => {
            let close = serde_json::from_value(data.extra.get("close")?.clone()).ok()?;
            let figures = data.extra.get("figures").and_then(|figures| serde_json::from_value(figures.clone()).ok());
            let fit = data.extra.get("fit").and_then(|fit| serde_json::from_value(fit.clone()).ok());
            Some(ClosedDay { on: data.day, close, figures: figures.unwrap_or_default(), fit })
        }
        _ => None,
    }
}

/// Another rulebook from here on, for one shard.
#[must_use]
pub fn rulebook_applied(shard: u32, hash: &str, previous: Option<&str>, by: &str, at: Timestamp) -> Event {
    let data = RulebookAppliedData {
        rulebook: hash.into(),
        previous: previous.map(Into::into),
        by: Some(by.into()),
        extra: Extra::NONE,
    };
    let id = format!("rulebook:{hash}:{}:{shard}", at.as_millisecond());
    engine_event(&id, PartnerKey::everyone(), Kind::RulebookApplied, at, EngineData::RulebookApplied(data))
}

/// The hash in a `rulebook.applied` record.
#[must_use]
pub fn applied_hash(event: &Event) -> Option<Arc<str>> {
    match event.engine()? {
        EngineData::RulebookApplied(data) => Some(data.rulebook.clone()),
        _ => None,
    }
}

/// A partner's address takes no mail any more, as this message showed.
#[must_use]
pub fn suppressed(key: PartnerKey, message: &str, reason: &str, at: Timestamp) -> Event {
    suppressed_by(key, message, Some(message), reason, at)
}

/// The same as a report showed, which may be about no message that is known. Each report is a record of its own.
#[must_use]
pub fn suppressed_by(key: PartnerKey, report: &str, message: Option<&str>, reason: &str, at: Timestamp) -> Event {
    let message = message.map(Into::into);
    let data = ContactData { reason: Some(reason.into()), message, ..ContactData::default() };
    let id = format!("contact.suppressed:{report}:{key}");
    engine_event(&id, key, Kind::ContactSuppressed, at, EngineData::Contact(data))
}

/// A partner's personal data were erased up to then.
#[must_use]
pub fn erased(key: PartnerKey, by: &str, at: Timestamp) -> Event {
    let data = ErasedData { by: Some(by.into()), ..ErasedData::default() };
    let id = format!("partner.erased:{key}:{}", at.as_millisecond());
    engine_event(&id, key, Kind::PartnerErased, at, EngineData::Erased(data))
}

/// A person's command about one partner. Each is an event of its own: given twice, it is carried out twice.
#[must_use]
pub fn command(key: PartnerKey, command: &str, by: &str, at: Timestamp) -> Event {
    let data = CommandData { command: command.into(), by: Some(by.into()), ..CommandData::default() };
    let id = format!("command:{command}:{key}:{}", at.as_millisecond());
    engine_event(&id, key, Kind::OperatorCommand, at, EngineData::Command(data))
}

/// What a person wants, as records tell it.
#[derive(Debug, Clone, Copy)]
pub struct Command<'a> {
    /// `pause`, `hold`, `journey_stop` …
    pub name: &'a str,
    /// What it is about, for people.
    pub subject: &'a str,
    /// Who.
    pub by: &'a str,
    /// Why.
    pub because: Option<&'a str>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// When it was given.
    pub at: Timestamp,
}

impl Command<'_> {
    /// For the shard of a partner.
    #[must_use]
    pub fn about(&self, key: PartnerKey) -> Event {
        let id = format!("command:{}:{}:{key}:{}", self.name, self.subject, self.at.as_millisecond());
        self.event(&id, key)
    }

    /// For a shard, about nobody in particular.
    #[must_use]
    pub fn to_shard(&self, shard: u32) -> Event {
        let id = format!("command:{}:{}:{shard}:{}", self.name, self.subject, self.at.as_millisecond());
        self.event(&id, PartnerKey::everyone())
    }

    fn event(&self, id: &str, key: PartnerKey) -> Event {
        let mut data = CommandData {
            command: self.name.into(),
            by: Some(self.by.into()),
            because: self.because.map(Into::into),
            until: self.until,
            ..CommandData::default()
        };
        data.extra.insert("subject", self.subject);
        engine_event(id, key, Kind::OperatorCommand, self.at, EngineData::Command(data))
    }
}

/// Names the workflow and the journey that a command is about.
pub fn name_journey(event: &mut Event, workflow: &str, journey: Option<&str>) {
    if let Payload::Engine(data) = &mut event.payload
        && let EngineData::Command(command) = &mut **data
    {
        command.extra.insert("workflow", workflow);
        if let Some(journey) = journey {
            command.extra.insert("journey", journey);
        }
    }
}

/// The command that lets a partner out of quarantine.
pub const RELEASE: &str = "release";

/// Whether the record lets its partner out of quarantine.
#[must_use]
pub fn is_release(event: &Event) -> bool {
    matches!(event.engine(), Some(EngineData::Command(data)) if &*data.command == RELEASE) && event.key.is_partner()
}

/// What somebody did about a goal's proposal. An answer can be given once, other terms as often as they differ.
#[must_use]
pub fn goal(key: PartnerKey, kind: Kind, data: GoalData, at: Timestamp) -> Event {
    let by = data.by.as_deref().unwrap_or_default();
    let said = match &kind {
        Kind::GoalCountered => format!(":{}", at.as_millisecond()),
        _ => String::new(),
    };
    let id = format!("{kind}:{key}:{}:{by}{said}", data.proposal);
    engine_event(&id, key, kind, at, EngineData::Goal(data))
}

/// What became of a call. A call ends once, so its record has one id.
#[must_use]
pub fn call_ended(call: &CallRow, delivered: bool, reason: &str, at: Timestamp) -> Event {
    let data = CallData {
        call: call.id.as_str().into(),
        journey: Some(call.journey.as_str().into()),
        workflow: Some(call.workflow.as_str().into()),
        step: Some(call.step.as_str().into()),
        hook: call.hook.as_str().into(),
        reason: (!reason.is_empty()).then(|| reason.into()),
        extra: Extra::NONE,
    };
    let kind = if delivered { Kind::CallDelivered } else { Kind::CallFailed };
    engine_event(&format!("call:{}", call.id), call.key.clone(), kind, at, EngineData::Call(data))
}

/// An award as it is given.
#[derive(Debug, Clone, Copy)]
pub struct NewAward<'a> {
    /// The id of the event: told twice it is one award.
    pub id: &'a str,
    /// To whom.
    pub key: &'a PartnerKey,
    /// Which.
    pub award: &'a Award,
    /// The partner's languages, best first.
    pub languages: &'a [String],
    /// What it is for; what the award says of itself when nothing is said.
    pub because: Option<&'a str>,
    /// The training it is for, if it is one.
    pub training: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

/// An award was given: by a journey of a workflow, or by a person.
#[must_use]
pub fn awarded(new: &NewAward<'_>, journey: Option<(&str, &str)>, by: Option<&str>) -> Event {
    let title = new.award.name.in_language(new.languages);
    let because = new.because.unwrap_or_else(|| new.award.about.in_language(new.languages));
    let data = AwardData {
        name: new.award.id.clone(),
        title: title.into(),
        summary: format!("{title}: {because}").into(),
        because: new.because.map(Into::into),
        training: new.training.map(Into::into),
        workflow: journey.map(|(workflow, _)| workflow.into()),
        journey: journey.map(|(_, journey)| journey.into()),
        by: by.map(Into::into),
        extra: Extra::NONE,
    };
    Event {
        id: derived_id(new.id),
        key: new.key.clone(),
        kind: Kind::PartnerAwarded,
        occurred_at: new.at,
        payload: Payload::Engine(Box::new(EngineData::Award(data))),
        person_version: None,
    }
}

/// A case was opened: by a journey in its own commit, or by a person.
#[must_use]
pub fn case_opened(row: &TaskRow) -> Event {
    let (opened_by, by) = match row.opened_by.split_once(':') {
        Some((what, who)) => (what, Some(who.into())),
        None => (row.opened_by.as_str(), None),
    };
    let data = CaseData {
        case: row.id.as_str().into(),
        journey: (!row.journey.is_empty()).then(|| row.journey.as_str().into()),
        owner: row.assignee.as_str().into(),
        due: row.due,
        opened_at: Some(row.opened_at),
        opened_by: Some(opened_by.into()),
        by,
        ..CaseData::default()
    };
    let id = format!("{}:{}", Kind::CaseOpened, row.id);
    engine_event(&id, row.key.clone(), Kind::CaseOpened, row.opened_at, EngineData::Case(data))
}

/// What a person did about a task or a case: `task.done`, or `case.resolved` with its outcome. Told twice it is one event.
#[must_use]
pub fn task_ended(row: &TaskRow, end: &TaskEnd) -> Event {
    let journey = (!row.journey.is_empty()).then(|| row.journey.as_str().into());
    let (kind, data) = match row.kind {
        TaskKind::Task => {
            let choice = row.choices.contains(&end.outcome).then(|| end.outcome.as_str().into());
            let data = TaskData {
                task: row.id.as_str().into(),
                journey,
                choice,
                opened_at: Some(row.opened_at),
                by: Some(end.by.as_str().into()),
                extra: Extra::NONE,
            };
            (Kind::TaskDone, EngineData::Task(data))
        }
        TaskKind::Case => {
            let seconds = end.at.duration_since(row.opened_at).as_secs_f64().max(0.0);
            let data = CaseData {
                case: row.id.as_str().into(),
                journey,
                owner: row.assignee.as_str().into(),
                due: row.due,
                opened_at: Some(row.opened_at),
                outcome: Some(end.outcome.as_str().into()),
                // Tenths say enough, and read well in a text.
                hours: Some((seconds / 360.0).round() / 10.0),
                by: Some(end.by.as_str().into()),
                ..CaseData::default()
            };
            (Kind::CaseResolved, EngineData::Case(data))
        }
    };
    engine_event(&format!("{kind}:{}", row.id), row.key.clone(), kind, end.at, data)
}

/// The coordinator's answer to a journey that asked for an offer.
#[must_use]
pub fn offer_answer(request: &RequestRow, wanted: &OfferRequest, answer: Result<&ReservationRow, &str>) -> Event {
    let data = OfferData {
        offer: wanted.offer.as_str().into(),
        journey: Some(request.journey.as_str().into()),
        message: Some(wanted.message.as_str().into()),
        reason: answer.err().map(Into::into),
        ends_at: None,
        extra: Extra::NONE,
    };
    let kind = if answer.is_ok() { Kind::OfferGranted } else { Kind::OfferRefused };
    engine_event(&format!("offer:{}", request.id), request.key.clone(), kind, request.at, EngineData::Offer(data))
}

/// The coordinator's answer to a journey that asked for a place of a day: from when on it may begin.
#[must_use]
pub fn place_answer(request: &RequestRow, wanted: &OfferRequest, from: Option<Timestamp>) -> Event {
    let data = OfferData {
        offer: wanted.offer.as_str().into(),
        journey: Some(request.journey.as_str().into()),
        message: Some(wanted.message.as_str().into()),
        reason: from.is_none().then(|| "no_place".into()),
        ends_at: from,
        extra: Extra::NONE,
    };
    let kind = if from.is_some() { Kind::OfferGranted } else { Kind::OfferRefused };
    engine_event(&format!("offer:{}", request.id), request.key.clone(), kind, request.at, EngineData::Offer(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_tells_the_log_nothing_personal_and_never_much() {
        for (reason, told) in [
            ("550 5.1.1 <ada@partner.example>: no such user here", "550 5.1.1"),
            ("421 try again, ada", "421"),
            ("replaced_by ada@partner.example today", "replaced_by … today"),
            ("opted_out", "opted_out"),
            ("mailer_lost", "mailer_lost"),
        ] {
            assert_eq!(without_persons(reason), told);
        }
        assert_eq!(without_persons(&"ü ".repeat(5_000)).len(), 2_000);
    }
}

#[cfg(test)]
mod closed_days {
    use rapport_event::ProgramId;
    use rapport_insight::{
        base::{ActiveDay, Around, pasts::OwnPast, weekly},
        day,
        dip::{ProgramState, program},
    };
    use serde_json::json;

    use super::*;

    fn learnt() -> Expectations {
        let sale = |day: i32| ActiveDay { day, orders: 1, spend: 1_000.0 + f64::from(day) };
        let one = |partner: i32| OwnPast {
            partner: format!("p{partner}"),
            joined: Some(0),
            days: (0..100).step_by(3 + partner.unsigned_abs() as usize).map(sale).collect(),
        };
        Expectations(weekly::fit(&mut (0..40).map(one).collect::<Vec<_>>(), 100, &Around::default()).unwrap())
    }

    fn key() -> PartnerKey {
        PartnerKey::whole_program(ProgramId::new("acme").unwrap())
    }

    #[test]
    fn a_fit_goes_through_the_log_to_the_last_digit() {
        let close = program::close(100, &[], &[], &ProgramState::default()).0;
        let (on, fit, at) = (day::date_of(100), learnt(), Timestamp::UNIX_EPOCH);
        let figures = ProgramFigures::from([("revenue_28d".to_owned(), 0.1 + 0.2)]);
        let event = day_closed("day:1", key(), on, &close, &figures, Some(&fit), at);
        let told = day_close_of(&read(&encode(&event)).unwrap()).unwrap();
        assert_eq!((told.on, told.fit, told.close, told.figures), (on, Some(fit), close, figures));
    }

    #[test]
    fn a_record_of_before_is_read() {
        let close = json!({
            "day": 100, "factor": 1.0, "log_deviation": 0.0, "outage": false, "partners": 3,
            "prior": { "shape": 0.3, "exposure": 0.15 }, "top_share": [],
        });
        let mut extra = Extra::NONE;
        extra.insert("close", close);
        let data =
            DayClosedData { day: day::date_of(100), factor: Some(1.0), outage: false, top_share_limit: None, extra };
        let data = EngineData::DayClosed(data);
        let event = engine_event("day:1", key(), Kind::ProgramDayClosed, Timestamp::UNIX_EPOCH, data);
        let told = day_close_of(&read(&encode(&event)).unwrap()).unwrap();
        assert!(told.fit.is_none() && told.figures.is_empty() && told.close.order_factors.is_none());
    }
}
