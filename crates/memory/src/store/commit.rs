//! A batch of a shard, whole or not at all.

use jiff::Timestamp;
use rapport_contact::{SuppressReason, hashed};
use rapport_engine::operate::ITSELF;
use rapport_engine::ports::{
    rows::{
        AnsweredRequest, COORDINATOR, CoordinatorCommit, DeadLetterRow, JourneyRow, MessageState, Rebuilt, ShardCommit,
        TaskEnd, TimerChange,
    },
    store::{Committed, StoreError},
};
use rapport_engine::restore::DATABASE_RESTORED;
use rapport_event::wire::SourcePosition;

use super::calls::StoredCall;
use super::{Counted, StoredMessage, Tables, refused};

impl Tables {
    /// Writes a batch if epoch and commit number are right.
    pub(crate) fn commit(&mut self, commit: &ShardCommit) -> Result<Committed, StoreError> {
        let right = |row: &rapport_engine::ports::rows::ShardRow| {
            row.epoch == commit.epoch && row.commit_no == commit.commit_no
        };
        if !self.shards.get(&commit.shard).is_some_and(right) {
            return Ok(Committed::Fenced);
        }
        check(commit)?;
        let shard = u32::try_from(commit.shard).map_err(|_| refused("shard >= 0"))?;
        let clock = commit.clock.unwrap_or(Timestamp::UNIX_EPOCH);
        if let Some(row) = self.shards.get_mut(&commit.shard) {
            row.commit_no += 1;
            row.next_offset = commit.next_offset;
            row.clock = commit.clock;
            row.rulebook.clone_from(&commit.rulebook);
            row.cursor.clone_from(&commit.cursor);
        }
        for position in &commit.seen {
            let SourcePosition { source, incarnation, partition, offset, index } = *position;
            self.seen.insert((commit.shard, source, incarnation, partition), (offset, index));
        }
        if commit.clock_mark {
            self.clock_marks.insert((commit.shard, commit.next_offset, clock));
        }
        if !commit.ids.is_empty() {
            self.ids.insert((commit.shard, commit.commit_no), (clock, commit.ids.clone()));
        }
        self.write_state(commit, shard);
        self.write_messages(commit, clock);
        self.write_asks(commit);
        self.rebuild(&commit.rebuilt)?;
        self.add_outbox(&commit.outbox);
        for part in &commit.day_parts {
            self.day_parts.insert((part.program.clone(), part.day, part.shard), part.body.clone());
        }
        for (key, offset, reason) in &commit.parked {
            self.parked.entry((key.clone(), *offset)).or_insert_with(|| reason.clone());
        }
        for (key, offset) in &commit.unparked {
            self.parked.remove(&(key.clone(), *offset));
        }
        for key in &commit.released {
            self.quarantine.remove(key);
        }
        for (key, reason) in &commit.quarantined {
            let (told, _) = self.quarantine.entry(key.clone()).or_insert_with(|| (reason.clone(), clock));
            told.clone_from(reason);
        }
        for (offset, code, detail, raw) in &commit.unreadable {
            self.add_dead_letter(DeadLetterRow {
                source: "rapport.events".into(),
                partition: commit.shard,
                offset: *offset,
                code: code.clone(),
                detail: detail.clone(),
                raw: raw.clone(),
                headers: "{}".into(),
                at: clock,
                replayed_at: None,
            });
        }
        Ok(Committed::Done)
    }

    fn write_state(&mut self, commit: &ShardCommit, shard: u32) {
        for row in &commit.partners {
            let Some((of, stored)) = self.partners.get_mut(&row.key) else {
                self.partners.insert(row.key.clone(), (shard, row.clone()));
                continue;
            };
            *of = shard;
            stored.hot.clone_from(&row.hot);
            if row.days.is_some() {
                stored.days.clone_from(&row.days);
            }
        }
        for row in &commit.conversions {
            self.conversions.insert((row.key.clone(), row.conversion_id.clone()), row.clone());
        }
        for row in &commit.signals {
            let stored = self.signals.entry(row.id.clone()).or_insert_with(|| row.clone());
            stored.ended_at = row.ended_at;
            stored.payload.clone_from(&row.payload);
        }
        for row in &commit.refusals {
            self.refusals.insert((row.key.clone(), row.workflow.clone()), row.clone());
        }
        for row in &commit.responses {
            self.responses.entry((row.message.clone(), row.what, row.key.clone())).or_insert_with(|| row.clone());
        }
        for row in &commit.journeys {
            let id = (row.key.clone(), row.id.clone());
            match self.journeys.get_mut(&id) {
                Some(stored) => *stored = JourneyRow { started_at: stored.started_at, ..row.clone() },
                None => {
                    self.journeys.insert(id, row.clone());
                }
            }
        }
        for change in &commit.timers {
            match change {
                TimerChange::Set(row) => self.timers.set(shard, row),
                TimerChange::Clear { key, subject } => self.timers.clear(key, subject),
            }
        }
    }

    fn write_messages(&mut self, commit: &ShardCommit, clock: Timestamp) {
        for row in &commit.messages {
            if self.messages.contains_key(&row.id) {
                continue;
            }
            let message = StoredMessage {
                row: row.clone(),
                address: self.address_of(&row.key),
                state: MessageState::Queued,
                reason: None,
                cancel_code: None,
                attempt: 0,
                mailer: None,
                attempting_at: None,
                changed_at: row.planned_at,
                reply: None,
                carrier: None,
            };
            self.messages.insert(row.id.clone(), message);
            self.open.insert(row.id.clone());
        }
        for (id, code) in &commit.cancels {
            let Some(message) = self.messages.get_mut(id) else { continue };
            match message.state {
                MessageState::Queued => {
                    message.cancel_code = Some(code.clone());
                    message.reason = Some(code.clone());
                    message.changed_at = clock;
                    message.state = MessageState::Cancelled;
                    self.open.remove(id);
                }
                MessageState::Attempting => message.cancel_code = Some(code.clone()),
                _ => {}
            }
        }
        for key in &commit.readdressed {
            let address = self.address_of(key);
            for id in &self.open {
                if let Some(message) = self.messages.get_mut(id)
                    && message.state == MessageState::Queued
                    && message.row.key == *key
                {
                    message.address.clone_from(&address);
                }
            }
        }
        for row in &commit.holds {
            self.holds.insert((row.key.clone(), row.workflow.clone(), row.by_journey.clone()), row.until);
        }
    }

    fn rebuild(&mut self, rows: &[Rebuilt]) -> Result<(), StoreError> {
        for row in rows {
            match row {
                Rebuilt::Mail { message, state, reason, at } => self.rebuild_mail(message, *state, reason, *at),
                Rebuilt::Call { call, delivered, reason, .. } => self.rebuild_call(call, *delivered, reason),
                Rebuilt::Answer(answer) => self.answer(std::slice::from_ref(answer)),
                Rebuilt::Erased { key, at } => self.erase(key, *at),
                Rebuilt::Person(row) => self.store_persons(std::slice::from_ref(row))?,
                Rebuilt::Suppression { key, topic, reason, at, lifted } => {
                    let Some(address) = self.address_of(key) else { continue };
                    let hash = hashed(&address);
                    let erased = (hash.clone(), String::new(), "erased".to_owned());
                    let address = if self.suppressions.contains_key(&erased) { hash } else { address };
                    let id = (address, topic.clone().unwrap_or_default(), reason.clone());
                    let known = self.suppressions.get(&id).copied();
                    if !lifted {
                        self.suppressions.insert(id, known.map_or(*at, |known| known.max(*at)));
                    } else if known.is_some_and(|known| known <= *at) {
                        self.suppressions.remove(&id);
                    }
                }
            }
        }
        Ok(())
    }

    fn rebuild_mail(&mut self, id: &str, state: MessageState, reason: &str, at: Timestamp) {
        for hand in self.recipients.values_mut().filter(|hand| hand.as_deref() == Some(id)) {
            *hand = None;
        }
        self.set_free(id);
        let Some(message) = self.messages.get_mut(id).filter(|message| message.address.is_some()) else { return };
        let given_up =
            message.state == MessageState::Suppressed && message.reason.as_deref() == Some(DATABASE_RESTORED);
        let in_digest = message.state == MessageState::Suppressed
            && message.reason.as_deref() == Some(SuppressReason::InDigest.code());
        let weaker = match message.state {
            MessageState::Queued | MessageState::Attempting => true,
            MessageState::InDoubt => state != MessageState::InDoubt,
            MessageState::Cancelled => state == MessageState::Sent,
            _ => given_up || (in_digest && state == MessageState::Sent),
        };
        if !weaker {
            return;
        }
        (message.state, message.changed_at, message.attempting_at) = (state, at, None);
        message.reason = Some(if reason.is_empty() { "told_by_the_log" } else { reason }.to_owned());
        message.attempt = message.attempt.max(1);
        message.carrier = None;
        message.mailer.get_or_insert_with(|| "restored".to_owned());
        let address = message.address.clone().unwrap_or_default();
        let kind = message.row.kind.clone();
        self.open.remove(id);
        self.sent.remove(id);
        if matches!(state, MessageState::Sent | MessageState::InDoubt) {
            self.sent.insert(id.to_owned(), Counted { address, kind, at });
        }
    }

    fn write_asks(&mut self, commit: &ShardCommit) {
        for row in &commit.tasks {
            self.tasks.entry(row.id.clone()).or_insert_with(|| row.clone());
        }
        for closed in &commit.closed_tasks {
            if let Some(row) = self.tasks.get_mut(&closed.id).filter(|row| row.ended.is_none()) {
                let by = ITSELF.to_owned();
                row.ended = Some(TaskEnd { at: closed.at, by, outcome: closed.outcome.clone(), note: None });
            }
        }
        for row in &commit.calls {
            self.calls.entry(row.id.clone()).or_insert_with(|| StoredCall::new(row));
        }
        for (id, code) in &commit.call_cancels {
            if let Some(call) = self.calls.get_mut(id).filter(|call| call.state == "queued") {
                (call.state, call.reason) = ("cancelled", Some(code.clone()));
            }
        }
        for row in &commit.requests {
            self.requests.entry(row.id.clone()).or_insert_with(|| row.clone());
        }
    }

    /// Writes the coordinator's decisions if epoch and commit number are right.
    pub(crate) fn commit_coordinator(&mut self, commit: &CoordinatorCommit) -> Committed {
        let row = self.shards.get_mut(&COORDINATOR);
        let Some(row) = row.filter(|row| row.epoch == commit.epoch && row.commit_no == commit.commit_no) else {
            return Committed::Fenced;
        };
        row.commit_no += 1;
        row.clock = commit.clock.or(row.clock);
        for close in &commit.day_closes {
            self.day_closes.entry((close.program.clone(), close.day)).or_insert_with(|| close.clone());
        }
        self.answer(&commit.answered);
        self.add_outbox(&commit.outbox);
        Committed::Done
    }

    fn answer(&mut self, answers: &[AnsweredRequest]) {
        for answer in answers {
            self.requests.remove(&answer.id);
            if let Some(reservation) = &answer.reservation {
                self.reservations.entry(answer.id.clone()).or_insert_with(|| reservation.clone());
            }
        }
    }

    /// Keeps a rejected record; one at a position that is there stays.
    pub(crate) fn add_dead_letter(&mut self, mut row: DeadLetterRow) {
        row.raw.truncate(1 << 20);
        self.dead_letters.entry((row.source.clone(), row.partition, row.offset)).or_insert(row);
    }
}

/// The checks of the SQL schema.
fn check(commit: &ShardCommit) -> Result<(), StoreError> {
    if commit.next_offset < 0 {
        return Err(refused("next_offset >= 0"));
    }
    for row in &commit.conversions {
        if row.currency.len() != 3 {
            return Err(refused("length(currency) = 3"));
        }
        if !["pending", "approved", "paid", "reversed"].contains(&row.status.as_str()) {
            return Err(refused("conversion.status"));
        }
    }
    for row in &commit.messages {
        if !["marketing", "service"].contains(&row.kind.as_str()) {
            return Err(refused("message.kind"));
        }
        if !["at_most_once", "at_least_once"].contains(&row.policy.as_str()) {
            return Err(refused("message.policy"));
        }
    }
    Ok(())
}
