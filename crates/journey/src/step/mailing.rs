//! The `email` step: from the mail's name to its outcome.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rapport_workflow as flow;
use rapport_workflow::calendar::add;
use rapport_workflow::{MailName, Verb};

use super::{Flow, Run};
use crate::action::{Action, PlannedMessage};
use crate::context;
use crate::entry::BROADCAST;
use crate::id::MessageId;
use crate::journey::{ExitReason, Outcome, State};

/// Why an offer is refused to who is not among those it is for.
const NOT_ENTITLED: &str = "not_entitled";

impl<'a> Run<'a, '_> {
    pub(super) fn email(&mut self, step: &'a flow::Step, email: &'a flow::Email) -> Flow {
        // The first mail that is due closes `combine`: what comes later is another congratulation.
        self.journey.open_until = None;
        let Some(mail) = self.mail_name(email) else {
            self.note(Some(&step.id), "no_such_mail", "");
            return self.not_planned(step, email);
        };
        if self.reminds_until().is_some_and(|until| until <= self.now) {
            self.note(Some(&step.id), "too_late_to_remind", "");
            return self.not_planned(step, email);
        }
        let message = MessageId::new(&self.journey.id, &step.id, 0);
        if let Some(offer) = &email.offer {
            if !self.may_have(step, offer) {
                return self.not_planned(step, email);
            }
            self.actions.push(Action::Reserve { message: message.clone(), offer: offer.clone() });
            self.note(Some(&step.id), "asks_for_offer", offer);
            self.park(State::OfferPending { step: step.id.clone(), message, offer: offer.clone() }, None);
        } else {
            self.plan(step, email, mail, message);
        }
        Flow::Parked
    }

    /// Whether the partner belongs to those an offer is for. Nobody else is asked then: who they are is known here alone.
    pub(super) fn may_have(&mut self, step: &flow::Step, offer: &str) -> bool {
        // One that was taken out of the files since is refused by those who deal them out.
        let declared = self.world.rulebook.offers.get(offer);
        let may = declared.is_none_or(|declared| self.world.is_among(&declared.entitled));
        if !may {
            self.note(Some(&step.id), "offer_refused", NOT_ENTITLED);
        }
        may
    }

    pub(super) fn offer_answered(
        &mut self,
        id: &Arc<str>,
        offer: &str,
        granted: bool,
        reason: Option<&str>,
        at: Timestamp,
    ) {
        if let Some(step) = self.workflow.step(id)
            && matches!(step.verb, Verb::Grant { .. })
        {
            return self.granted(step, offer, granted, reason, at);
        }
        let Some((step, email)) = self.email_step(id) else { return self.exit(ExitReason::WorkflowGone) };
        // What changed meanwhile is obeyed before anything is planned.
        if let Some(reason) = self.stop_reason(None) {
            return self.exit(reason);
        }
        let mail = self.mail_name(email);
        match (&self.journey.state, mail) {
            (State::OfferPending { message, .. }, Some(mail)) if granted => {
                let message = message.clone();
                self.note(Some(&step.id), "offer_granted", offer);
                self.plan(step, email, mail, message);
            }
            (State::OfferPending { message, .. }, _) => {
                if granted {
                    self.actions.push(Action::Release { message: message.clone() });
                }
                self.note(Some(&step.id), "offer_refused", reason.unwrap_or_default());
                self.journey.anchor = at;
                if let Flow::On(next) = self.not_planned(step, email) {
                    self.go_on(next);
                }
            }
            _ => {}
        }
    }

    /// An offer without a mail: granted it stays granted, refused the journey goes on without.
    fn granted(&mut self, step: &'a flow::Step, offer: &str, granted: bool, reason: Option<&str>, at: Timestamp) {
        let detail = if granted { offer } else { reason.unwrap_or_default() };
        self.note(Some(&step.id), if granted { "offer_granted" } else { "offer_refused" }, detail);
        self.journey.acted |= granted;
        self.journey.anchor = at;
        // The answer is here; nothing that stops the journey now may give the offer back.
        self.journey.state = State::Ready;
        self.go_on(step.next);
    }

    pub(super) fn mail_ended(&mut self, id: &Arc<str>, outcome: Outcome, reason: Option<&str>, at: Timestamp) {
        let Some((step, email)) = self.email_step(id) else { return self.exit(ExitReason::WorkflowGone) };
        self.journey.variables.mail_outcome = Some(outcome);
        self.journey.anchor = at;
        let detail = reason.unwrap_or_default();
        let code = if outcome == Outcome::InDoubt { "in_doubt" } else { outcome.code() };
        self.note(Some(&step.id), code, detail);
        let next = if outcome.went_out() {
            self.journey.acted = true;
            self.journey.last_mail_at = Some(at);
            step.next
        } else {
            if let (Some(_), State::Mailing { message, .. }) = (&email.offer, &self.journey.state) {
                self.actions.push(Action::Release { message: message.clone() });
            }
            after_no_mail(step, email)
        };
        // The message has ended; nothing that stops the journey now may cancel it.
        self.journey.state = State::Ready;
        self.go_on(next);
    }

    /// A message that was being sent while the journey ended did go out.
    pub(super) fn late_outcome(&mut self, outcome: Outcome, at: Timestamp) {
        if !outcome.went_out() || self.journey.last_mail_at.is_some_and(|last| last >= at) {
            return;
        }
        self.journey.acted = true;
        self.journey.last_mail_at = Some(at);
        self.note(None, "sent_after_exit", "");
        if self.workflow.holds.is_some() {
            self.hold_after_the_last_mail();
        }
    }

    fn plan(&mut self, step: &flow::Step, email: &flow::Email, mail: Arc<str>, message: MessageId) {
        let mut evidence = self.journey.evidence.clone();
        evidence.append(&mut self.since_entry);
        let languages = self.world.languages();
        let context = context::of_mail(&self.journey, self.world, email, &mail, &languages, self.now);
        let round = self.round();
        let policy = &self.workflow.mail;
        let expires = add(self.now, &email.expires, self.world.locale());
        self.actions.push(Action::Plan(Box::new(PlannedMessage {
            id: message.clone(),
            journey: self.journey.id.clone(),
            workflow: self.journey.workflow.clone(),
            version: self.journey.version.clone(),
            texts: self.journey.texts.clone(),
            step: step.id.clone(),
            mail: mail.clone(),
            kind: policy.kind,
            topic: policy.topic.clone(),
            delivery: policy.delivery,
            over_the_cap: policy.over_the_cap,
            priority: self.workflow.priority,
            due: self.now,
            expires: self.reminds_until().map_or(expires, |until| expires.min(until)),
            from: policy.from.clone(),
            context,
            languages,
            survey: email.survey.clone(),
            offer: email.offer.clone(),
            round,
            evidence,
        })));
        self.note(Some(&step.id), "planned", &mail);
        self.park(State::Mailing { step: step.id.clone(), message }, None);
    }

    /// What a broadcast's rounds are told apart by.
    fn round(&self) -> Option<Arc<str>> {
        let trigger = &self.journey.trigger;
        (trigger.kind == BROADCAST).then(|| trigger.id.as_str().into())
    }

    /// Of a notice that was told already: the first instant of the day on which it takes effect, in the programme's zone. Whoever was
    /// not told yet is told, however late.
    fn reminds_until(&self) -> Option<Timestamp> {
        let notice = self.workflow.notice.as_ref().filter(|_| self.journey.last_mail_at.is_some())?;
        let day: Date = self.journey.trigger.text(&notice.effective)?.parse().ok()?;
        Some(day.to_zoned(self.world.program.zone.clone()).ok()?.timestamp())
    }

    fn mail_name(&self, email: &flow::Email) -> Option<Arc<str>> {
        let wanted: Arc<str> = match &email.mail {
            MailName::Fixed(name) => name.clone(),
            MailName::Templated(template) => template.render(&self.scope()).into(),
            MailName::Issue => {
                let issue = self.world.newest_issue(&self.journey.workflow, self.now);
                issue.unwrap_or_else(|| flow::ISSUE.into())
            }
        };
        let exists = |name: &Arc<str>| self.world.mail(&self.journey.workflow, name).is_some();
        if exists(&wanted) {
            return Some(wanted);
        }
        email.or_else.clone().filter(exists)
    }

    fn not_planned(&mut self, step: &flow::Step, email: &flow::Email) -> Flow {
        self.journey.variables.mail_outcome = Some(Outcome::NotPlanned);
        self.journey.state = State::Ready;
        Flow::On(after_no_mail(step, email))
    }

    fn email_step(&self, id: &str) -> Option<(&'a flow::Step, &'a flow::Email)> {
        let step = self.workflow.step(id)?;
        match &step.verb {
            Verb::Email(email) => Some((step, email)),
            _ => None,
        }
    }
}

fn after_no_mail(step: &flow::Step, email: &flow::Email) -> Option<usize> {
    if email.has_if_not_sent { email.if_not_sent } else { step.next }
}
