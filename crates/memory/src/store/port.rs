//! The port itself.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use rapport_contact::hashed;
use rapport_engine::{
    ingest::FILE,
    ports::{
        bell::{Bell, Subjects},
        keep::Keep,
        operating::{AuditRow, Operation, PauseRow, TaskQuery},
        rows::{
            AnonymousAnswer, AnonymousTally, COORDINATOR, CallSettled, ClickRow, ConversionRow, CoordinatorCommit,
            DayCloseRow, DayPartRow, DeadLetterRow, DefinitionRow, Ids, JudgedClick, MessageRow, NumberedOutboxRow,
            OpenClick, OutboxRow, POSITIONS_AFTER_RESTORE, PartnerBundle, PersonRow, PromiseRow, QuarantineRow,
            RequestRow, ReservationRow, ShardCommit, ShardRow, TakenCall, Target, TaskRow, TimerRow,
        },
        store::{
            Alive, Attempt, BURST_MINUTES, CallClaim, ClaimRequest, Claimed, Committed, DomainTally, Doubtful,
            EndedMessage, FeedbackRow, MailLook, Outstanding, RecipientSnapshot, RecipientVerdict, Resolution,
            Settlement, Store, StoreError, SuppressionChange, minute_of,
        },
        written::Written,
    },
    story::Story,
};
use rapport_event::{
    id::{PartnerKey, ProgramId},
    wire::SourcePosition,
};

use tokio::sync::watch;

use super::{MemoryStore, Tables, before};

const PRESENT: &str = "replay_present";

fn bundle(tables: &Tables, key: &PartnerKey) -> Option<PartnerBundle> {
    let (_, partner) = tables.partners.get(key)?;
    Some(PartnerBundle { partner: partner.clone(), journeys: tables.journeys_of(key) })
}

/// Records came into the outbox.
const OUTBOX: Subjects = Subjects { outbox: true, concluded: false, clock: None, present: None, applied: false };
/// Something came to its end, and may have left records in the outbox.
const CONCLUDED: Subjects = Subjects { concluded: true, ..OUTBOX };

#[async_trait]
impl Store for MemoryStore {
    fn written(&self) -> Option<watch::Receiver<Written>> {
        self.bell.as_ref().map(Bell::listen)
    }
    async fn server_time(&self) -> Result<Timestamp, StoreError> {
        let now = self.server_now();
        let under_way = self.time_under_way_ms.load(Ordering::Relaxed);
        if under_way > 0 {
            tokio::time::sleep(Duration::from_millis(under_way)).await;
        }
        Ok(now)
    }
    async fn check_schema(&self) -> Result<(), StoreError> {
        Ok(())
    }
    async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.tables().meta.get(name).cloned())
    }
    async fn pin_meta(&self, name: &str, value: &str) -> Result<String, StoreError> {
        Ok(self.tables().meta.entry(name.to_owned()).or_insert_with(|| value.to_owned()).clone())
    }
    async fn lower_meta(&self, name: &str, number: i64) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let stands = tables.meta.get(name).and_then(|stands| stands.parse::<i64>().ok());
        if stands.is_none_or(|stands| stands > number) {
            tables.meta.insert(name.to_owned(), number.to_string());
        }
        Ok(())
    }
    async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.tables().meta.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
    async fn replay_present(&self) -> Result<Option<Timestamp>, StoreError> {
        let present = self.tables().meta.get(PRESENT).and_then(|millis| millis.parse().ok());
        Ok(present.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
    }
    async fn set_replay_present(&self, present: Timestamp) -> Result<(), StoreError> {
        if self.replay_present().await?.is_none_or(|known| known < present) {
            self.tables().meta.insert(PRESENT.to_owned(), present.as_millisecond().to_string());
            self.ring(Subjects { present: Some(present), ..Subjects::default() });
        }
        Ok(())
    }
    async fn heartbeat(&self, kind: &str, process: &str, lease: Duration) -> Result<Alive, StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        tables.processes.insert((kind.to_owned(), process.to_owned()), now);
        let alive = tables.processes.iter().filter(|((of, _), at)| of == kind && **at >= before(now, lease));
        Ok(Alive { processes: alive.map(|((_, name), _)| name.clone()).collect() })
    }
    async fn farewell(&self, kind: &str, process: &str) -> Result<(), StoreError> {
        self.tables().processes.remove(&(kind.to_owned(), process.to_owned()));
        Ok(())
    }
    async fn create_shards(&self, shards: u32) -> Result<(), StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        for shard in COORDINATOR..i32::try_from(shards).unwrap_or(i32::MAX) {
            tables.shards.entry(shard).or_insert_with(|| ShardRow {
                shard,
                owner: None,
                epoch: 0,
                commit_no: 0,
                next_offset: 0,
                clock: None,
                rulebook: None,
                cursor: Vec::new(),
                seen_at: now,
            });
        }
        Ok(())
    }
    async fn shard_row(&self, shard: i32) -> Result<Option<ShardRow>, StoreError> {
        Ok(self.tables().shards.get(&shard).cloned())
    }
    async fn shard_rows(&self) -> Result<Vec<ShardRow>, StoreError> {
        Ok(self.tables().shards.values().cloned().collect())
    }
    async fn take_shard(&self, shard: i32, owner: &str, lease: Duration) -> Result<Option<ShardRow>, StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        let Some(row) = tables.shards.get_mut(&shard) else { return Ok(None) };
        let free = row.owner.as_deref().is_none_or(|known| known == owner) || row.seen_at <= before(now, lease);
        if !free {
            return Ok(None);
        }
        (row.owner, row.epoch, row.seen_at) = (Some(owner.to_owned()), row.epoch + 1, now);
        Ok(Some(row.clone()))
    }
    async fn touch_shards(&self, owner: &str, owned: &[(i32, i64)]) -> Result<Vec<i32>, StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        let mut ours = Vec::new();
        for (shard, epoch) in owned {
            if let Some(row) = tables.shards.get_mut(shard)
                && row.epoch == *epoch
                && row.owner.as_deref() == Some(owner)
            {
                row.seen_at = now;
                ours.push(*shard);
            }
        }
        ours.sort_unstable();
        Ok(ours)
    }
    async fn release_shard(&self, shard: i32, epoch: i64) -> Result<(), StoreError> {
        if let Some(row) = self.tables().shards.get_mut(&shard).filter(|row| row.epoch == epoch) {
            row.owner = None;
        }
        Ok(())
    }
    async fn raise_commit_no(&self, shard: i32, commit_no: i64) -> Result<(), StoreError> {
        self.tables().outbox_position += POSITIONS_AFTER_RESTORE;
        if let Some(row) = self.tables().shards.get_mut(&shard) {
            row.commit_no = row.commit_no.max(commit_no);
            row.epoch += 1;
            row.owner = None;
        }
        Ok(())
    }
    async fn commit_shard(&self, commit: &ShardCommit) -> Result<Committed, StoreError> {
        let committed = self.tables().commit(commit)?;
        self.ring(Subjects { outbox: !commit.outbox.is_empty(), clock: commit.clock, ..Subjects::default() });
        Ok(committed)
    }
    async fn load_partners(&self, _shard: u32, keys: &[PartnerKey]) -> Result<Vec<PartnerBundle>, StoreError> {
        let tables = self.tables();
        let keys: BTreeSet<&PartnerKey> = keys.iter().collect();
        Ok(keys.into_iter().filter_map(|key| bundle(&tables, key)).collect())
    }
    async fn page_partners(
        &self,
        shard: u32,
        after: Option<&PartnerKey>,
        limit: usize,
    ) -> Result<Vec<PartnerBundle>, StoreError> {
        let tables = self.tables();
        let keys =
            tables.partners.iter().filter(|(key, (of, _))| *of == shard && after.is_none_or(|after| *key > after));
        Ok(keys.take(limit).filter_map(|(key, _)| bundle(&tables, key)).collect())
    }
    async fn load_conversions(&self, ids: &[(PartnerKey, String)]) -> Result<Vec<ConversionRow>, StoreError> {
        let tables = self.tables();
        Ok(ids.iter().filter_map(|id| tables.conversions.get(id).cloned()).collect())
    }
    async fn recent_ids(&self, shard: u32, since: Timestamp) -> Result<Ids, StoreError> {
        let shard = shard as i32;
        let tables = self.tables();
        let rows = tables.ids.range((shard, i64::MIN)..=(shard, i64::MAX));
        Ok(rows.filter(|(_, (clock, _))| *clock >= since).flat_map(|(_, (_, ids))| ids.clone()).collect())
    }
    async fn seen(&self, shard: Option<u32>) -> Result<Vec<SourcePosition>, StoreError> {
        let tables = self.tables();
        let wanted = tables.seen.iter().filter(|((of, ..), _)| shard.is_none_or(|shard| *of == shard as i32));
        let position = |(&(_, source, incarnation, partition), &(offset, index))| SourcePosition {
            source,
            incarnation,
            partition,
            offset,
            index,
        };
        Ok(wanted.map(position).collect())
    }
    async fn clock_marks(&self, shard: u32) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let tables = self.tables();
        let marks = tables.clock_marks.iter().filter(|(of, ..)| *of == shard as i32);
        Ok(marks.map(|(_, offset, clock)| (*offset, *clock)).collect())
    }
    async fn next_timers(
        &self,
        shard: u32,
        after: Option<&TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        Ok(self.tables().timers.after(shard, after).take(limit).cloned().collect())
    }
    async fn parked(&self, key: &PartnerKey) -> Result<Vec<(i64, String)>, StoreError> {
        Ok(self.tables().parked_of(key))
    }
    async fn quarantines(&self) -> Result<Vec<QuarantineRow>, StoreError> {
        let tables = self.tables();
        let row = |(key, (reason, at)): (&PartnerKey, &(String, Timestamp))| QuarantineRow {
            key: key.clone(),
            reason: reason.clone(),
            at: *at,
            parked: i64::try_from(tables.parked_of(key).len()).unwrap_or(i64::MAX),
        };
        let mut rows: Vec<QuarantineRow> = tables.quarantine.iter().map(row).collect();
        rows.sort_by(|one, other| (one.at, &one.key).cmp(&(other.at, &other.key)));
        Ok(rows)
    }
    async fn day_parts(&self, program: &ProgramId, day: Date) -> Result<Vec<DayPartRow>, StoreError> {
        let tables = self.tables();
        let parts = tables.day_parts.range((program.clone(), day, 0)..=(program.clone(), day, u32::MAX));
        let row = |((program, day, shard), body): (&(ProgramId, Date, u32), &Vec<u8>)| DayPartRow {
            program: program.clone(),
            day: *day,
            shard: *shard,
            body: body.clone(),
        };
        Ok(parts.map(row).collect())
    }
    async fn day_part(&self, program: &ProgramId, day: Date, shard: u32) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables().day_parts.get(&(program.clone(), day, shard)).cloned())
    }
    async fn last_day_close(&self, program: &ProgramId) -> Result<Option<DayCloseRow>, StoreError> {
        self.day_close_by(program, Date::MAX).await
    }
    async fn day_close_by(&self, program: &ProgramId, day: Date) -> Result<Option<DayCloseRow>, StoreError> {
        let tables = self.tables();
        let mut closes = tables.day_closes.range((program.clone(), Date::MIN)..=(program.clone(), day));
        Ok(closes.next_back().map(|(_, row)| row.clone()))
    }
    async fn programs_with_parts(&self) -> Result<Vec<ProgramId>, StoreError> {
        let tables = self.tables();
        // By their order, those of a programme stand together.
        let mut programs: Vec<&ProgramId> = tables.day_parts.keys().map(|(program, ..)| program).collect();
        programs.dedup();
        Ok(programs.into_iter().cloned().collect())
    }
    async fn next_part_day(&self, program: &ProgramId, after: Option<Date>) -> Result<Option<Date>, StoreError> {
        let tables = self.tables();
        let from = (program.clone(), after.unwrap_or(Date::MIN), 0);
        let mut parts = tables.day_parts.range(from..=(program.clone(), Date::MAX, u32::MAX));
        Ok(parts.find(|((_, day, _), _)| after.is_none_or(|after| *day > after)).map(|((_, day, _), _)| *day))
    }
    async fn open_requests(&self, limit: usize) -> Result<Vec<RequestRow>, StoreError> {
        let mut rows: Vec<RequestRow> = self.tables().requests.values().cloned().collect();
        rows.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        rows.truncate(limit);
        Ok(rows)
    }
    async fn reservations(
        &self,
        offer: &str,
        key: Option<&PartnerKey>,
        since: Timestamp,
    ) -> Result<Vec<ReservationRow>, StoreError> {
        let tables = self.tables();
        let mut rows: Vec<(&String, &ReservationRow)> = tables
            .reservations
            .iter()
            .filter(|(_, row)| row.offer == offer && row.at >= since && key.is_none_or(|key| row.key == *key))
            .collect();
        rows.sort_by(|(one_id, one), (other_id, other)| (one.at, one_id).cmp(&(other.at, other_id)));
        Ok(rows.into_iter().map(|(_, row)| row.clone()).collect())
    }
    async fn promise(&self, message: &str) -> Result<Option<PromiseRow>, StoreError> {
        let tables = self.tables();
        Ok(tables.reservations.get(&format!("offer:{message}")).map(|reservation| PromiseRow {
            reservation: reservation.clone(),
            given_back: tables.reservations.contains_key(&format!("offer_release:{message}")),
            mail: tables.messages.get(message).map(|stored| stored.state),
        }))
    }
    async fn commit_coordinator(&self, commit: &CoordinatorCommit) -> Result<Committed, StoreError> {
        let committed = self.tables().commit_coordinator(commit);
        self.ring(CONCLUDED);
        Ok(committed)
    }
    async fn operate(&self, operation: &Operation) -> Result<bool, StoreError> {
        let done = self.tables().operate(operation);
        self.ring(CONCLUDED);
        Ok(done)
    }
    async fn pauses(&self) -> Result<Vec<PauseRow>, StoreError> {
        let mut rows: Vec<PauseRow> = self.tables().pauses.values().cloned().collect();
        rows.sort_by(|one, other| (one.since, &one.id).cmp(&(other.since, &other.id)));
        Ok(rows)
    }
    async fn note_audit(&self, audit: &AuditRow) -> Result<(), StoreError> {
        self.tables().note_audit(audit);
        Ok(())
    }
    async fn claim_calls(&self, claim: &CallClaim) -> Result<Vec<TakenCall>, StoreError> {
        let taken = self.tables().claim_calls(claim);
        if !taken.is_empty() {
            self.ring(CONCLUDED);
        }
        Ok(taken)
    }
    async fn settle_call(&self, id: &str, attempt: i64, settled: &CallSettled) -> Result<bool, StoreError> {
        let done = self.tables().settle_call(id, attempt, settled);
        self.ring(CONCLUDED);
        Ok(done)
    }
    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<TaskRow>, StoreError> {
        Ok(self.tables().tasks(query))
    }
    async fn audits(&self, action: &str, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        Ok(self.tables().audits(action, limit))
    }
    async fn apply_definition(
        &self,
        definition: &DefinitionRow,
        previous: Option<&str>,
        audit: &AuditRow,
        outbox: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        if tables.definitions.last().map(|row| row.hash.as_str()) != previous {
            return Ok(false);
        }
        tables.note_audit(audit);
        let known = tables.definitions.iter().position(|row| row.hash == definition.hash);
        let mut row = definition.clone();
        if let Some(at) = known {
            row.sources = tables.definitions.remove(at).sources;
        }
        tables.definitions.push(row);
        tables.add_outbox(outbox);
        self.ring(Subjects { applied: true, ..OUTBOX });
        Ok(true)
    }
    async fn current_definition_hash(&self) -> Result<Option<String>, StoreError> {
        Ok(self.tables().definitions.last().map(|row| row.hash.clone()))
    }
    async fn definition_hashes(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.tables().definitions.iter().rev().map(|row| row.hash.clone()).collect())
    }
    async fn current_definition(&self) -> Result<Option<DefinitionRow>, StoreError> {
        Ok(self.tables().definitions.last().cloned())
    }
    async fn definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError> {
        Ok(self.tables().definitions.iter().find(|row| row.hash == hash).cloned())
    }
    async fn store_persons(&self, persons: &[PersonRow]) -> Result<(), StoreError> {
        self.tables().store_persons(persons)
    }
    async fn person(&self, key: &PartnerKey) -> Result<Option<String>, StoreError> {
        self.tables().person(key)
    }
    async fn change_suppressions(&self, changes: &[SuppressionChange], told: &[OutboxRow]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.change_suppressions(changes);
        tables.add_outbox(told);
        self.ring(OUTBOX);
        Ok(())
    }
    async fn take_feedback(
        &self,
        rows: &[FeedbackRow],
        changes: &[SuppressionChange],
        told: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        if rows.iter().any(|row| tables.feedback.contains_key(&row.id)) {
            return Ok(false);
        }
        tables.feedback.extend(rows.iter().map(|row| (row.id.clone(), row.clone())));
        tables.change_suppressions(changes);
        tables.add_outbox(told);
        self.ring(OUTBOX);
        Ok(true)
    }
    async fn take_anonymous(&self, answer: &AnonymousAnswer) -> Result<bool, StoreError> {
        Ok(self.tables().take_anonymous(answer))
    }
    async fn anonymous_tallies(&self, program: &ProgramId) -> Result<Vec<AnonymousTally>, StoreError> {
        Ok(self.tables().anonymous_tallies(program))
    }
    async fn note_click(&self, click: &ClickRow) -> Result<bool, StoreError> {
        Ok(self.tables().note_click(click))
    }
    async fn open_clicks(&self, until: Timestamp, limit: usize) -> Result<Vec<OpenClick>, StoreError> {
        Ok(self.tables().open_clicks(until, limit))
    }
    async fn judge_clicks(&self, judged: &[JudgedClick], forget: Timestamp) -> Result<(), StoreError> {
        self.tables().judge_clicks(judged, forget);
        self.ring(OUTBOX);
        Ok(())
    }
    async fn feedback_count(&self, address: &str, what: &str, since: Timestamp) -> Result<i64, StoreError> {
        let tables = self.tables();
        let counts =
            |row: &&FeedbackRow| row.address.as_deref() == Some(address) && row.what == what && row.at >= since;
        Ok(tables.feedback.values().filter(counts).count() as i64)
    }
    async fn reported_workflows(&self, since: Timestamp) -> Result<Vec<String>, StoreError> {
        let tables = self.tables();
        let recent = tables.feedback.values().filter(|row| row.at >= since);
        Ok(recent.filter_map(|row| row.workflow.clone()).collect::<BTreeSet<_>>().into_iter().collect())
    }
    async fn tallies(&self, workflow: &str, since: Timestamp) -> Result<Vec<DomainTally>, StoreError> {
        Ok(self.tables().tallies(workflow, since))
    }
    async fn mails_an_hour(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(self.tables().mails_since(minute_of(now) - BURST_MINUTES).into_iter().collect())
    }
    async fn partners_at(&self, address: &str) -> Result<Vec<PartnerKey>, StoreError> {
        let tables = self.tables();
        let keys: BTreeSet<&PartnerKey> = tables.persons.keys().map(|(key, _)| key).collect();
        let here = |key: &&PartnerKey| tables.address_of(key).as_deref() == Some(address);
        Ok(keys.into_iter().filter(here).cloned().collect())
    }
    async fn claim(
        &self,
        request: &ClaimRequest,
        decide: &(dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync),
    ) -> Result<Claimed, StoreError> {
        let now = self.server_now();
        let claimed = self.tables().claim(request, decide, now)?;
        if claimed.looked_at > 0 {
            self.ring(CONCLUDED);
        }
        Ok(claimed)
    }
    async fn end_attempts(&self, ends: &[(Attempt, EndedMessage)]) -> Result<Vec<bool>, StoreError> {
        self.takes_settlements()?;
        let mut tables = self.tables();
        let end =
            |(attempt, ended): &(Attempt, EndedMessage)| tables.settle(attempt, &Settlement::Ended(ended.clone()));
        let done = ends.iter().map(end).collect();
        drop(tables);
        self.ring(CONCLUDED);
        Ok(done)
    }
    async fn settle(&self, attempt: &Attempt, settlement: &Settlement) -> Result<bool, StoreError> {
        self.takes_settlements()?;
        let done = self.tables().settle(attempt, settlement);
        self.ring(CONCLUDED);
        Ok(done)
    }
    async fn doubtful(&self, limit: usize) -> Result<Vec<Doubtful>, StoreError> {
        Ok(self.tables().doubtful(limit))
    }
    async fn resolve(&self, doubtful: &Doubtful, found: &Resolution) -> Result<bool, StoreError> {
        let done = self.tables().resolve(doubtful, found);
        self.ring(CONCLUDED);
        Ok(done)
    }
    async fn attempts_of(&self, mailer: &str) -> Result<Vec<Attempt>, StoreError> {
        self.tables().attempts(|message| message.mailer.as_deref() == Some(mailer))
    }
    async fn stale_attempts(&self, silence: Duration, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        let now = self.server_now();
        self.tables().stale(now, silence, limit)
    }
    async fn unaddressed_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        Ok(self.tables().unaddressed(now, limit))
    }
    async fn end_queued(&self, ended: &[EndedMessage]) -> Result<(), StoreError> {
        self.tables().end_queued(ended);
        self.ring(CONCLUDED);
        Ok(())
    }
    async fn mail_look(&self, now: Timestamp) -> Result<MailLook, StoreError> {
        Ok(self.tables().mail_look(now))
    }
    async fn add_outbox(&self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.tables().add_outbox(rows);
        self.ring(OUTBOX);
        Ok(())
    }
    async fn outbox(&self, limit: usize) -> Result<Vec<NumberedOutboxRow>, StoreError> {
        let tables = self.tables();
        let rows = tables.outbox.iter().take(limit);
        Ok(rows.map(|(number, row)| tables.numbered(*number, row)).collect())
    }
    async fn outbox_waits(&self, target: Target) -> Result<bool, StoreError> {
        Ok(self.tables().outbox.values().any(|row| row.target == target))
    }
    async fn take_relay(&self, owner: &str, silence: Duration) -> Result<Option<i64>, StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        let epoch = match &tables.relay {
            Some((known, _, heard)) if known != owner && *heard > before(now, silence) => return Ok(None),
            Some((_, epoch, _)) => epoch + 1,
            None => 1,
        };
        tables.relay = Some((owner.to_owned(), epoch, now));
        Ok(Some(epoch))
    }
    async fn carry_outbox(
        &self,
        epoch: i64,
        target: Target,
        limit: usize,
    ) -> Result<Option<Vec<NumberedOutboxRow>>, StoreError> {
        let now = self.server_now();
        let mut tables = self.tables();
        match &mut tables.relay {
            Some((_, ours, heard)) if *ours == epoch => *heard = now,
            _ => return Ok(None),
        }
        tables.place_outbox(limit);
        Ok(Some(tables.carried(target, limit)))
    }
    async fn set_aside(&self, number: i64, letter: &DeadLetterRow) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.add_dead_letter(letter.clone());
        tables.remove_outbox(number);
        self.ring(CONCLUDED);
        Ok(())
    }
    async fn outbox_done(&self, numbers: &[i64]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for number in numbers {
            tables.remove_outbox(*number);
        }
        self.ring(CONCLUDED);
        Ok(())
    }
    async fn dead_letters(&self, rows: &[DeadLetterRow]) -> Result<(), StoreError> {
        let mut tables = self.tables();
        for row in rows {
            tables.add_dead_letter(row.clone());
        }
        Ok(())
    }
    async fn list_dead_letters(&self, code: Option<&str>, limit: usize) -> Result<Vec<DeadLetterRow>, StoreError> {
        let tables = self.tables();
        let wanted = tables.dead_letters.values().filter(|row| code.is_none_or(|code| row.code == code));
        let mut rows: Vec<DeadLetterRow> = wanted.cloned().collect();
        rows.sort_by(|one, other| {
            let place = |row: &DeadLetterRow| (row.source.clone(), row.partition);
            other.at.cmp(&one.at).then_with(|| place(one).cmp(&place(other))).then(other.offset.cmp(&one.offset))
        });
        rows.truncate(limit);
        Ok(rows)
    }
    async fn open_dead_letters(
        &self,
        code: Option<&str>,
        after: Option<&DeadLetterRow>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        let tables = self.tables();
        let place = |row: &DeadLetterRow| (row.at, row.source.clone(), row.partition, row.offset);
        let is_told = |row: &DeadLetterRow| !row.source.starts_with(FILE) || !row.raw.is_empty();
        let wanted = tables.dead_letters.values().filter(|row| row.replayed_at.is_none() && is_told(row));
        let wanted = wanted.filter(|row| code.is_none_or(|code| row.code == code));
        let wanted = wanted.filter(|row| after.is_none_or(|after| place(row) > place(after)));
        let mut rows: Vec<DeadLetterRow> = wanted.cloned().collect();
        rows.sort_by_key(place);
        rows.truncate(limit);
        Ok(rows)
    }
    async fn dead_letter(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<DeadLetterRow>, StoreError> {
        Ok(self.tables().dead_letters.get(&(source.to_owned(), partition, offset)).cloned())
    }
    async fn dead_letters_between(
        &self,
        source: &str,
        partition: i32,
        first: i64,
        last: i64,
    ) -> Result<Vec<(i64, bool)>, StoreError> {
        let place = |offset| (source.to_owned(), partition, offset);
        let tables = self.tables();
        let found = tables.dead_letters.range(place(first)..=place(last));
        Ok(found.map(|((_, _, offset), row)| (*offset, row.replayed_at.is_some())).collect())
    }
    async fn dead_letter_replayed(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(row) = self.tables().dead_letters.get_mut(&(source.to_owned(), partition, offset)) {
            row.replayed_at = Some(at);
        }
        Ok(())
    }
    async fn outstanding(&self, by: Timestamp) -> Result<Outstanding, StoreError> {
        Ok(self.tables().outstanding(by))
    }
    async fn story(&self, key: &PartnerKey) -> Result<Option<Story>, StoreError> {
        self.tables().story(key)
    }
    async fn find_partners(&self, partner: &str) -> Result<Vec<PartnerKey>, StoreError> {
        Ok(self.tables().partners.keys().filter(|key| key.partner.as_str() == partner).cloned().collect())
    }
    async fn counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(self.tables().counts())
    }
    async fn check_invariants(&self) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(self.tables().invariants())
    }
    async fn prune(&self, now: Timestamp, keep: Keep) -> Result<u64, StoreError> {
        let server_now = self.server_now();
        Ok(self.tables().prune(now, server_now, keep))
    }
    async fn suppressions(&self, address: &str) -> Result<Vec<(Option<String>, String)>, StoreError> {
        let tables = self.tables();
        let hash = hashed(address);
        let of = tables.suppressions.keys().filter(|(of, ..)| of == address || *of == hash);
        let told: BTreeSet<_> =
            of.map(|(_, topic, reason)| ((!topic.is_empty()).then(|| topic.clone()), reason.clone())).collect();
        Ok(told.into_iter().collect())
    }
    async fn message(&self, id: &str) -> Result<Option<MessageRow>, StoreError> {
        Ok(self.tables().messages.get(id).map(|message| message.row.clone()))
    }
}
