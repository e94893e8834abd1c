//! Claiming due mail, recipient by recipient.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rapport_contact::hashed;
use rapport_engine::ports::copies::{SentCopy, round_of};
use rapport_engine::ports::leave::Leave;
use rapport_engine::ports::rows::OutboxRow;
use rapport_engine::ports::store::{
    Attempt, BURST_MINUTES, ClaimRequest, Claimed, DueMessage, EndedMessage, Holder, RecipientSnapshot,
    RecipientVerdict, StoreError, minute_of,
};
use rapport_event::id::PartnerKey;

use super::leave::Counts;
use super::{kind, message_row};
use crate::SqlStore;
use crate::commit::write_outbox;
use crate::load::key_rows;
use crate::person::known;
use crate::sql::queries::mail as sql;
use crate::sql::{Rows, Session, cells};

/// How far back accepted mail is shown to the policy: the thirty local days of a partner's own pace and the zones' difference.
const ACCEPTED_WINDOW: SignedDuration = SignedDuration::from_hours(32 * 24);

type Decide<'d> = &'d (dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync);

impl SqlStore {
    pub(crate) async fn write_claim(&self, request: &ClaimRequest, decide: Decide<'_>) -> Result<Claimed, StoreError> {
        let mut session = self.begin().await?;
        let cells = cells![request.now, request.clock_at_least, request.limit];
        let picked = session.fetch(&sql::PICK, &cells).await?;
        let addresses = picked.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
        if addresses.is_empty() {
            session.rollback().await?;
            return Ok(Claimed::default());
        }
        let Loaded { snapshots, moved } = load(&mut session, request, &addresses).await?;
        session.execute_rows(&sql::MOVE, &[], &Rows::of(moved.iter().map(|(id, address)| cells![id, address]))).await?;
        let mut verdicts = Verdicts::default();
        for snapshot in snapshots {
            let verdict = decide(&snapshot);
            verdicts.add(snapshot, verdict);
        }
        let mut counts = Counts::default();
        let leaves = std::mem::take(&mut verdicts.leaves);
        let waits = counts.count(&mut session, &verdicts.taken, leaves, request.now).await?;
        for (id, until, reason) in waits {
            verdicts.taken.remove(&id);
            verdicts.deferred.push((id, until, reason));
        }
        let over = verdicts.keep_under(&mut session, request).await?;
        counts.write(&mut session, &verdicts.taken).await?;
        let looked_at = verdicts.recipients + moved.len();
        let attempts = verdicts.write(&mut session, request).await?;
        session.about().concluded = looked_at > 0;
        session.commit().await?;
        Ok(Claimed { looked_at, attempts, over })
    }
}

/// What a claim has locked.
struct Loaded {
    /// What the policy is shown.
    snapshots: Vec<RecipientSnapshot>,
    /// Mail whose partner's newest address is another, with that.
    moved: BTreeMap<String, String>,
}

/// Reads the picked recipients' due mail and what the policy needs beside it.
async fn load(
    session: &mut Session,
    request: &ClaimRequest,
    addresses: &BTreeSet<String>,
) -> Result<Loaded, StoreError> {
    let address_rows = Rows::of(addresses.iter().map(|address| cells![address]));
    let mut due: BTreeMap<String, Vec<DueMessage>> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    let mut earliest = request.now;
    let cells = cells![request.now, request.clock_at_least];
    for row in session.fetch_rows(&sql::DUE, &cells, &address_rows).await? {
        let message = message_row(&row)?;
        keys.insert(message.key.clone());
        earliest = earliest.min(message.due);
        let due_message =
            DueMessage { message, person: String::new(), held: None, holders: Vec::new(), attempts: row.number(17)? };
        due.entry(row.text(18)?).or_default().push(due_message);
    }
    let keys: Vec<PartnerKey> = keys.into_iter().collect();
    let persons = known(session, &keys).await?;
    let mut moved = BTreeMap::new();
    for (address, due) in &mut due {
        due.retain(|due| {
            let newest = persons.get(&due.message.key).and_then(|known| known.address.as_ref());
            let follows = newest.filter(|newest| *newest != address);
            moved.extend(follows.map(|newest| (due.message.id.clone(), newest.clone())));
            follows.is_none()
        });
    }
    let holds = Holds::read(session, &keys).await?;
    let holders = if request.replays() { holds.holders(session).await? } else { BTreeMap::new() };
    let mut suppressions: BTreeMap<String, Vec<(Option<String>, String)>> = BTreeMap::new();
    let hashes = Rows::of(addresses.iter().map(|address| cells![address, hashed(address)]));
    for row in session.fetch_rows(&sql::SUPPRESSIONS, &[], &hashes).await? {
        let topic = Some(row.text(1)?).filter(|topic| !topic.is_empty());
        suppressions.entry(row.text(0)?).or_default().push((topic, row.text(2)?));
    }
    let mut accepted: BTreeMap<String, Vec<_>> = BTreeMap::new();
    let mut copies: BTreeMap<String, Vec<SentCopy>> = BTreeMap::new();
    let since = earliest.checked_sub(ACCEPTED_WINDOW).unwrap_or(Timestamp::MIN);
    for row in session.fetch_rows(&sql::ACCEPTED, &cells![since], &address_rows).await? {
        accepted.entry(row.text(0)?).or_default().push((row.instant(1)?, kind(&row.text(2)?)?));
        // Of a mail that was counted before there were these columns, and is gone, only the count is known.
        if !row.text(3)?.is_empty() {
            let (at, key) = (row.instant(1)?, row.key(3)?);
            let copy = SentCopy { at, key, workflow: row.text(5)?, mail: row.text(6)?, round: row.text(7)? };
            copies.entry(row.text(0)?).or_default().push(copy);
        }
    }
    let mut awaiting = BTreeSet::new();
    if request.replays() {
        for row in session.fetch_rows(&sql::SHARED, &cells![request.clock_at_least], &address_rows).await? {
            awaiting.insert(row.text(0)?);
        }
    }
    let mut stopped = Vec::new();
    for row in session.fetch(&sql::STOPPED, &[]).await? {
        stopped.push((row.text(0)?, row.text(1)?));
    }
    let snapshots = due
        .into_iter()
        .filter(|(_, due)| !due.is_empty())
        .map(|(address, mut due)| {
            for due in &mut due {
                due.person = persons.get(&due.message.key).map_or_else(|| "{}".into(), |known| known.fields.clone());
                due.held = holds.of(due, request);
                if due.held == Some(None) {
                    let running = holds.on(due).filter(|(_, until)| until.is_none());
                    due.holders = running.filter_map(|(by, _)| holders.get(by)).cloned().collect();
                }
            }
            due.sort_by(|a, b| {
                let (a, b) = (&a.message, &b.message);
                b.priority.cmp(&a.priority).then_with(|| (a.due, &a.id).cmp(&(b.due, &b.id)))
            });
            RecipientSnapshot {
                suppressions: suppressions.remove(&address).unwrap_or_default(),
                accepted: accepted.remove(&address).unwrap_or_default(),
                copies: copies.remove(&address).unwrap_or_default(),
                awaits_others: awaiting.contains(&address),
                address,
                due,
                stopped: stopped.clone(),
            }
        })
        .collect();
    Ok(Loaded { snapshots, moved })
}

/// The holding journey, and until when.
type Hold = (String, Option<Timestamp>);

/// Who holds whose mail, by partner and held workflow.
struct Holds(BTreeMap<(PartnerKey, String), Vec<Hold>>);

impl Holds {
    async fn read(session: &mut Session, keys: &[PartnerKey]) -> Result<Self, StoreError> {
        let mut holds: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in session.fetch_rows(&sql::HOLDS, &[], &key_rows(keys)).await? {
            holds.entry((row.key(0)?, row.text(2)?)).or_default().push((row.text(3)?, row.opt_instant(4)?));
        }
        Ok(Self(holds))
    }

    /// The journeys behind open-ended holds.
    async fn holders(&self, session: &mut Session) -> Result<BTreeMap<String, Holder>, StoreError> {
        let running = self.0.values().flatten().filter(|(_, until)| until.is_none()).map(|(by, _)| by);
        let running: BTreeSet<&String> = running.collect();
        let rows = Rows::of(running.into_iter().map(|by| cells![by]));
        let mut holders = BTreeMap::new();
        for row in session.fetch_rows(&sql::HOLDERS, &[], &rows).await? {
            let holder = Holder {
                body: row.text(1)?,
                has_mail_queued: row.flag(2)?,
                timer_due: row.opt_instant(3)?,
                is_put_aside: row.flag(4)?,
            };
            holders.insert(row.text(0)?, holder);
        }
        Ok(holders)
    }

    /// Holds of other journeys on this message.
    fn on(&self, due: &DueMessage) -> impl Iterator<Item = &Hold> {
        let message = &due.message;
        let all = self.0.get(&(message.key.clone(), message.workflow.clone()));
        all.into_iter().flatten().filter(|(by, _)| *by != message.journey)
    }

    /// Until when another journey holds this message; open-ended beats every instant. A replaying mailer asks for shards at exactly
    /// the present and judges a message at its due time, so a hold that ended since still held it then.
    fn of(&self, due: &DueMessage, request: &ClaimRequest) -> Option<Option<Timestamp>> {
        let judged_at = if request.replays() { due.message.due.min(request.now) } else { request.now };
        self.on(due)
            .map(|(_, until)| *until)
            .filter(|until| until.is_none_or(|until| until > judged_at))
            .max_by_key(|until| until.map_or((true, Timestamp::MAX), |until| (false, until)))
    }
}

/// A message that is taken in hand, for whom, and what travels with it.
pub(super) struct Taken {
    pub(super) address: String,
    pub(super) due: DueMessage,
    pub(super) along: Vec<DueMessage>,
}

/// What was decided about all recipients of a claim, gathered so that it is written in a few statements.
#[derive(Default)]
struct Verdicts {
    taken: BTreeMap<String, Taken>,
    deferred: Vec<(String, Timestamp, String)>,
    ended: Vec<EndedMessage>,
    /// The limits over many people under which taken messages leave.
    leaves: BTreeMap<String, Leave>,
    /// Recipients something was decided about.
    recipients: usize,
}

impl Verdicts {
    fn add(&mut self, snapshot: RecipientSnapshot, verdict: RecipientVerdict) {
        let decided = verdict.take.is_some() || !verdict.defer.is_empty() || !verdict.end.is_empty();
        self.recipients += usize::from(decided);
        self.deferred.extend(verdict.defer);
        self.ended.extend(verdict.end);
        let (mut taken, mut along) = (None, Vec::new());
        for due in snapshot.due {
            if verdict.take.as_ref() == Some(&due.message.id) {
                taken = Some(due);
            } else if verdict.along.contains(&due.message.id) {
                along.push(due);
            }
        }
        if let Some(due) = taken {
            self.leaves.extend(verdict.leave.map(|leave| (due.message.id.clone(), leave)));
            self.taken.insert(due.message.id.clone(), Taken { address: snapshot.address, due, along });
        }
    }

    /// Leaves what is above the hour's limit where it is, and counts the rest. Workflows are locked in order of their names, and after
    /// everything else that a claim locks.
    async fn keep_under(
        &mut self,
        session: &mut Session,
        request: &ClaimRequest,
    ) -> Result<BTreeSet<String>, StoreError> {
        let mut over = BTreeSet::new();
        let Some(limit) = &request.burst else { return Ok(over) };
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, taken) in &self.taken {
            let workflow = &taken.due.message.workflow;
            if !limit.broadcasts.contains(workflow) {
                wanted.entry(workflow.clone()).or_default().push(id.clone());
            }
        }
        let minute = minute_of(request.now);
        for (workflow, ids) in wanted {
            session.execute(&sql::BURST_LOCK, &cells![&workflow]).await?;
            let since = minute - BURST_MINUTES;
            let counted = session.fetch(&sql::BURST_SUM, &cells![&workflow, since]).await?;
            let row = counted.first().ok_or_else(|| StoreError::Refused("no answer".into()))?;
            let (counted, is_past) = (row.int(0)?, row.int(1)? > 0);
            let room = limit.stop_above.map_or(i64::MAX, |stop| i64::from(stop) - counted);
            let room = usize::try_from(room.max(0)).unwrap_or(usize::MAX);
            for id in ids.iter().skip(room) {
                self.taken.remove(id);
            }
            if ids.len() > room {
                over.insert(workflow.clone());
            }
            let mails = ids.len().min(room);
            if mails > 0 {
                session.execute(&sql::BURST_ADD, &cells![&workflow, minute, mails]).await?;
            }
            if is_past {
                session.execute(&sql::BURST_FORGET, &cells![&workflow, since]).await?;
            }
        }
        Ok(over)
    }

    async fn write(mut self, session: &mut Session, request: &ClaimRequest) -> Result<Vec<Attempt>, StoreError> {
        let deferred = Rows::last_of(self.deferred.iter().map(|(id, due, reason)| (id, cells![id, *due, reason])));
        session.execute_rows(&sql::DEFER, &cells![request.now], &deferred).await?;
        end_queued(session, &self.ended).await?;
        let taking = Rows::of(self.taken.keys().map(|id| cells![id]));
        let mut attempts = Vec::with_capacity(self.taken.len());
        for row in session.fetch_rows(&sql::TAKE, &cells![&request.mailer, request.now], &taking).await? {
            let (id, attempt) = (row.text(0)?, row.int(1)?);
            if let Some(Taken { address, due, along }) = self.taken.remove(&id) {
                attempts.push(Attempt { attempt, address, due, along });
            }
        }
        gather(session, &mut attempts).await?;
        attempts.sort_by(|a, b| a.address.cmp(&b.address));
        let in_hand = Rows::of(attempts.iter().map(|attempt| cells![&attempt.address, &attempt.due.message.id]));
        session.execute_rows(&sql::OCCUPY, &[], &in_hand).await?;
        let counted = Rows::of(attempts.iter().map(|attempt| {
            let message = &attempt.due.message;
            let (program, partner) = (message.key.program.as_str(), message.key.partner.as_str());
            let (workflow, mail, round) = (&message.workflow, &message.mail, round_of(&message.context));
            cells![&message.id, &attempt.address, &message.kind, request.now, program, partner, workflow, mail, round]
        }));
        session.execute_rows(&sql::COUNT, &[], &counted).await?;
        Ok(attempts)
    }
}

/// Binds what travels to its carrier; what is not queued any more travels with nobody.
async fn gather(session: &mut Session, attempts: &mut [Attempt]) -> Result<(), StoreError> {
    let rows = Rows::of(attempts.iter().flat_map(|attempt| {
        let carrier = &attempt.due.message.id;
        attempt.along.iter().map(move |due| cells![&due.message.id, carrier])
    }));
    let gathered = session.fetch_rows(&sql::GATHER, &[], &rows).await?;
    let gathered = gathered.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
    for attempt in attempts {
        attempt.along.retain(|due| gathered.contains(&due.message.id));
    }
    Ok(())
}

/// Ends messages that are still queued, and says so to the log for exactly those.
pub(super) async fn end_queued(session: &mut Session, ended: &[EndedMessage]) -> Result<(), StoreError> {
    let rows = Rows::last_of(
        ended.iter().map(|ended| (&ended.id, cells![&ended.id, ended.state.code(), &ended.reason, ended.at])),
    );
    let done = session.fetch_rows(&sql::END_QUEUED, &[], &rows).await?;
    let done = done.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
    let outbox: Vec<OutboxRow> =
        ended.iter().filter(|ended| done.contains(&ended.id)).map(|ended| ended.outbox.clone()).collect();
    write_outbox(session, &outbox).await
}
