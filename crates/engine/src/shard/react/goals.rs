//! Goals: what becomes of proposals, and what is told of progress and pace.

use rapport_event::{
    EngineData, Event, Kind, Payload,
    engine::{GoalData, MomentData, SignalData},
    extra::Extra,
};
use rapport_insight::goal::Moment;

use super::{Reaction, signals};
use crate::{
    records,
    shard::{
        facts::marks,
        goals::{
            self,
            agreed::{self, Act, Agreement},
        },
    },
};

impl Reaction<'_> {
    /// A record about a proposal. One that changes nothing, because it came before or answers what is no more, is not told.
    pub(super) fn agree(&mut self, event: &Event, data: &GoalData) {
        let Some(act) = agreed::act(event, data) else {
            tracing::warn!(partner = %self.entry.key, kind = %event.kind, "a goal's record says too little");
            return;
        };
        let mut all = agreed::of(&self.entry.state);
        let agreement = all.entry(data.goal.to_string()).or_default();
        let before = agreement.clone();
        if !agreement.apply(&data.proposal, &act, event.occurred_at) {
            return;
        }
        let told = self.told(data, &act, &before, agreement);
        all.retain(|_, agreement| !agreement.is_empty());
        self.entry.state.set_mark(marks::AGREEMENTS, agreed::to_mark(&all));
        let payload = serde_json::to_string(&told).unwrap_or_default();
        let id = format!("{}:{}:{}", event.kind, told.proposal, event.occurred_at.as_millisecond());
        self.batch.signals.push(signals::row(&self.entry.key, &id, &event.kind, self.now, None, payload));
        self.announce(Event { payload: Payload::Engine(Box::new(EngineData::Goal(told))), ..event.clone() });
        self.look_at_goals();
    }

    /// The record as journeys see it: with the terms it is about.
    fn told(&self, data: &GoalData, act: &Act, before: &Agreement, after: &Agreement) -> GoalData {
        let mut terms = None;
        let mut owner = None;
        for known in [before, after] {
            if let Some(open) = known.open.as_ref().filter(|open| *open.id == *data.proposal) {
                (terms, owner) = (Some(open.terms.clone()), open.owner.clone());
            }
            if let Some(agreed) = known.agreed.as_ref().filter(|agreed| *agreed.proposal == *data.proposal) {
                (terms, owner) = (Some(agreed.terms.clone()), agreed.owner.clone());
            }
        }
        let Some(mut terms) = terms else { return data.clone() };
        if let Act::Counter { target, to } = act {
            (terms.target, terms.to) = (*target, *to);
        }
        agreed::told(data, &terms, owner.as_deref(), self.program.currency)
    }

    /// Puts declared goals that need an agreement to the partner.
    pub(super) fn propose_goals(&mut self) {
        let proposals = agreed::to_propose(&self.facts());
        for data in proposals {
            let id = format!("goal.proposed:{}", data.proposal);
            let event = Event {
                id: records::derived_id(&id),
                key: self.entry.key.clone(),
                kind: Kind::GoalProposed,
                occurred_at: self.now,
                payload: Payload::Engine(Box::new(EngineData::Goal(data.clone()))),
                person_version: None,
            };
            self.agree(&event, &data);
        }
    }

    pub(super) fn look_at_goals(&mut self) {
        let Some((moments, mark)) = goals::tell(&self.facts()) else { return };
        self.entry.state.set_mark(marks::GOALS, mark);
        for telling in moments {
            let (kind, id) = match telling.moment {
                Moment::Reached => (Kind::GoalReached, format!("goal-{}", telling.key)),
                Moment::Progress(percent) => (Kind::GoalProgress, format!("goal-{}-{percent}", telling.key)),
                Moment::Revoked => continue,
            };
            let mut extra = Extra::NONE;
            if telling.key != telling.goal {
                extra.insert("proposal", telling.key);
            }
            let data = MomentData {
                name: telling.goal.as_str().into(),
                summary: format!("{:.0} % of {}", telling.percent, telling.goal).into(),
                percent: Some(telling.percent),
                extra,
                ..MomentData::default()
            };
            self.moment(&id, kind, data);
        }
    }

    /// Raises `goal.behind` for goals whose pace will not do, and ends it when it does again.
    pub(super) fn look_at_pace(&mut self) {
        let behind = goals::behind(&self.facts());
        self.end_quietly(&Kind::GoalBehind, |id| !behind.iter().any(|known| known.signal == id));
        for goals::Behind { goal, signal, progress } in behind {
            if self.entry.state.lasting.iter().any(|known| *known.id == *signal) {
                continue;
            }
            let summary =
                format!("{:.0} % of {goal} with {:.0} % of the time gone", progress.percent, progress.time_percent);
            let mut extra = Extra::NONE;
            extra.insert("percent", (progress.percent * 10.0).round() / 10.0);
            let data =
                SignalData { name: goal.as_str().into(), summary: summary.into(), extra, ..SignalData::default() };
            self.raise(&Kind::GoalBehind, &signal, data);
        }
    }
}
