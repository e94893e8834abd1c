//! Every built-in stop (`trigger_revoked`, `not_active`, `replied`, `opted_out`, `suppressed`, `erased`) against every shipped
//! workflow, in every phase of its first mail: before it is planned, planned, and in a mailer's hand before the dot.
//!
//! Nothing here names a workflow. How one begins is taken from its own tests; which stops hold for it follows from its
//! definition: kind of mail, `statuses:`, `on_reply:`, and whether what began it can be taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::scene::{BeforeTheDot, Files, Scene};
use rapport_contact::hashed;
use rapport_engine::ports::{
    rows::MessageState,
    store::{SuppressionChange, UNSUBSCRIBED},
    transport::Delivery,
};
use rapport_memory::store::StoredMessage;
use rapport_trial::{Cut, Staged, background::Backgrounds, stage};
use rapport_workflow::{Rulebook, StopWhen, Verb, Workflow};
use serde_json::json;

/// What may happen to a partner that ends a marketing journey, whatever its author wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stop {
    Revoked,
    NotActive,
    Replied,
    OptedOut,
    Complained,
    Bounced,
    Erased,
}

use Stop::{Bounced, Complained, Erased, NotActive, OptedOut, Replied, Revoked};

const STOPS: [Stop; 7] = [Revoked, NotActive, Replied, OptedOut, Complained, Bounced, Erased];

impl Stop {
    /// The reason that is shown.
    fn code(self) -> &'static str {
        match self {
            Revoked => "trigger_revoked",
            NotActive => "not_active",
            Replied => "replied",
            OptedOut => "opted_out",
            Complained | Bounced => "suppressed",
            Erased => "erased",
        }
    }

    /// Whether the mailer's own table says it, before any shard has heard of it.
    fn is_in_the_mailers_table(self) -> bool {
        matches!(self, OptedOut | Complained | Bounced)
    }

    /// Whether it ends the workflow's journeys.
    fn ends(self, workflow: &Workflow, staged: &Staged, rulebook: &Rulebook) -> bool {
        match self {
            Erased => true,
            _ if !workflow.is_marketing() => false,
            Replied => workflow.stops_on_reply,
            Revoked => can_be_revoked(staged, rulebook),
            NotActive | OptedOut | Complained | Bounced => true,
        }
    }

    /// Whether mail of the workflow's kind must not go out although its journey does not end: there is nobody to get it.
    fn keeps_service_mail_back(self) -> bool {
        matches!(self, Bounced | Erased)
    }

    /// The kind of the event that tells of it.
    fn kind(self, workflow: &Workflow, staged: &Staged) -> &'static str {
        match self {
            Revoked if is_proposal(staged) => "goal.withdrawn",
            Revoked => "conversion.reversed",
            NotActive => inactive(workflow),
            Replied => "mail.received",
            OptedOut => "contact.opted_out",
            Complained | Bounced => "contact.suppressed",
            Erased => "partner.erased",
        }
    }

    /// It happens.
    async fn happens(self, workflow: &Workflow, scene: &Scene) {
        let now = scene.now().await;
        let kind = self.kind(workflow, &scene.staged);
        let topic = &*workflow.mail.topic;
        match self {
            Revoked if is_proposal(&scene.staged) => {
                let of = |name: &str| scene.staged.journey.trigger.payload[name].clone();
                let data = json!({ "goal": of("goal"), "proposal": of("proposal"), "by": "ines" });
                scene.rapport_tells(kind, data, None).await;
            }
            Revoked => {
                for sale in scene.staged.rows.conversions.iter().filter(|sale| sale.status != "reversed") {
                    let data = json!({ "conversion_id": sale.conversion_id, "status": "reversed", "revision": 1_000,
                        "amount": sale.amount_minor, "currency": sale.currency });
                    scene.tracker_tells("conversion", data).await;
                }
            }
            NotActive | Replied => scene.tracker_tells(kind, json!({})).await,
            OptedOut => {
                let change = SuppressionChange::add(&scene.address, Some(topic), UNSUBSCRIBED, now);
                scene.rapport_tells(kind, json!({ "topic": topic, "reason": UNSUBSCRIBED }), Some(change)).await;
            }
            Complained | Bounced => {
                let reason = if self == Bounced { "hard_bounce" } else { "complaint" };
                let change = SuppressionChange::add(&scene.address, None, reason, now);
                scene.rapport_tells(kind, json!({ "reason": reason }), Some(change)).await;
            }
            Erased => scene.rapport_tells(kind, json!({ "by": "kari" }), None).await,
        }
    }
}

/// What makes a partner one the workflow is not for.
fn inactive(workflow: &Workflow) -> &'static str {
    let ways = [("suspended", "partner.suspended"), ("closed", "partner.closed"), ("active", "partner.approved")];
    let way = ways.iter().find(|(status, _)| !workflow.entry.statuses.contains(*status));
    way.map_or("partner.rejected", |(_, kind)| *kind)
}

/// Kinds that tell of something which may turn out not to be so.
fn tells_of_what_can_be_revoked(kind: &str) -> bool {
    let kinds = [
        "conversion.recorded",
        "conversion.approved",
        "conversion.paid",
        "milestone.reached",
        "goal.reached",
        "goal.proposed",
        "win.personal_best",
    ];
    kinds.contains(&kind)
}

fn is_proposal(staged: &Staged) -> bool {
    staged.journey.trigger.kind == "goal.proposed"
}

/// Whether what began this very journey can be taken back: a test may make up a milestone that no sale is behind.
fn can_be_revoked(staged: &Staged, rulebook: &Rulebook) -> bool {
    let trigger = &staged.journey.trigger;
    let milestone = || rulebook.goals.milestones.iter().any(|milestone| milestone.id() == trigger.id);
    match trigger.kind.as_str() {
        "milestone.reached" => milestone() && !staged.rows.conversions.is_empty(),
        "goal.reached" | "win.personal_best" => !staged.rows.conversions.is_empty(),
        kind => tells_of_what_can_be_revoked(kind),
    }
}

/// Where a mail is when the stop comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// None is planned yet.
    Waiting,
    /// Planned and due; no mailer has looked.
    Queued,
    /// The same, and the shard has not heard of the stop when the mailer looks: only its own table says it.
    QueuedUnheard,
    /// Claimed; the server takes it after all.
    InHand,
    /// Claimed; the conversation breaks off before the dot.
    InHandBrokenOff,
}

const PHASES: [Phase; 5] = [Phase::Waiting, Phase::Queued, Phase::QueuedUnheard, Phase::InHand, Phase::InHandBrokenOff];

/// A workflow's tests, cut where the phases begin: the first that comes so far, and the first whose trigger can be taken back.
struct Cuts<'a> {
    workflow: &'a Workflow,
    rulebook: &'a Rulebook,
    staged: BTreeMap<(bool, bool), Staged>,
}

impl<'a> Cuts<'a> {
    fn of(workflow: &'a Workflow, rulebook: &'a Rulebook, backgrounds: &Backgrounds) -> Self {
        let mut staged = BTreeMap::new();
        for cut in [Cut::Waiting, Cut::Leaving] {
            for trial in rulebook.trials.get(&workflow.id).into_iter().flatten() {
                let played = stage(trial, &workflow.id, rulebook, cut, backgrounds);
                let Some(found) = played.unwrap_or_else(|why| panic!("{} · {}: {why}", workflow.id, trial.name))
                else {
                    continue;
                };
                let leaving = cut == Cut::Leaving;
                let revocable = can_be_revoked(&found, rulebook);
                staged.entry((leaving, false)).or_insert_with(|| found.clone());
                if revocable {
                    staged.entry((leaving, true)).or_insert(found);
                    break;
                }
            }
        }
        Self { workflow, rulebook, staged }
    }

    /// What of the definition says that there must be such a phase, as far as it says it.
    fn missing(&self) -> Vec<String> {
        let id = &self.workflow.id;
        let mails = self.workflow.steps.iter().any(|step| matches!(step.verb, Verb::Email(_)));
        let waits =
            matches!(self.workflow.steps.first().map(|step| &step.verb), Some(Verb::Wait(_) | Verb::WaitFor(_)));
        let revocable =
            self.workflow.is_marketing() && self.workflow.when.iter().any(|kind| tells_of_what_can_be_revoked(&kind.0));
        let mut missing = Vec::new();
        for (leaving, expected) in [(false, waits), (true, mails)] {
            let what = if leaving { "sends a mail" } else { "waits before its first mail" };
            if expected && !self.staged.contains_key(&(leaving, false)) {
                missing.push(format!("no test of {id} {what}"));
            }
            if expected && revocable && !self.staged.contains_key(&(leaving, true)) {
                missing.push(format!("no test of {id} that {what} begins with what can be taken back"));
            }
        }
        missing
    }

    fn of_case(&self, stop: Stop, phase: Phase) -> Option<&Staged> {
        let leaving = phase != Phase::Waiting;
        let revocable = self.staged.get(&(leaving, true)).filter(|_| stop == Revoked);
        let staged = revocable.or_else(|| self.staged.get(&(leaving, false)))?;
        let ends = stop.ends(self.workflow, staged, self.rulebook);
        match (phase, stop) {
            // What cannot be taken back cannot stop it.
            (_, Revoked) if !ends => None,
            (Phase::QueuedUnheard, _) if !stop.is_in_the_mailers_table() => None,
            // What does not stop it lets it be tried again later; that is another matter.
            (Phase::InHandBrokenOff, _) if !ends => None,
            _ => Some(staged),
        }
    }
}

/// What is not as it should be after the stop came in the phase.
async fn wrong(cuts: &Cuts<'_>, staged: &Staged, stop: Stop, phase: Phase, files: &Files) -> Vec<String> {
    let workflow = cuts.workflow;
    let ends = stop.ends(workflow, staged, cuts.rulebook);
    let mut scene = Scene::set(staged, files).await;
    let mut wrong = Vec::new();
    let in_hand =
        |message: Option<StoredMessage>| message.is_some_and(|message| message.state == MessageState::Attempting);
    match phase {
        Phase::Waiting | Phase::Queued => {
            scene.start_engine();
            stop.happens(workflow, &scene).await;
            scene.until_folded().await;
            scene.start_mailer(None);
        }
        Phase::QueuedUnheard => {
            stop.happens(workflow, &scene).await;
            scene.start_mailer(None);
            scene.a_while().await;
            if ends && scene.accepted() > 0 {
                wrong.push("a mail left although the mailer's own table forbids it".to_owned());
            }
            scene.start_engine();
        }
        Phase::InHand | Phase::InHandBrokenOff => {
            let dot = Arc::new(BeforeTheDot::default());
            scene.start_engine();
            scene.start_mailer(Some(dot.clone()));
            scene.until("its mail is in hand", |tables| in_hand(scene.message_in(tables))).await;
            stop.happens(workflow, &scene).await;
            scene.until_folded().await;
            if !in_hand(scene.message()) {
                wrong.push(format!("what is in hand was taken out of it: {:?}", scene.message()));
            }
            let broken_off = Delivery::NotSent { reason: "broken off".into() };
            dot.go_on((phase == Phase::InHandBrokenOff).then_some(broken_off));
            scene.until("its mail is out of hand", |tables| !in_hand(scene.message_in(tables))).await;
        }
    }
    scene.until_folded().await;
    scene.a_while().await;
    scene.until_folded().await;
    wrong.extend(judged(&scene, workflow, stop, phase, ends));
    scene.end().await;
    wrong
}

fn judged(scene: &Scene, workflow: &Workflow, stop: Stop, phase: Phase, ends: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let (exited, body) = scene.journey();
    let message = scene.message();
    let state = message.as_ref().map(|message| message.state);
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            let reason = message.as_ref().and_then(|message| message.reason.clone());
            wrong.push(format!("{what}; the journey: {exited:?}, its mail: {state:?} {reason:?}"));
        }
    };
    if !ends {
        expect(exited.as_deref() != Some(stop.code()), "it must not end for that");
        let kind = stop.kind(workflow, &scene.staged);
        let written =
            workflow.stop_when.iter().any(|stop| matches!(stop, StopWhen::Event(pattern) if pattern.matches(kind)));
        if phase != Phase::Waiting && !written {
            let in_hand = phase == Phase::InHand;
            let leaves = in_hand || !stop.keeps_service_mail_back();
            let ended = if leaves { MessageState::Sent } else { MessageState::Suppressed };
            expect(state == Some(ended), "what is owed is sent, if there is somebody to get it");
            expect(scene.accepted() == usize::from(leaves), "it is sent once");
        }
        return wrong;
    }
    expect(exited.as_deref() == Some(stop.code()), "it must end for that reason");
    expect(scene.open().is_empty(), "nothing may come of it any more");
    let history = body["history"].as_array().cloned().unwrap_or_default();
    let told = |code: &str| history.iter().any(|line| line["code"] == code);
    match phase {
        Phase::Waiting => expect(message.is_none(), "no mail may be planned"),
        Phase::Queued => {
            expect(state == Some(MessageState::Cancelled), "the mail must be taken back");
            expect(
                message.as_ref().and_then(|message| message.reason.as_deref()) == Some(stop.code()),
                "the mail must say why it was taken back",
            );
        }
        Phase::QueuedUnheard => expect(state == Some(MessageState::Suppressed), "the mailer must end the mail itself"),
        // Too late, and it says so: sent, counted, and written in the journey's history behind its end.
        Phase::InHand => {
            expect(state == Some(MessageState::Sent), "what the server took is sent");
            expect(told("sent_after_exit"), "the journey must tell that it was too late");
            expect(body["acted"] == true, "what was sent uses `once` up");
            let counted = scene
                .store
                .tables()
                .sent
                .values()
                .filter(|counted| counted.address == scene.address || counted.address == hashed(&scene.address))
                .count();
            expect(counted == 1, "what was sent counts for caps");
        }
        Phase::InHandBrokenOff => {
            expect(state == Some(MessageState::Cancelled), "a mail that did not leave must not be tried again");
            expect(!told("sent_after_exit"), "nothing was sent");
        }
    }
    expect(scene.accepted() == usize::from(phase == Phase::InHand), "no mail may leave after it");
    wrong
}

#[tokio::test(start_paused = true)]
async fn every_built_in_stop_holds_for_every_shipped_workflow_in_every_phase() {
    let files = Files::shipped().await;
    let rulebook = &files.applied.rulebook;
    let backgrounds = Backgrounds::default();
    let mut wrong = Vec::new();
    let mut played: BTreeMap<(Stop, Phase, bool), usize> = BTreeMap::new();
    for workflow in &rulebook.workflows {
        let cuts = Cuts::of(workflow, rulebook, &backgrounds);
        wrong.extend(cuts.missing());
        for (stop, phase) in STOPS.into_iter().flat_map(|stop| PHASES.map(|phase| (stop, phase))) {
            let Some(staged) = cuts.of_case(stop, phase) else { continue };
            *played.entry((stop, phase, stop.ends(workflow, staged, rulebook))).or_default() += 1;
            let found = self::wrong(&cuts, staged, stop, phase, &files).await;
            wrong.extend(found.into_iter().map(|what| format!("{} · {stop:?} · {phase:?}: {what}", workflow.id)));
        }
    }
    let count = |stop: Option<Stop>, phase, ends| {
        let fits = |key: &(Stop, Phase, bool)| stop.is_none_or(|stop| key.0 == stop) && (key.1, key.2) == (phase, ends);
        played.iter().filter(|(key, _)| fits(key)).map(|(_, count)| count).sum::<usize>()
    };
    let told: Vec<String> = PHASES
        .map(|phase| format!("{phase:?}: {} end, {} go on", count(None, phase, true), count(None, phase, false)))
        .into();
    println!("{}", told.join("; "));
    assert!(wrong.is_empty(), "{} of {told:?}:\n{}", wrong.len(), wrong.join("\n"));
    // What was derived away would not be missed: each stop ends something in each phase in which it can come, and each but
    // the erasure leaves service mail its way.
    for (stop, phase) in STOPS.into_iter().flat_map(|stop| PHASES.map(|phase| (stop, phase))) {
        let heard = phase != Phase::QueuedUnheard || stop.is_in_the_mailers_table();
        assert!(!heard || count(Some(stop), phase, true) > 0, "{stop:?} ends nothing {phase:?}: {played:?}");
        let goes_on = !matches!(stop, Erased | Revoked) && matches!(phase, Phase::Queued | Phase::InHand);
        assert!(!goes_on || count(Some(stop), phase, false) > 0, "{stop:?} ends everything {phase:?}: {played:?}");
    }
}
