//! Claiming and settling mail.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rapport_contact::{Kind, SuppressReason, breaker::Tally, hashed};
use rapport_engine::ports::{
    copies::{SentCopy, round_of},
    leave::{Leave, turn, waits_with},
    rows::{ENDED_BY_ITSELF, MessageState, ShardRow},
    store::{
        Attempt, BURST_MINUTES, ClaimRequest, Claimed, DomainTally, Doubtful, DueMessage, EndedMessage, Holder,
        MailLook, RecipientSnapshot, RecipientVerdict, Resolution, Settlement, StoreError, minute_of,
    },
};

use super::{Counted, StoredMessage, Tables, before};

const ACCEPTED_WINDOW: SignedDuration = SignedDuration::from_hours(32 * 24);

/// What a mailer decides with.
pub(crate) type Decide<'d> = &'d (dyn for<'a> Fn(&'a RecipientSnapshot) -> RecipientVerdict + Send + Sync);

/// A recipient's mail that the policy takes.
struct Taken {
    address: String,
    due: DueMessage,
    /// What would travel with it.
    along: Vec<DueMessage>,
    leave: Option<Leave>,
}

impl Tables {
    fn open_messages(&self) -> impl Iterator<Item = &StoredMessage> {
        self.open.iter().filter_map(|id| self.messages.get(id))
    }

    fn claimable<'a>(&'a self, request: &'a ClaimRequest) -> impl Iterator<Item = &'a StoredMessage> {
        self.open_messages().filter(|message| {
            message.state == MessageState::Queued
                && message.carrier.is_none()
                && message.row.due <= request.now
                && message.address.is_some()
                && !self.quarantine.contains_key(&message.row.key)
                && !self.is_paused(&message.row)
                && self.clock(message.row.shard).is_some_and(|clock| clock >= request.clock_at_least)
        })
    }

    pub(crate) fn claim(
        &mut self,
        request: &ClaimRequest,
        decide: Decide<'_>,
        server_now: Timestamp,
    ) -> Result<Claimed, StoreError> {
        let claimable: Vec<&StoredMessage> = self.claimable(request).collect();
        let is_free = |message: &&StoredMessage| {
            let recipient = message.address.as_ref().and_then(|address| self.recipients.get(address));
            recipient.is_some_and(Option::is_none)
        };
        let mut picked: Vec<&StoredMessage> = claimable.iter().copied().filter(is_free).collect();
        picked.sort_by(|one, other| (one.row.due, &one.row.id).cmp(&(other.row.due, &other.row.id)));
        let addresses: BTreeSet<String> =
            picked.into_iter().take(request.limit).filter_map(|message| message.address.clone()).collect();
        let to_them =
            |message: &&StoredMessage| message.address.as_ref().is_some_and(|address| addresses.contains(address));
        // Nothing else can come to these addresses: only what is there already may move from one to another.
        let waiting: Vec<String> =
            claimable.into_iter().filter(to_them).map(|message| message.row.id.clone()).collect();
        let mut claimed = Claimed { looked_at: self.follow(&waiting), ..Claimed::default() };
        let mut snapshots: BTreeMap<String, RecipientSnapshot> = BTreeMap::new();
        for address in addresses {
            let snapshot = self.snapshot(&address, &waiting, request)?;
            if !snapshot.due.is_empty() {
                snapshots.insert(address, snapshot);
            }
        }
        let mut taken: Vec<Taken> = Vec::new();
        for (address, snapshot) in snapshots {
            let verdict = decide(&snapshot);
            claimed.looked_at +=
                usize::from(verdict.take.is_some() || !verdict.defer.is_empty() || !verdict.end.is_empty());
            for (id, due, reason) in verdict.defer {
                self.defer(&id, due, reason, request.now);
            }
            self.end_queued(&verdict.end);
            let (mut due, mut along) = (None, Vec::new());
            for one in snapshot.due {
                if verdict.take.as_ref() == Some(&one.message.id) {
                    due = Some(one);
                } else if verdict.along.contains(&one.message.id) {
                    along.push(one);
                }
            }
            taken.extend(due.map(|due| Taken { address, due, along, leave: verdict.leave }));
        }
        for Taken { address, due, mut along, leave } in self.let_some_go(taken, request.now) {
            if !self.has_room(&due.message.workflow, request) {
                claimed.over.insert(due.message.workflow.clone());
                self.leaving.remove(&due.message.id);
                leave.iter().for_each(|leave| self.stays(leave));
                continue;
            }
            if let Some(mut attempt) = self.take(address, due, request, server_now) {
                along.retain(|due| self.gather(&due.message.id, &attempt.due.message.id));
                attempt.along = along;
                claimed.attempts.push(attempt);
            }
        }
        Ok(claimed)
    }

    /// The mails that the limits over many people let go, by address; the others are put off. Each asks in its turn.
    fn let_some_go(&mut self, mut taken: Vec<Taken>, now: Timestamp) -> Vec<Taken> {
        taken.sort_by(|one, other| {
            let place = turn(&one.due.message, one.leave.as_ref());
            place.cmp(&turn(&other.due.message, other.leave.as_ref()))
        });
        taken.retain(|Taken { due, along, leave, .. }| {
            let Some(leave) = leave else { return true };
            match self.let_go(due, leave, now) {
                Ok(()) => {
                    self.leaves(&due.message.id, leave);
                    true
                }
                Err((until, reason)) => {
                    self.defer(&due.message.id, until, reason.code().to_owned(), now);
                    for with_it in waits_with(reason, along) {
                        self.defer(&with_it.id, until.min(with_it.expires), reason.code().to_owned(), now);
                    }
                    false
                }
            }
        });
        taken.sort_by(|one, other| one.address.cmp(&other.address));
        taken
    }

    fn defer(&mut self, id: &str, due: Timestamp, reason: String, now: Timestamp) {
        if let Some(message) = self.queued(id) {
            (message.row.due, message.reason, message.changed_at) = (due, Some(reason), now);
        }
    }

    /// Whether one more mail of the workflow may leave within the hour; it is counted if so.
    fn has_room(&mut self, workflow: &str, request: &ClaimRequest) -> bool {
        let Some(limit) = request.burst.as_ref().filter(|limit| !limit.broadcasts.contains(workflow)) else {
            return true;
        };
        let minute = minute_of(request.now);
        let counted = self.mails_since(minute - BURST_MINUTES).get(workflow).copied().unwrap_or_default();
        if limit.stop_above.is_some_and(|stop| counted >= i64::from(stop)) {
            return false;
        }
        *self.burst.entry((workflow.to_owned(), minute)).or_default() += 1;
        true
    }

    pub(crate) fn mails_since(&self, minute: i64) -> BTreeMap<String, i64> {
        let mut mails = BTreeMap::new();
        for ((workflow, _), count) in self.burst.iter().filter(|((_, at), count)| *at >= minute && **count > 0) {
            *mails.entry(workflow.clone()).or_default() += count;
        }
        mails
    }

    pub(crate) fn tallies(&self, workflow: &str, since: Timestamp) -> Vec<DomainTally> {
        let mut domains: BTreeMap<String, Tally> = BTreeMap::new();
        let marketing = |id: &String| {
            let message = self.messages.get(id)?;
            let domain = message.address.as_ref()?.split_once('@')?.1.to_owned();
            (message.row.kind == "marketing" && message.row.workflow == workflow).then_some((message, domain))
        };
        for (id, _) in self.sent.iter().filter(|(_, counted)| counted.at >= since) {
            let accepted =
                |message: &StoredMessage| matches!(message.state, MessageState::Sent | MessageState::InDoubt);
            if let Some((_, domain)) = marketing(id).filter(|(message, _)| accepted(message)) {
                domains.entry(domain).or_default().mails += 1;
            }
        }
        for row in self.feedback.values().filter(|row| row.at >= since) {
            let Some((message, domain)) = row.message.as_ref().and_then(marketing) else { continue };
            let bounced = matches!(row.what.as_str(), "bounce.hard" | "bounce.policy");
            if bounced || row.what == "complaint" {
                let tally = domains.entry(domain).or_default();
                tally.mails += u64::from(message.state == MessageState::Failed);
                tally.bounced += u64::from(bounced);
                tally.complained += u64::from(!bounced);
            }
        }
        domains.into_iter().map(|(domain, tally)| DomainTally { domain, tally }).collect()
    }

    /// Moves due mail to its partners' newest addresses; how many mails moved.
    fn follow(&mut self, waiting: &[String]) -> usize {
        let moved: Vec<(&String, String)> = waiting
            .iter()
            .filter_map(|id| {
                let message = self.messages.get(id)?;
                let newest =
                    self.address_of(&message.row.key).filter(|newest| message.address.as_ref() != Some(newest))?;
                Some((id, newest))
            })
            .collect();
        for (id, newest) in &moved {
            if let Some(message) = self.queued(id) {
                message.address = Some(newest.clone());
            }
        }
        moved.len()
    }

    fn take(
        &mut self,
        address: String,
        due: DueMessage,
        request: &ClaimRequest,
        server_now: Timestamp,
    ) -> Option<Attempt> {
        let message = self.queued(&due.message.id)?;
        message.state = MessageState::Attempting;
        message.attempt += 1;
        message.mailer = Some(request.mailer.clone());
        message.attempting_at = Some(server_now);
        message.changed_at = request.now;
        let attempt = message.attempt;
        self.recipients.insert(address.clone(), Some(due.message.id.clone()));
        let counted = Counted { address: address.clone(), kind: due.message.kind.clone(), at: request.now };
        self.sent.insert(due.message.id.clone(), counted);
        Some(Attempt { attempt, address, due, along: Vec::new() })
    }

    /// From now on the message travels with another one; whether it could.
    fn gather(&mut self, id: &str, carrier: &str) -> bool {
        let Some(message) = self.queued(id) else { return false };
        message.carrier = Some(carrier.to_owned());
        self.travelling.insert(id.to_owned());
        true
    }

    /// What travels with the message and was not ended is claimable again.
    pub(crate) fn set_free(&mut self, carrier: &str) {
        let messages = &mut self.messages;
        self.travelling.retain(|id| {
            let message = messages.get_mut(id).filter(|message| message.state == MessageState::Queued);
            let Some(message) = message else { return false };
            if message.carrier.as_deref() == Some(carrier) {
                message.carrier = None;
            }
            message.carrier.is_some()
        });
    }

    fn queued(&mut self, id: &str) -> Option<&mut StoredMessage> {
        self.messages.get_mut(id).filter(|message| message.state == MessageState::Queued)
    }

    /// A recipient with those of the waiting mails that are for it.
    fn snapshot(
        &self,
        address: &str,
        waiting: &[String],
        request: &ClaimRequest,
    ) -> Result<RecipientSnapshot, StoreError> {
        let mut due = Vec::new();
        let mut earliest = request.now;
        let waiting = waiting.iter().filter_map(|id| self.messages.get(id));
        for message in waiting.filter(|message| message.address.as_deref() == Some(address)) {
            earliest = earliest.min(message.row.due);
            due.push(DueMessage {
                message: message.row.clone(),
                person: self.person(&message.row.key)?.unwrap_or_else(|| "{}".into()),
                held: self.held(message, request),
                holders: self.holders(message, request),
                attempts: u32::try_from(message.attempt).unwrap_or(u32::MAX),
            });
        }
        due.sort_by(|one, other| {
            let (one, other) = (&one.message, &other.message);
            other.priority.cmp(&one.priority).then_with(|| (one.due, &one.id).cmp(&(other.due, &other.id)))
        });
        let hash = hashed(address);
        let suppressions = self
            .suppressions
            .keys()
            .filter(|(of, ..)| of == address || *of == hash)
            .map(|(_, topic, reason)| ((!topic.is_empty()).then(|| topic.clone()), reason.clone()))
            .collect();
        let since = earliest.checked_sub(ACCEPTED_WINDOW).unwrap_or(Timestamp::MIN);
        let mut accepted: Vec<(Timestamp, Kind)> = self
            .sent
            .to(address)
            .filter(|(_, counted)| counted.at >= since)
            .map(|(_, counted)| (counted.at, if counted.kind == "service" { Kind::Service } else { Kind::Marketing }))
            .collect();
        accepted.sort_by_key(|(at, _)| *at);
        let mut copies: Vec<SentCopy> = self
            .sent
            .to(address)
            .filter(|(_, counted)| counted.at >= since)
            .filter_map(|(id, counted)| {
                let row = &self.messages.get(id)?.row;
                Some(SentCopy {
                    at: counted.at,
                    key: row.key.clone(),
                    workflow: row.workflow.clone(),
                    mail: row.mail.clone(),
                    round: round_of(&row.context),
                })
            })
            .collect();
        copies.sort_by_key(|copy| copy.at);
        let stopped = self
            .pauses
            .values()
            .filter_map(|pause| Some((pause.scope.workflow.clone()?, pause.scope.provider.clone()?)));
        let stopped = stopped.collect();
        let awaits_others = request.replays() && self.awaits_others(address, request.clock_at_least);
        let address = address.to_owned();
        Ok(RecipientSnapshot { address, due, suppressions, accepted, copies, stopped, awaits_others })
    }

    /// Whether several partners have or had the address while a shard has yet to come to the present.
    fn awaits_others(&self, address: &str, present: Timestamp) -> bool {
        let is_behind = |row: &ShardRow| row.clock.is_none_or(|clock| clock < present);
        let behind = self.shards.iter().any(|(number, row)| *number >= 0 && is_behind(row));
        if !behind {
            return false;
        }
        let here = self.persons.values().filter(|row| row.address.as_deref() == Some(address));
        here.map(|row| &row.key).collect::<BTreeSet<_>>().len() > 1
    }

    /// Until when another journey holds the message; open-ended beats every instant.
    fn held(&self, message: &StoredMessage, request: &ClaimRequest) -> Option<Option<Timestamp>> {
        let judged_at = if request.replays() { message.row.due.min(request.now) } else { request.now };
        let key = &message.row.key;
        self.holds_on(message)
            .filter(|(by, until)| {
                let holder = || self.journeys.get(&(key.clone(), (*by).to_owned()));
                until.is_some() || holder().is_some_and(|row| row.exited.is_none())
            })
            .map(|(_, until)| until)
            .filter(|until| until.is_none_or(|until| until > judged_at))
            .max_by_key(|until| until.map_or((true, Timestamp::MAX), |until| (false, until)))
    }

    /// In a replay, the journeys that hold the message without an end.
    fn holders(&self, message: &StoredMessage, request: &ClaimRequest) -> Vec<Holder> {
        if !request.replays() || self.held(message, request) != Some(None) {
            return Vec::new();
        }
        let key = &message.row.key;
        self.holds_on(message)
            .filter(|(_, until)| until.is_none())
            .filter_map(|(by, _)| self.journeys.get(&(key.clone(), by.to_owned())))
            .map(|row| {
                let queued = |other: &StoredMessage| other.state == MessageState::Queued && other.row.journey == row.id;
                let timer = |subject: &str| self.timers.get(&(key.clone(), format!("{subject}:{}", row.id)));
                Holder {
                    body: row.body.clone(),
                    has_mail_queued: self.open_messages().any(|other| other.row.key == *key && queued(other)),
                    timer_due: timer("journey").map(|(_, row)| row.due),
                    is_put_aside: timer("held").is_some(),
                }
            })
            .collect()
    }

    /// Holds of other journeys on the message: by whom, and until when.
    fn holds_on(&self, message: &StoredMessage) -> impl Iterator<Item = (&str, Option<Timestamp>)> {
        let (key, workflow) = (message.row.key.clone(), message.row.workflow.clone());
        let by_itself = message.row.journey.clone();
        self.holds
            .range((key.clone(), workflow.clone(), String::new())..)
            .take_while(move |((of, held, _), _)| *of == key && *held == workflow)
            .map(|((_, _, by), until)| (by.as_str(), *until))
            .filter(move |(by, _)| *by != by_itself)
    }

    pub(crate) fn end_queued(&mut self, ended: &[EndedMessage]) {
        for end in ended {
            let Some(message) = self.queued(&end.id) else { continue };
            (message.state, message.reason, message.changed_at) = (end.state, Some(end.reason.clone()), end.at);
            self.open.remove(&end.id);
            self.add_outbox(std::slice::from_ref(&end.outbox));
        }
    }

    pub(crate) fn settle(&mut self, attempt: &Attempt, settlement: &Settlement) -> bool {
        let id = &attempt.due.message.id;
        let Some(message) = self.messages.get_mut(id).filter(|message| message.attempt == attempt.attempt) else {
            return false;
        };
        let in_hand = message.state == MessageState::Attempting;
        match settlement {
            Settlement::Ended(ended) => {
                let given_up = matches!(message.state, MessageState::InDoubt | MessageState::Queued);
                let late = given_up && ended.state == MessageState::Sent;
                if !(in_hand || late) {
                    return false;
                }
                message.state = ended.state;
                message.changed_at = ended.at;
                message.reply.clone_from(&ended.reply);
                message.attempting_at = None;
                let erased = self.erased.get(&message.row.key).is_some_and(|at| *at >= message.row.planned_at);
                let words = if erased && !ended.reason.is_empty() { "erased" } else { ended.reason.as_str() };
                message.reason = Some(words.to_owned());
                message.address = Some(if erased { hashed(&attempt.address) } else { attempt.address.clone() });
                self.open.remove(id);
                if matches!(ended.state, MessageState::Sent | MessageState::InDoubt) {
                    let (address, kind) = (message.address.clone().unwrap_or_default(), message.row.kind.clone());
                    self.sent.insert(id.clone(), Counted { address, kind, at: ended.at });
                } else {
                    self.sent.remove(id);
                }
                self.add_outbox(std::slice::from_ref(&ended.outbox));
            }
            Settlement::Requeue { due, reason } => {
                if !in_hand {
                    return false;
                }
                message.row.due = *due;
                message.attempting_at = None;
                message.reason = Some(message.cancel_code.clone().unwrap_or_else(|| reason.clone()));
                if let Some(code) = &message.cancel_code {
                    if code == "erased" {
                        message.address = Some(hashed(&attempt.address));
                    }
                    message.state = MessageState::Cancelled;
                    self.open.remove(id);
                } else {
                    message.state = MessageState::Queued;
                }
                if let Some(counted) = self.sent.remove(id)
                    && !attempt.due.message.is_sent_again()
                    && let Some(mails) =
                        self.burst.get_mut(&(attempt.due.message.workflow.clone(), minute_of(counted.at)))
                {
                    *mails = (*mails - 1).max(0);
                }
            }
        }
        let is_back = matches!(settlement, Settlement::Requeue { .. }) && !attempt.due.message.is_sent_again();
        self.arrived(id, is_back);
        if let Some(hand) = self.recipients.get_mut(&attempt.address)
            && hand.as_ref() == Some(id)
        {
            *hand = None;
        }
        if let Settlement::Ended(ended) = settlement {
            // What was set free meanwhile and still waits was told of all the same, when the carrier's 250 comes late.
            let mut along = Vec::with_capacity(ended.along.len());
            for end in &ended.along {
                let travelled = |row: &&mut StoredMessage| row.carrier.as_ref().is_none_or(|carrier| carrier == id);
                if let Some(message) = self.queued(&end.id).filter(travelled) {
                    message.carrier = Some(id.clone());
                    self.travelling.insert(end.id.clone());
                    along.push(end.clone());
                }
            }
            self.end_queued(&along);
        }
        self.set_free(id);
        true
    }

    pub(crate) fn doubtful(&self, limit: usize) -> Vec<Doubtful> {
        let mut found: Vec<&StoredMessage> =
            self.messages.values().filter(|message| message.state == MessageState::InDoubt).collect();
        found.sort_by(|one, other| (one.changed_at, &one.row.id).cmp(&(other.changed_at, &other.row.id)));
        found.truncate(limit);
        let doubtful = |message: &StoredMessage| Doubtful {
            message: message.row.clone(),
            attempt: message.attempt,
            address: message.address.clone().unwrap_or_default(),
            since: message.changed_at,
            reason: message.reason.clone().unwrap_or_default(),
        };
        found.into_iter().map(doubtful).collect()
    }

    pub(crate) fn resolve(&mut self, doubtful: &Doubtful, found: &Resolution) -> bool {
        let id = &doubtful.message.id;
        let still = |message: &&mut StoredMessage| {
            message.state == MessageState::InDoubt && message.attempt == doubtful.attempt
        };
        let Some(message) = self.messages.get_mut(id).filter(still) else { return false };
        match found {
            Resolution::Ended(ended) => {
                (message.state, message.changed_at) = (ended.state, ended.at);
                message.reason = Some(ended.reason.clone());
                if ended.state != MessageState::Sent {
                    self.sent.remove(id);
                }
                self.add_outbox(std::slice::from_ref(&ended.outbox));
            }
            Resolution::SendAgain { due, expires, reason } => {
                if message.cancel_code.is_some() {
                    return false;
                }
                message.state = MessageState::Queued;
                (message.row.due, message.row.expires) = (*due, *expires);
                message.reason = Some(reason.clone());
                self.open.insert(id.clone());
                self.sent.remove(id);
                let in_digest = SuppressReason::InDigest.code();
                for other in self.messages.values_mut().filter(|other| other.carrier.as_ref() == Some(id)) {
                    let its = (other.row.key.clone(), other.row.journey.clone());
                    let exited = self.journeys.get(&its).and_then(|journey| journey.exited.as_ref());
                    let is_stopped = exited.is_some_and(|(_, code)| !ENDED_BY_ITSELF.contains(&code.as_str()));
                    let was_told =
                        other.state == MessageState::Suppressed && other.reason.as_deref() == Some(in_digest);
                    if was_told && !is_stopped {
                        other.state = MessageState::Queued;
                        (other.row.due, other.row.expires) = (*due, *expires);
                        (other.reason, other.carrier) = (Some(reason.clone()), None);
                        self.open.insert(other.row.id.clone());
                    }
                }
            }
        }
        true
    }

    pub(crate) fn attempts(&self, of: impl Fn(&StoredMessage) -> bool) -> Result<Vec<Attempt>, StoreError> {
        let mut found: Vec<&StoredMessage> =
            self.open_messages().filter(|message| message.state == MessageState::Attempting && of(message)).collect();
        found.sort_by(|one, other| (one.attempting_at, &one.row.id).cmp(&(other.attempting_at, &other.row.id)));
        found
            .into_iter()
            .map(|message| {
                let due = DueMessage {
                    message: message.row.clone(),
                    person: self.person(&message.row.key)?.unwrap_or_else(|| "{}".into()),
                    held: None,
                    holders: Vec::new(),
                    attempts: u32::try_from(message.attempt - 1).unwrap_or(u32::MAX),
                };
                let address = message.address.clone().unwrap_or_default();
                Ok(Attempt { attempt: message.attempt, address, due, along: self.along(&message.row.id)? })
            })
            .collect()
    }

    /// What travels with a message in hand.
    fn along(&self, carrier: &str) -> Result<Vec<DueMessage>, StoreError> {
        let mut found: Vec<&StoredMessage> = self
            .open_messages()
            .filter(|message| message.state == MessageState::Queued && message.carrier.as_deref() == Some(carrier))
            .collect();
        found.sort_by(|one, other| {
            let (one, other) = (&one.row, &other.row);
            other.priority.cmp(&one.priority).then_with(|| (one.due, &one.id).cmp(&(other.due, &other.id)))
        });
        found
            .into_iter()
            .map(|message| {
                Ok(DueMessage {
                    message: message.row.clone(),
                    person: self.person(&message.row.key)?.unwrap_or_else(|| "{}".into()),
                    held: None,
                    holders: Vec::new(),
                    attempts: u32::try_from(message.attempt).unwrap_or(u32::MAX),
                })
            })
            .collect()
    }

    pub(crate) fn stale(&self, now: Timestamp, silence: Duration, limit: usize) -> Result<Vec<Attempt>, StoreError> {
        let since = before(now, silence);
        let mut stale = self.attempts(|message| {
            message.attempting_at.is_some_and(|at| at <= since)
                && !message.mailer.as_ref().is_some_and(|mailer| self.heard_of(mailer, since))
        })?;
        stale.truncate(limit);
        Ok(stale)
    }

    pub(crate) fn unaddressed(&self, now: Timestamp, limit: usize) -> Vec<rapport_engine::ports::rows::MessageRow> {
        let mut rows: Vec<_> = self
            .open_messages()
            .filter(|message| {
                message.state == MessageState::Queued && message.address.is_none() && message.row.expires <= now
            })
            .map(|message| message.row.clone())
            .collect();
        rows.sort_by(|one, other| (one.expires, &one.id).cmp(&(other.expires, &other.id)));
        rows.truncate(limit);
        rows
    }

    pub(crate) fn mail_look(&self, now: Timestamp) -> MailLook {
        let mut look = MailLook {
            next_due: None,
            is_over: self.pauses.values().any(|pause| pause.until.is_some_and(|until| until <= now)),
        };
        for message in self.open_messages().filter(|message| message.state == MessageState::Queued) {
            let row = &message.row;
            if message.address.is_none() {
                look.is_over |= row.expires <= now;
            } else if look.next_due.is_none_or(|known| row.due < known)
                && message.carrier.is_none()
                && !self.quarantine.contains_key(&row.key)
                && !self.is_paused(row)
            {
                look.next_due = Some(row.due);
            }
        }
        look
    }

    /// Messages due by the instant, and those in hand.
    pub(crate) fn outstanding_messages(&self, by: Timestamp) -> usize {
        self.open_messages()
            .filter(|message| {
                let since = if message.address.is_some() { message.row.due } else { message.row.expires };
                let waits = message.address.is_some()
                    && (self.quarantine.contains_key(&message.row.key) || self.is_paused(&message.row));
                message.state == MessageState::Attempting || (since <= by && !waits)
            })
            .count()
    }
}
