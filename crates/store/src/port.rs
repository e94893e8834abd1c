//! The port itself: every method leads to the module that owns it.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use rapport_engine::ports::keep::Keep;
use rapport_engine::ports::operating::{AuditRow, Operation, PauseRow, TaskQuery};
use rapport_engine::ports::rows::{
    AnonymousAnswer, AnonymousTally, CallSettled, ClickRow, ConversionRow, CoordinatorCommit, DayCloseRow, DayPartRow,
    DeadLetterRow, DefinitionRow, Ids, JudgedClick, MessageRow, NumberedOutboxRow, OpenClick, OutboxRow, PartnerBundle,
    PersonRow, PromiseRow, QuarantineRow, RequestRow, ReservationRow, ShardCommit, ShardRow, TakenCall, Target,
    TaskRow, TimerRow,
};
use rapport_engine::ports::store::{
    Alive, Attempt, CallClaim, ClaimRequest, Claimed, Committed, DomainTally, Doubtful, EndedMessage, FeedbackRow,
    MailLook, Outstanding, RecipientSnapshot, RecipientVerdict, Resolution, Settlement, Store, StoreError,
    SuppressionChange,
};
use rapport_engine::ports::written::Written;
use rapport_engine::story::Story;
use rapport_event::id::{PartnerKey, ProgramId};
use rapport_event::wire::SourcePosition;

use tokio::sync::watch;

use crate::{SqlStore, migrate};

#[async_trait]
impl Store for SqlStore {
    async fn server_time(&self) -> Result<Timestamp, StoreError> {
        self.read_server_time().await
    }

    async fn takes_writes(&self) -> Result<(), StoreError> {
        self.ask_for_writes().await
    }

    async fn check_schema(&self) -> Result<(), StoreError> {
        migrate::judge(self.schema_version().await?)
    }

    fn written(&self) -> Option<watch::Receiver<Written>> {
        Some(self.listen())
    }

    async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.read_meta(name).await
    }

    async fn pin_meta(&self, name: &str, value: &str) -> Result<String, StoreError> {
        self.write_pinned_meta(name, value).await
    }

    async fn lower_meta(&self, name: &str, number: i64) -> Result<(), StoreError> {
        self.write_lower_meta(name, number).await
    }

    async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        self.write_meta(name, value).await
    }

    async fn replay_present(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read_present().await
    }

    async fn set_replay_present(&self, present: Timestamp) -> Result<(), StoreError> {
        self.write_present(present).await
    }

    async fn heartbeat(&self, kind: &str, process: &str, lease: Duration) -> Result<Alive, StoreError> {
        self.write_heartbeat(kind, process, lease).await
    }

    async fn farewell(&self, kind: &str, process: &str) -> Result<(), StoreError> {
        self.write_farewell(kind, process).await
    }

    async fn create_shards(&self, shards: u32) -> Result<(), StoreError> {
        self.write_new_shards(shards).await
    }

    async fn shard_row(&self, shard: i32) -> Result<Option<ShardRow>, StoreError> {
        Ok(self.read_shards().await?.into_iter().find(|row| row.shard == shard))
    }

    async fn shard_rows(&self) -> Result<Vec<ShardRow>, StoreError> {
        self.read_shards().await
    }

    async fn take_shard(&self, shard: i32, owner: &str, lease: Duration) -> Result<Option<ShardRow>, StoreError> {
        self.write_take(shard, owner, lease).await
    }

    async fn touch_shards(&self, owner: &str, owned: &[(i32, i64)]) -> Result<Vec<i32>, StoreError> {
        self.write_touch(owner, owned).await
    }

    async fn release_shard(&self, shard: i32, epoch: i64) -> Result<(), StoreError> {
        self.write_release(shard, epoch).await
    }

    async fn raise_commit_no(&self, shard: i32, commit_no: i64) -> Result<(), StoreError> {
        self.write_raised(shard, commit_no).await
    }

    async fn commit_shard(&self, commit: &ShardCommit) -> Result<Committed, StoreError> {
        self.write_commit(commit).await
    }

    async fn load_partners(&self, _shard: u32, keys: &[PartnerKey]) -> Result<Vec<PartnerBundle>, StoreError> {
        self.read_partners(keys).await
    }

    async fn page_partners(
        &self,
        shard: u32,
        after: Option<&PartnerKey>,
        limit: usize,
    ) -> Result<Vec<PartnerBundle>, StoreError> {
        self.read_page(shard, after, limit).await
    }

    async fn load_conversions(&self, ids: &[(PartnerKey, String)]) -> Result<Vec<ConversionRow>, StoreError> {
        self.read_conversions(ids).await
    }

    async fn seen(&self, shard: Option<u32>) -> Result<Vec<SourcePosition>, StoreError> {
        self.read_seen(shard).await
    }
    async fn clock_marks(&self, shard: u32) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        self.read_clock_marks(shard).await
    }
    async fn recent_ids(&self, shard: u32, since: Timestamp) -> Result<Ids, StoreError> {
        self.read_recent_ids(shard, since).await
    }

    async fn next_timers(
        &self,
        shard: u32,
        after: Option<&TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        self.read_timers(shard, after, limit).await
    }

    async fn parked(&self, key: &PartnerKey) -> Result<Vec<(i64, String)>, StoreError> {
        self.read_parked(key).await
    }

    async fn quarantines(&self) -> Result<Vec<QuarantineRow>, StoreError> {
        self.read_quarantines().await
    }

    async fn day_parts(&self, program: &ProgramId, day: Date) -> Result<Vec<DayPartRow>, StoreError> {
        self.read_day_parts(program, day).await
    }

    async fn day_part(&self, program: &ProgramId, day: Date, shard: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_day_part(program, day, shard).await
    }

    async fn last_day_close(&self, program: &ProgramId) -> Result<Option<DayCloseRow>, StoreError> {
        self.read_last_close(program).await
    }

    async fn day_close_by(&self, program: &ProgramId, day: Date) -> Result<Option<DayCloseRow>, StoreError> {
        self.read_close_by(program, day).await
    }

    async fn programs_with_parts(&self) -> Result<Vec<ProgramId>, StoreError> {
        self.read_programs_with_parts().await
    }

    async fn next_part_day(&self, program: &ProgramId, after: Option<Date>) -> Result<Option<Date>, StoreError> {
        self.read_next_part_day(program, after).await
    }

    async fn open_requests(&self, limit: usize) -> Result<Vec<RequestRow>, StoreError> {
        self.read_open_requests(limit).await
    }

    async fn reservations(
        &self,
        offer: &str,
        key: Option<&PartnerKey>,
        since: Timestamp,
    ) -> Result<Vec<ReservationRow>, StoreError> {
        self.read_reservations(offer, key, since).await
    }

    async fn promise(&self, message: &str) -> Result<Option<PromiseRow>, StoreError> {
        self.read_promise(message).await
    }

    async fn commit_coordinator(&self, commit: &CoordinatorCommit) -> Result<Committed, StoreError> {
        self.write_coordinator(commit).await
    }

    async fn apply_definition(
        &self,
        definition: &DefinitionRow,
        previous: Option<&str>,
        audit: &AuditRow,
        outbox: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        self.write_definition(definition, previous, audit, outbox).await
    }

    async fn current_definition_hash(&self) -> Result<Option<String>, StoreError> {
        Ok(self.read_definition_hashes(1).await?.pop())
    }

    async fn definition_hashes(&self) -> Result<Vec<String>, StoreError> {
        self.read_definition_hashes(usize::MAX).await
    }

    async fn current_definition(&self) -> Result<Option<DefinitionRow>, StoreError> {
        self.read_current_definition().await
    }

    async fn definition(&self, hash: &str) -> Result<Option<DefinitionRow>, StoreError> {
        self.read_definition(hash).await
    }

    async fn store_persons(&self, persons: &[PersonRow]) -> Result<(), StoreError> {
        self.write_persons(persons).await
    }

    async fn person(&self, key: &PartnerKey) -> Result<Option<String>, StoreError> {
        self.read_person(key).await
    }

    async fn change_suppressions(&self, changes: &[SuppressionChange], told: &[OutboxRow]) -> Result<(), StoreError> {
        self.write_suppressions(changes, told).await
    }

    async fn take_feedback(
        &self,
        rows: &[FeedbackRow],
        changes: &[SuppressionChange],
        told: &[OutboxRow],
    ) -> Result<bool, StoreError> {
        self.write_feedback(rows, changes, told).await
    }

    async fn take_anonymous(&self, answer: &AnonymousAnswer) -> Result<bool, StoreError> {
        self.write_anonymous(answer).await
    }

    async fn anonymous_tallies(&self, program: &ProgramId) -> Result<Vec<AnonymousTally>, StoreError> {
        self.read_anonymous(program).await
    }

    async fn note_click(&self, click: &ClickRow) -> Result<bool, StoreError> {
        self.write_click(click).await
    }

    async fn open_clicks(&self, until: Timestamp, limit: usize) -> Result<Vec<OpenClick>, StoreError> {
        self.read_open_clicks(until, limit).await
    }

    async fn judge_clicks(&self, judged: &[JudgedClick], forget: Timestamp) -> Result<(), StoreError> {
        self.write_judged(judged, forget).await
    }

    async fn feedback_count(&self, address: &str, what: &str, since: Timestamp) -> Result<i64, StoreError> {
        self.count_feedback(address, what, since).await
    }

    async fn reported_workflows(&self, since: Timestamp) -> Result<Vec<String>, StoreError> {
        self.read_reported_workflows(since).await
    }

    async fn tallies(&self, workflow: &str, since: Timestamp) -> Result<Vec<DomainTally>, StoreError> {
        self.read_tallies(workflow, since).await
    }

    async fn mails_an_hour(&self, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
        self.read_mails_an_hour(now).await
    }

    async fn partners_at(&self, address: &str) -> Result<Vec<PartnerKey>, StoreError> {
        self.read_partners_at(address).await
    }

    async fn suppressions(&self, address: &str) -> Result<Vec<(Option<String>, String)>, StoreError> {
        self.read_suppressions(address).await
    }

    async fn message(&self, id: &str) -> Result<Option<MessageRow>, StoreError> {
        self.read_message(id).await
    }

    async fn claim(
        &self,
        request: &ClaimRequest,
        decide: &(dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync),
    ) -> Result<Claimed, StoreError> {
        self.write_claim(request, decide).await
    }

    async fn settle(&self, attempt: &Attempt, settlement: &Settlement) -> Result<bool, StoreError> {
        self.write_settlement(attempt, settlement).await
    }

    async fn end_attempts(&self, ends: &[(Attempt, EndedMessage)]) -> Result<Vec<bool>, StoreError> {
        self.write_ends(ends).await
    }

    async fn doubtful(&self, limit: usize) -> Result<Vec<Doubtful>, StoreError> {
        self.read_doubtful(limit).await
    }

    async fn resolve(&self, doubtful: &Doubtful, found: &Resolution) -> Result<bool, StoreError> {
        self.write_resolution(doubtful, found).await
    }

    async fn attempts_of(&self, mailer: &str) -> Result<Vec<Attempt>, StoreError> {
        self.read_attempts_of(mailer).await
    }

    async fn stale_attempts(&self, silence: Duration, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        self.read_stale(silence, limit).await
    }

    async fn unaddressed_expired(&self, now: Timestamp, limit: usize) -> Result<Vec<MessageRow>, StoreError> {
        self.read_unaddressed(now, limit).await
    }

    async fn end_queued(&self, ended: &[EndedMessage]) -> Result<(), StoreError> {
        self.write_ended(ended).await
    }

    async fn mail_look(&self, now: Timestamp) -> Result<MailLook, StoreError> {
        self.read_mail_look(now).await
    }

    async fn operate(&self, operation: &Operation) -> Result<bool, StoreError> {
        self.write_operation(operation).await
    }

    async fn pauses(&self) -> Result<Vec<PauseRow>, StoreError> {
        self.read_pauses().await
    }

    async fn note_audit(&self, audit: &AuditRow) -> Result<(), StoreError> {
        self.write_audit_line(audit).await
    }

    async fn claim_calls(&self, claim: &CallClaim) -> Result<Vec<TakenCall>, StoreError> {
        self.write_call_claim(claim).await
    }

    async fn settle_call(&self, id: &str, attempt: i64, settled: &CallSettled) -> Result<bool, StoreError> {
        self.write_call_end(id, attempt, settled).await
    }

    async fn tasks(&self, query: &TaskQuery) -> Result<Vec<TaskRow>, StoreError> {
        self.read_tasks(query).await
    }

    async fn audits(&self, action: &str, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.read_audits(action, limit).await
    }

    async fn add_outbox(&self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.write_records(rows).await
    }

    async fn outbox(&self, limit: usize) -> Result<Vec<NumberedOutboxRow>, StoreError> {
        self.read_outbox(limit).await
    }

    async fn outbox_waits(&self, target: Target) -> Result<bool, StoreError> {
        self.read_waits(target).await
    }

    async fn take_relay(&self, owner: &str, silence: Duration) -> Result<Option<i64>, StoreError> {
        self.write_relay(owner, silence).await
    }

    async fn carry_outbox(
        &self,
        epoch: i64,
        target: Target,
        limit: usize,
    ) -> Result<Option<Vec<NumberedOutboxRow>>, StoreError> {
        self.write_carried(epoch, target, limit).await
    }

    async fn set_aside(&self, number: i64, letter: &DeadLetterRow) -> Result<(), StoreError> {
        self.write_set_aside(number, letter).await
    }

    async fn outbox_done(&self, numbers: &[i64]) -> Result<(), StoreError> {
        self.remove_records(numbers).await
    }

    async fn dead_letters(&self, rows: &[DeadLetterRow]) -> Result<(), StoreError> {
        self.write_dead_letters(rows).await
    }

    async fn list_dead_letters(&self, code: Option<&str>, limit: usize) -> Result<Vec<DeadLetterRow>, StoreError> {
        self.read_dead_letters(code, limit).await
    }

    async fn open_dead_letters(
        &self,
        code: Option<&str>,
        after: Option<&DeadLetterRow>,
        limit: usize,
    ) -> Result<Vec<DeadLetterRow>, StoreError> {
        self.read_open_dead_letters(code, after, limit).await
    }

    async fn dead_letter(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<DeadLetterRow>, StoreError> {
        self.read_dead_letter(source, partition, offset).await
    }

    async fn dead_letters_between(
        &self,
        source: &str,
        partition: i32,
        first: i64,
        last: i64,
    ) -> Result<Vec<(i64, bool)>, StoreError> {
        self.read_dead_letters_between(source, partition, first, last).await
    }

    async fn dead_letter_replayed(
        &self,
        source: &str,
        partition: i32,
        offset: i64,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write_replayed(source, partition, offset, at).await
    }

    async fn outstanding(&self, by: Timestamp) -> Result<Outstanding, StoreError> {
        self.read_outstanding(by).await
    }

    async fn story(&self, key: &PartnerKey) -> Result<Option<Story>, StoreError> {
        self.read_story(key).await
    }

    async fn find_partners(&self, partner: &str) -> Result<Vec<PartnerKey>, StoreError> {
        self.read_found(partner).await
    }

    async fn counts(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.read_counts().await
    }

    async fn check_invariants(&self) -> Result<Vec<(String, i64)>, StoreError> {
        self.read_invariants().await
    }

    async fn prune(&self, now: Timestamp, keep: Keep) -> Result<u64, StoreError> {
        self.remove_old(now, keep).await
    }
}
