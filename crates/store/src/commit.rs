//! A batch of a shard in one transaction (DESIGN.md 4.2).
//!
//! The first statement moves the shard's row; with another epoch or commit number it finds none, and nothing is written. After it
//! the parts follow in one order everywhere: ids, partners, conversions, signals, journeys, timers, messages, outbox. An empty part
//! costs no round trip.

use jiff::Timestamp;
use rapport_contact::hashed;
use rapport_engine::operate::ITSELF;
use rapport_engine::ports::copies::round_of;
use rapport_engine::ports::rows::{
    AnsweredRequest, COORDINATOR, CoordinatorCommit, MessageRow, OutboxRow, Rebuilt, ShardCommit, TimerChange,
};
use rapport_engine::ports::store::{Committed, StoreError};
use rapport_event::id::PartnerKey;
use rapport_event::wire::SourcePosition;

use crate::SqlStore;
use crate::erasure::erase_rows;
use crate::packed_ids;
use crate::person::store_versions;
use crate::sql::queries::{commit as sql, coordinator, dead_letter, mail, outbox, person};
use crate::sql::{Cell, Rows, Session, cells};

/// What a dead letter found while folding names as its source: the engine's own log, not an upstream topic.
pub const LOG_SOURCE: &str = "rapport.events";
/// The most raw bytes a dead letter keeps.
const RAW_BYTES_MAX: usize = 1 << 20;

macro_rules! key {
    ($key:expr) => {
        ($key.program.as_str(), $key.partner.as_str())
    };
}

impl SqlStore {
    pub(crate) async fn write_commit(&self, commit: &ShardCommit) -> Result<Committed, StoreError> {
        let mut session = self.begin().await?;
        let moved = session
            .execute(
                &sql::SHARD,
                &cells![
                    commit.shard,
                    commit.epoch,
                    commit.commit_no,
                    commit.next_offset,
                    commit.clock,
                    commit.rulebook.as_deref(),
                    &commit.cursor,
                ],
            )
            .await?;
        if moved == 0 {
            session.rollback().await?;
            return Ok(Committed::Fenced);
        }
        write_seen(&mut session, commit).await?;
        write_ids(&mut session, commit).await?;
        write_partners(&mut session, commit).await?;
        write_journeys(&mut session, commit).await?;
        write_timers(&mut session, commit).await?;
        write_messages(&mut session, commit).await?;
        write_asks(&mut session, commit).await?;
        write_outbox(&mut session, &commit.outbox).await?;
        write_rest(&mut session, commit).await?;
        rebuild(&mut session, &commit.rebuilt).await?;
        session.about().clock = commit.clock;
        session.commit().await?;
        Ok(Committed::Done)
    }

    pub(crate) async fn write_coordinator(&self, commit: &CoordinatorCommit) -> Result<Committed, StoreError> {
        let mut session = self.begin().await?;
        let moved = session
            .execute(&sql::COORDINATOR, &cells![COORDINATOR, commit.epoch, commit.commit_no, commit.clock])
            .await?;
        if moved == 0 {
            session.rollback().await?;
            return Ok(Committed::Fenced);
        }
        let closes = Rows::last_of(commit.day_closes.iter().map(|close| {
            (
                (&close.program, close.day),
                cells![close.program.as_str(), close.day.to_string(), &close.body, &close.state, &close.fit],
            )
        }));
        session.execute_rows(&coordinator::CLOSE, &[], &closes).await?;
        write_answers(&mut session, &commit.answered).await?;
        write_outbox(&mut session, &commit.outbox).await?;
        session.about().concluded = true;
        session.commit().await?;
        Ok(Committed::Done)
    }
}

/// Removes what was asked, and notes what was given for it.
async fn write_answers(session: &mut Session, answers: &[AnsweredRequest]) -> Result<(), StoreError> {
    let answered = Rows::of(answers.iter().map(|answer| cells![&answer.id]));
    session.execute_rows(&coordinator::ANSWER, &[], &answered).await?;
    let reserved = Rows::last_of(answers.iter().filter_map(|answer| {
        let row = answer.reservation.as_ref()?;
        let (program, partner) = key!(row.key);
        Some((
            &answer.id,
            cells![&answer.id, &row.offer, program, partner, &row.journey, row.at, row.minor, &row.currency],
        ))
    }));
    session.execute_rows(&coordinator::RESERVE, &[], &reserved).await?;
    Ok(())
}

/// The clock to note rows with that have no instant of their own.
fn clock(commit: &ShardCommit) -> Timestamp {
    commit.clock.unwrap_or(Timestamp::UNIX_EPOCH)
}

async fn write_seen(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    // A source is a hash: its bits are kept, whatever number they make.
    let rows = Rows::of(commit.seen.iter().map(|position| {
        let SourcePosition { source, incarnation, partition, offset, index } = *position;
        cells![source.cast_signed(), i64::from(incarnation), partition, offset, i64::from(index)]
    }));
    session.execute_rows(&sql::SEEN, &cells![commit.shard], &rows).await?;
    Ok(())
}

async fn write_ids(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    if commit.clock_mark {
        session.execute(&sql::CLOCK_MARK, &cells![commit.shard, commit.next_offset, clock(commit)]).await?;
    }
    if !commit.ids.is_empty() {
        let packed = packed_ids::pack(&commit.ids);
        session.execute(&sql::IDS, &cells![commit.shard, commit.commit_no, clock(commit), packed]).await?;
    }
    Ok(())
}

async fn write_partners(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let hot = Rows::last_of(commit.partners.iter().map(|row| {
        let (program, partner) = key!(row.key);
        (&row.key, cells![program, partner, &row.hot])
    }));
    session.execute_rows(&sql::PARTNERS, &cells![commit.shard], &hot).await?;
    let days = Rows::last_of(commit.partners.iter().filter_map(|row| {
        let (program, partner) = key!(row.key);
        Some((&row.key, cells![program, partner, row.days.as_ref()?]))
    }));
    session.execute_rows(&sql::DAYS, &[], &days).await?;
    let conversions = Rows::last_of(commit.conversions.iter().map(|row| {
        let (program, partner) = key!(row.key);
        let cells = cells![
            program,
            partner,
            &row.conversion_id,
            row.occurred_at,
            &row.status,
            row.amount_minor,
            &row.currency,
            &row.body,
        ];
        ((&row.key, &row.conversion_id), cells)
    }));
    session.execute_rows(&sql::CONVERSIONS, &[], &conversions).await?;
    Ok(())
}

async fn write_journeys(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let signals = Rows::last_of(commit.signals.iter().map(|row| {
        let (program, partner) = key!(row.key);
        (&row.id, cells![&row.id, program, partner, &row.kind, row.occurred_at, row.ended_at, &row.payload])
    }));
    session.execute_rows(&sql::SIGNALS, &[], &signals).await?;
    let refusals = Rows::last_of(commit.refusals.iter().map(|row| {
        let (program, partner) = key!(row.key);
        ((&row.key, &row.workflow), cells![program, partner, &row.workflow, row.at, &row.code, &row.clauses])
    }));
    session.execute_rows(&sql::REFUSALS, &[], &refusals).await?;
    let responses = Rows::last_of(commit.responses.iter().rev().map(|row| {
        let ((program, partner), what) = (key!(row.key), row.what.code());
        ((&row.message, what, &row.key), cells![&row.message, what, program, partner, row.at])
    }));
    session.execute_rows(&sql::RESPONSES, &[], &responses).await?;
    let journeys = Rows::last_of(commit.journeys.iter().map(|row| {
        let (program, partner) = key!(row.key);
        let (exited_at, exit_code) = match &row.exited {
            Some((at, code)) => (Some(*at), Some(code)),
            None => (None, None),
        };
        let cells = cells![
            &row.id,
            program,
            partner,
            &row.workflow,
            &row.version,
            row.started_at,
            exited_at,
            exit_code,
            row.held_out,
            &row.body,
        ];
        (&row.id, cells)
    }));
    session.execute_rows(&sql::JOURNEYS, &[], &journeys).await?;
    Ok(())
}

/// The last change of each timer decides; which of them are set and which cleared is then a matter of two statements.
async fn write_timers(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let last: std::collections::BTreeMap<(&PartnerKey, &String), &TimerChange> = commit
        .timers
        .iter()
        .map(|change| match change {
            TimerChange::Set(timer) => ((&timer.key, &timer.subject), change),
            TimerChange::Clear { key, subject } => ((key, subject), change),
        })
        .collect();
    let cleared = Rows::of(last.values().filter_map(|change| match change {
        TimerChange::Clear { key, subject } => {
            let (program, partner) = key!(key);
            Some(cells![program, partner, subject])
        }
        TimerChange::Set(_) => None,
    }));
    session.execute_rows(&sql::TIMERS_CLEAR, &[], &cleared).await?;
    let set = Rows::of(last.values().filter_map(|change| match change {
        TimerChange::Set(timer) => {
            let (program, partner) = key!(timer.key);
            Some(cells![program, partner, &timer.subject, timer.due, timer.seq])
        }
        TimerChange::Clear { .. } => None,
    }));
    session.execute_rows(&sql::TIMERS_SET, &cells![commit.shard], &set).await?;
    Ok(())
}

fn message_cells(row: &MessageRow) -> [Cell<'_>; 17] {
    let (program, partner) = key!(row.key);
    cells![
        &row.id,
        row.shard,
        program,
        partner,
        &row.workflow,
        &row.journey,
        &row.step,
        &row.mail,
        &row.rulebook,
        &row.kind,
        &row.topic,
        row.priority,
        &row.policy,
        row.planned_at,
        row.due,
        row.expires,
        round_of(&row.context),
    ]
}

async fn write_messages(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let messages = Rows::last_of(commit.messages.iter().map(|row| (&row.id, message_cells(row))));
    session.execute_rows(&sql::MESSAGES, &[], &messages).await?;
    let contexts = Rows::last_of(commit.messages.iter().map(|row| (&row.id, cells![&row.id, &row.context])));
    session.execute_rows(&sql::CONTEXTS, &[], &contexts).await?;
    let cancelled = commit.cancels.iter().map(|(id, _)| cells![id, None::<&str>, None::<&str>]);
    let moved = commit.readdressed.iter().map(|key| {
        let (program, partner) = key!(key);
        cells![None::<&str>, program, partner]
    });
    session.fetch_rows(&sql::LOCK, &[], &Rows::of(cancelled.chain(moved))).await?;
    let cancels = Rows::last_of(commit.cancels.iter().map(|(id, code)| (id, cells![id, code])));
    session.execute_rows(&sql::CANCELS, &cells![clock(commit)], &cancels).await?;
    let readdressed = Rows::last_of(commit.readdressed.iter().map(|key| {
        let (program, partner) = key!(key);
        (key, cells![program, partner])
    }));
    session.execute_rows(&sql::READDRESS, &[], &readdressed).await?;
    let holds = Rows::last_of(commit.holds.iter().map(|row| {
        let (program, partner) = key!(row.key);
        let cells = cells![program, partner, &row.workflow, &row.by_journey, row.until];
        ((&row.key, &row.workflow, &row.by_journey), cells)
    }));
    session.execute_rows(&sql::HOLDS, &[], &holds).await?;
    Ok(())
}

/// Row by row: only ever after a restored database was accepted.
async fn rebuild(session: &mut Session, rows: &[Rebuilt]) -> Result<(), StoreError> {
    for row in rows {
        match row {
            Rebuilt::Mail { message, state, reason, at } => {
                session.execute(&sql::REBUILD_FREE, &cells![message]).await?;
                session.execute(&mail::SET_FREE, &cells![message]).await?;
                if session.execute(&sql::REBUILD_MAIL, &cells![message, state.code(), *at, reason]).await? > 0 {
                    session.execute_rows(&mail::UNCOUNT, &[], &Rows::of([cells![message]])).await?;
                    session.execute_rows(&mail::RECOUNT, &[], &Rows::of([cells![message, *at]])).await?;
                }
            }
            Rebuilt::Call { call, delivered, reason, at } => {
                let state = if *delivered { "delivered" } else { "failed" };
                session.execute(&sql::REBUILD_CALL, &cells![call, state, reason, *at]).await?;
            }
            Rebuilt::Answer(answer) => write_answers(session, std::slice::from_ref(answer)).await?,
            Rebuilt::Person(row) => store_versions(session, std::slice::from_ref(row)).await?,
            Rebuilt::Suppression { key, topic, reason, at, lifted } => {
                let (program, partner) = key!(key);
                let found = session.fetch(&person::NEWEST_ADDRESS, &cells![program, partner]).await?;
                let Some(address) = found.first().map(|row| row.text(0)).transpose()? else { continue };
                let topic = topic.as_deref().unwrap_or_default();
                let statement = if *lifted { &person::LIFT } else { &person::SUPPRESS };
                session.execute(statement, &cells![&address, topic, reason, *at, hashed(&address)]).await?;
            }
            Rebuilt::Erased { key, at } => drop(erase_rows(session, key, *at).await?),
        }
    }
    Ok(())
}

async fn write_asks(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let choices =
        |choices: &Vec<String>| serde_json::to_string(choices).map_err(|error| StoreError::Refused(error.to_string()));
    let mut tasks = Vec::with_capacity(commit.tasks.len());
    for row in &commit.tasks {
        let (program, partner) = key!(row.key);
        let cells = cells![
            &row.id,
            program,
            partner,
            &row.workflow,
            &row.journey,
            &row.assignee,
            &row.text,
            choices(&row.choices)?,
            row.opened_at,
            row.due,
            row.kind.code(),
            &row.opened_by,
        ];
        tasks.push((&row.id, cells));
    }
    session.execute_rows(&sql::TASKS, &[], &Rows::last_of(tasks)).await?;
    let closed = Rows::last_of(commit.closed_tasks.iter().map(|row| (&row.id, cells![&row.id, row.at, &row.outcome])));
    session.execute_rows(&sql::TASKS_CLOSED, &cells![ITSELF], &closed).await?;
    let calls = Rows::last_of(commit.calls.iter().map(|row| {
        let (program, partner) = key!(row.key);
        let cells = cells![
            &row.id,
            program,
            partner,
            row.shard,
            &row.workflow,
            &row.journey,
            &row.step,
            &row.hook,
            &row.kind,
            row.private,
            &row.body,
            row.planned_at,
            row.due,
            row.expires,
        ];
        (&row.id, cells)
    }));
    session.execute_rows(&sql::CALLS, &[], &calls).await?;
    let cancels = Rows::last_of(commit.call_cancels.iter().map(|(id, code)| (id, cells![id, code])));
    session.execute_rows(&sql::CALL_CANCELS, &cells![clock(commit)], &cancels).await?;
    let requests = Rows::last_of(commit.requests.iter().map(|row| {
        let (program, partner) = key!(row.key);
        (&row.id, cells![&row.id, program, partner, &row.journey, &row.kind, &row.body, row.at])
    }));
    session.execute_rows(&sql::REQUESTS, &[], &requests).await?;
    Ok(())
}

/// Adds records in the order given; used by every transaction that has something to say to the log.
pub(crate) async fn write_outbox(session: &mut Session, rows: &[OutboxRow]) -> Result<(), StoreError> {
    let mut seen = std::collections::BTreeSet::new();
    let rows = Rows::of(
        rows.iter()
            .filter(|row| seen.insert(&row.event_id))
            .map(|row| cells![row.target.code(), &row.event_id, row.shard, &row.key, &row.value]),
    );
    if session.execute_rows(&outbox::ADD, &[], &rows).await? > 0 {
        session.about().outbox = true;
    }
    Ok(())
}

async fn write_rest(session: &mut Session, commit: &ShardCommit) -> Result<(), StoreError> {
    let parts = Rows::last_of(commit.day_parts.iter().map(|row| {
        let cells = cells![row.program.as_str(), row.day.to_string(), row.shard, &row.body];
        ((&row.program, row.day, row.shard), cells)
    }));
    session.execute_rows(&sql::DAY_PARTS, &[], &parts).await?;
    let parked = Rows::last_of(commit.parked.iter().map(|(key, offset, reason)| {
        let (program, partner) = key!(key);
        ((key, *offset), cells![program, partner, *offset, reason])
    }));
    session.execute_rows(&sql::PARKED, &[], &parked).await?;
    let unparked = Rows::last_of(commit.unparked.iter().map(|(key, offset)| {
        let (program, partner) = key!(key);
        ((key, *offset), cells![program, partner, *offset])
    }));
    session.execute_rows(&sql::UNPARKED, &[], &unparked).await?;
    let released = Rows::last_of(commit.released.iter().map(|key| {
        let (program, partner) = key!(key);
        (key, cells![program, partner])
    }));
    session.execute_rows(&sql::RELEASE, &[], &released).await?;
    let quarantined = Rows::last_of(commit.quarantined.iter().map(|(key, reason)| {
        let (program, partner) = key!(key);
        (key, cells![program, partner, reason])
    }));
    session.execute_rows(&sql::QUARANTINE, &cells![clock(commit)], &quarantined).await?;
    let letters = Rows::last_of(commit.unreadable.iter().map(|(offset, code, detail, raw)| {
        let cells =
            cells![LOG_SOURCE, commit.shard, *offset, code, detail, cut(raw), "{}", clock(commit), None::<Timestamp>,];
        (*offset, cells)
    }));
    session.execute_rows(&dead_letter::ADD, &[], &letters).await?;
    Ok(())
}

/// As much of a rejected record as is kept.
pub(crate) fn cut(raw: &[u8]) -> &[u8] {
    raw.get(..RAW_BYTES_MAX).unwrap_or(raw)
}
