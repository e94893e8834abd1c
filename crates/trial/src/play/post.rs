//! What journeys ask for: mails by the mailer's own policy, offers, tasks, holds.

use rapport_contact::{Kind as Contact, SuppressReason};
use rapport_engine::coordinator::OfferRequest;
use rapport_engine::mailer::{LinkKeys, in_digest, is_in_digest, sample_together, verdict};
use rapport_engine::personal;
use rapport_engine::ports::rows::{MessageRow, MessageState, RequestRow, ReservationRow, TaskKind};
use rapport_engine::ports::store::{Attempt, DueMessage, RecipientSnapshot};
use rapport_engine::records;
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::react::{REQUEST_PLACE, REQUEST_RELEASE};
use rapport_event::Kind;
use rapport_message::link::Keys;
use rapport_workflow::config::PerPartner;
use serde_json::Value as Json;

use super::{Queued, SentMail, Stage, TaskOpened};

impl Stage<'_> {
    /// Takes what the last reaction left in the batch.
    pub(super) fn take_out(&mut self) {
        let signals = std::mem::take(&mut self.batch.signals);
        self.note_signals(signals);
        for message in std::mem::take(&mut self.batch.messages) {
            let look_at = message.due.max(self.now);
            self.queue.push(Queued { message, look_at, held_by: Vec::new() });
        }
        for (id, reason) in std::mem::take(&mut self.batch.cancels) {
            if let Some(at) = self.queue.iter().position(|queued| queued.message.id == id) {
                let queued = self.queue.remove(at);
                self.performance.unsent.push((queued.message.mail, self.now, reason));
            }
        }
        for hold in std::mem::take(&mut self.batch.holds) {
            self.holds.insert((hold.workflow.clone(), hold.by_journey), hold.until);
            // Whoever waits for the hold is looked at again.
            for queued in self.queue.iter_mut().filter(|queued| queued.message.workflow == hold.workflow) {
                queued.look_at = queued.message.due.max(self.now);
            }
        }
        for task in std::mem::take(&mut self.batch.tasks) {
            let text = personal::filled(&task.text, &self.person, None);
            let opened = match task.kind {
                TaskKind::Task => &mut self.performance.tasks,
                TaskKind::Case => &mut self.performance.cases,
            };
            opened.push(TaskOpened {
                id: task.id,
                workflow: task.workflow,
                text,
                to: task.assignee,
                at: task.opened_at,
                due: task.due,
            });
        }
        for refusal in std::mem::take(&mut self.batch.refusals) {
            self.performance.refusals.insert(refusal.workflow, (refusal.code, refusal.at));
        }
    }

    /// Other systems answer at once: they took it, unless the test says that they fail.
    pub(super) fn answer_calls(&mut self) -> Result<(), String> {
        for call in std::mem::take(&mut self.batch.calls) {
            self.performance.calls.push(TaskOpened {
                id: call.id.clone(),
                workflow: call.workflow.clone(),
                text: personal::filled(&call.body, &self.person, None),
                to: call.hook.clone(),
                at: call.planned_at,
                due: None,
            });
            let failed = self.trial.failing_hooks.contains(&call.hook);
            let reason = if failed { "as the test says" } else { "" };
            let record = records::call_ended(&call, !failed, reason, self.now);
            self.fold(&record)?;
        }
        Ok(())
    }

    pub(super) fn answer_offers(&mut self) -> Result<(), String> {
        for request in std::mem::take(&mut self.batch.requests) {
            let wanted: OfferRequest = serde_json::from_str(&request.body).map_err(|error| error.to_string())?;
            if request.kind == REQUEST_RELEASE {
                self.reservations.retain(|(message, ..)| *message != wanted.message);
                continue;
            }
            if request.kind == REQUEST_PLACE {
                // The other partners of a test want nothing: there is a place today.
                let record = records::place_answer(&request, &wanted, Some(self.now));
                self.fold(&record)?;
                continue;
            }
            let answer = self.judge_offer(&wanted, &request);
            let record = records::offer_answer(&request, &wanted, answer.as_ref().map_err(|why| *why));
            self.fold(&record)?;
        }
        Ok(())
    }

    fn judge_offer(&mut self, wanted: &OfferRequest, request: &RequestRow) -> Result<ReservationRow, &'static str> {
        if self.trial.refused_offers.contains(&wanted.offer) {
            return Err("budget_spent");
        }
        let offer = self.applied.rulebook.offers.get(wanted.offer.as_str()).ok_or("unknown_offer")?;
        let since = match offer.per_partner {
            PerPartner::Once => Some(jiff::Timestamp::MIN),
            PerPartner::OnceIn(length) => {
                let minutes = jiff::SignedDuration::from_mins(length.about_minutes());
                Some(self.now.checked_sub(minutes).unwrap_or(jiff::Timestamp::MIN))
            }
            PerPartner::Unlimited => None,
        };
        let given = |offer: &str, at: jiff::Timestamp| offer == wanted.offer && since.is_some_and(|since| at >= since);
        if self.reservations.iter().any(|(_, offer, at)| given(offer, *at)) {
            return Err("already_given");
        }
        self.reservations.push((wanted.message.clone(), wanted.offer.clone(), self.now));
        Ok(ReservationRow {
            offer: wanted.offer.clone(),
            key: request.key.clone(),
            journey: request.journey.clone(),
            at: request.at,
            minor: offer.value.minor,
            currency: offer.value.currency.code().to_owned(),
        })
    }

    /// Looks at every mail that is due, as the mailer does, until none may leave.
    pub(super) fn post(&mut self) -> Result<(), String> {
        loop {
            let mut due: Vec<&Queued> = self.queue.iter().filter(|queued| queued.look_at <= self.now).collect();
            if due.is_empty() {
                return Ok(());
            }
            due.sort_by(|a, b| {
                let order = |queued: &Queued| (-queued.message.priority, queued.message.due, queued.message.id.clone());
                order(a).cmp(&order(b))
            });
            let person = Json::Object(self.person.clone()).to_string();
            let address = self.person.get("email").and_then(Json::as_str).unwrap_or_default().to_owned();
            let snapshot = RecipientSnapshot {
                address: address.clone(),
                due: due.iter().map(|queued| self.due_message(&queued.message, &person)).collect(),
                suppressions: self.suppressions.clone(),
                accepted: self.accepted.clone(),
                // A test is about one partner.
                copies: Vec::new(),
                stopped: Vec::new(),
                awaits_others: false,
            };
            let verdict = verdict(&snapshot, self.applied, Some(self.now), None, 1);
            for (id, until, why) in verdict.defer {
                if let Some(queued) = self.queue.iter_mut().find(|queued| queued.message.id == id) {
                    queued.look_at = until;
                    let why = why.to_string();
                    if !queued.held_by.contains(&why) {
                        queued.held_by.push(why);
                    }
                }
            }
            for ended in verdict.end {
                let kind = match ended.state {
                    MessageState::Expired => Kind::MessageExpired,
                    _ => Kind::MessageSuppressed,
                };
                self.ended(&ended.id, kind, &ended.reason)?;
            }
            let Some(id) = verdict.take else { continue };
            let taken = snapshot.due.iter().find(|due| due.message.id == id).cloned();
            let Some(due) = taken else { return Ok(()) };
            let along = snapshot.due.iter().filter(|due| verdict.along.contains(&due.message.id)).cloned().collect();
            if self.is_cut_before(&due.message.journey) {
                return Ok(());
            }
            self.deliver(Attempt { attempt: 1, address, due, along })?;
        }
    }

    fn due_message(&self, message: &MessageRow, person: &str) -> DueMessage {
        let holds = self.holds.iter().filter(|((workflow, _), until)| {
            *workflow == message.workflow && until.is_none_or(|until| until > self.now)
        });
        // An open end is later than any instant.
        let held = holds.map(|(_, until)| *until).max_by_key(|until| until.unwrap_or(jiff::Timestamp::MAX));
        DueMessage { message: message.clone(), person: person.to_owned(), held, holders: Vec::new(), attempts: 0 }
    }

    fn deliver(&mut self, attempt: Attempt) -> Result<(), String> {
        let message = attempt.due.message.clone();
        let kind = match self.trial.outcomes.get(&message.mail).map(String::as_str) {
            Some("failed") => Kind::MessageFailed,
            Some("expired") => Kind::MessageExpired,
            Some("suppressed") => Kind::MessageSuppressed,
            _ => Kind::MessageSent,
        };
        if kind != Kind::MessageSent {
            return self.ended(&message.id, kind, "as the test says");
        }
        let keys =
            Keys::new([b"a key that signs the links of tests only".to_vec()]).map_err(|error| error.to_string())?;
        let applied: &Applied = self.applied;
        let along = vec![applied; attempt.along.len()];
        let (letter, told) = sample_together(applied, applied, &along, &attempt, &LinkKeys { keys }, self.now)
            .map_err(|error| format!("{}/{} cannot be rendered: {error}", message.workflow, message.mail))?;
        let held_by = self.queue.iter().find(|queued| queued.message.id == message.id);
        let held_by = held_by.map(|queued| queued.held_by.clone()).unwrap_or_default();
        let counted = if message.kind == "service" { Contact::Service } else { Contact::Marketing };
        self.accepted.push((self.now, counted));
        self.performance.mails.push(SentMail {
            workflow: message.workflow.clone(),
            mail: message.mail.clone(),
            at: self.now,
            letter,
            due: message.due,
            held_by,
        });
        self.ended(&message.id, Kind::MessageSent, "")?;
        for due in attempt.along.iter().filter(|due| told.tells_of(&due.message.id)) {
            self.ended(&due.message.id, Kind::MessageSuppressed, &in_digest(&message.id))?;
        }
        Ok(())
    }

    fn ended(&mut self, id: &str, kind: Kind, reason: &str) -> Result<(), String> {
        let Some(at) = self.queue.iter().position(|queued| queued.message.id == id) else { return Ok(()) };
        let message = self.queue.remove(at).message;
        if kind != Kind::MessageSent {
            let why = if is_in_digest(reason) { SuppressReason::InDigest.code() } else { reason };
            self.performance.unsent.push((message.mail.clone(), self.now, why.to_owned()));
        }
        let record = records::outcome(&message, kind, 1, reason, self.now);
        self.fold(&record)
    }
}
