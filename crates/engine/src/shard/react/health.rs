//! Reviews a partner's health when a day of theirs is closed, and tells of a change of band.

use rapport_event::{EngineData, Event, Kind, Payload, engine::SignalData, extra::Extra};
use rapport_insight::health::{Facts, Health, HealthModel, sentence};
use rapport_rule::expr::{Scope, Value};

use super::{Reaction, signals};
use crate::{records, shard::facts::Bare};

impl Reaction<'_> {
    pub(super) fn review_health(&mut self) {
        let models = &self.rulebook.rulebook.health;
        let partner_type = self.entry.state.profile.partner_type.get().cloned();
        let Some(model) = HealthModel::select(models, partner_type.as_deref()) else { return };
        let before = self.entry.state.band.clone();
        let Some(health) = model.score(&self.health_facts().inputs(), before.as_deref()) else { return };
        let change = before.as_deref().and_then(|before| model.band_change(before, &health));
        self.entry.state.health = Some((health.score.clamp(0.0, 100.0) * 100.0).round() as u16);
        self.entry.state.band = Some(health.band.as_str().into());
        if let Some(change) = change {
            let day = self.program.zone.to_datetime(self.now).date();
            self.tell_band(&health, Kind::HealthChanged, &format!("health:{day}:{}", change.to));
            if change.dropped {
                let kind = Kind::DroppedTo(change.to.as_str().into());
                self.tell_band(&health, kind, &format!("dropped:{day}:{}", change.to));
            }
        }
    }

    fn tell_band(&mut self, health: &Health, kind: Kind, id: &str) {
        let mut extra = Extra::NONE;
        extra.insert("score", (health.score * 10.0).round() / 10.0);
        extra.insert("band", health.band.as_str());
        extra.insert("contributions", serde_json::to_value(&health.contributions).unwrap_or_default());
        let data = SignalData {
            name: health.band.as_str().into(),
            summary: sentence(None, health).into(),
            extra,
            ..SignalData::default()
        };
        let payload = serde_json::to_string(&data).unwrap_or_default();
        self.batch.signals.push(signals::row(&self.entry.key, id, &kind, self.now, None, payload));
        self.announce(Event {
            id: records::derived_id(id),
            key: self.entry.key.clone(),
            kind,
            occurred_at: self.now,
            payload: Payload::Engine(Box::new(EngineData::Signal(data))),
            person_version: None,
        });
    }

    fn health_facts(&self) -> Facts {
        let facts = self.facts();
        let scope = Bare(&facts);
        let number = |path: &str| match scope.value(path) {
            Value::Count(count) => Some(count as f64),
            Value::Number(number) | Value::Percent(number) => Some(number),
            Value::Money(money) => Some(money.minor as f64),
            _ => None,
        };
        let scores: Vec<f64> = self.entry.state.answers.iter().filter_map(|(_, answer)| answer.score).collect();
        Facts {
            survey_score: scores.last().copied(),
            // Complaints come back by the gateway's events; a partner without any record has none.
            complaints_90d: None,
            conversions_28d: number("conversions_28d"),
            conversions_28d_before: number("conversions_28d_before"),
            revenue_28d: number("revenue_28d"),
            revenue_28d_before: number("revenue_28d_before"),
            days_since_conversion: number("days_since_conversion"),
            usual_gap_days: self.entry.state.usual_gap().map(|(gap, _)| gap),
            approved_180d: number("approved_conversions_180d"),
            reversed_180d: number("reversed_conversions_180d"),
            payouts_overdue: number("payouts_overdue"),
            days_since_activity: number("days_since_activity"),
            clicks_28d: number("clicks_28d"),
            clicks_28d_before: number("clicks_28d_before"),
            mails_90d: number("mails_90d"),
            replies_90d: number("replies_90d"),
            goal_pace_percent: None,
        }
    }
}
