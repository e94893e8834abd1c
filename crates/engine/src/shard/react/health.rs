//! Reviews a partner's health when a day is closed: keeps what is news, and tells of a change of band and of a fall.

use rapport_event::{Kind, engine::SignalData, extra::Extra};
use rapport_insight::{
    base::{Basis, Standing},
    health::{Contribution, Health, HealthModel, Kept, Trail, sentence_since},
};

use super::{Reaction, signals};
use crate::shard::{
    facts::marks,
    health::{self, REVIEWED, Review},
};

impl Reaction<'_> {
    /// Whether the partner's health is another one now.
    pub(super) fn review_health(&mut self) -> bool {
        let models = &self.rulebook.rulebook.health;
        let partner_type = self.entry.state.profile.partner_type.get().cloned();
        let Some(model) = HealthModel::select(models, partner_type.as_deref()) else {
            self.end_drops();
            self.end_quietly(&Kind::HealthFalling, |_| true);
            return false;
        };
        let (review, news) = {
            let facts = self.facts();
            let Some(review) = health::review(&facts, models).filter(|review| review.is_to_be_kept(&facts)) else {
                return false;
            };
            let news = review.is_news(&facts).then(|| review.standing(&facts));
            (review, news)
        };
        let before = self.entry.state.band.clone();
        let mut trail = Trail::clone(&review.trail);
        trail.wait_for(review.pending.clone());
        if let Some(standing) = &news {
            self.entry.state.health = Some((review.health.score.clamp(0.0, 100.0) * 100.0).round() as u16);
            self.entry.state.band = Some(review.health.band.as_str().into());
            trail.push(model.spec(), review.sample.clone());
            self.keep_health(&review, standing);
        }
        self.entry.state.keep_mark(marks::HEALTH, trail);
        if news.is_none() {
            return false;
        }
        let health = &review.health;
        if let Some(change) = before.as_deref().and_then(|before| model.band_change(before, health)) {
            let day = self.program.zone.to_datetime(self.now).date();
            self.end_drops();
            self.tell_once(Kind::HealthChanged, &format!("health:{day}:{}", change.to), data_of(&review, model));
            if change.dropped {
                let kind = Kind::DroppedTo(change.to.as_str().into());
                self.raise(&kind, &format!("dropped:{day}:{}", change.to), data_of(&review, model));
            }
        }
        let lasts = self.entry.state.lasting("health.falling").is_some();
        match &review.fall {
            Some(fall) if !lasts => {
                let what = fall.group.replace('_', " ");
                let mut data = data_of(&review, model);
                data.summary = format!("{what} fell by {:.0} points; {}", fall.points, data.summary).into();
                data.extra.insert("points", (fall.points * 10.0).round() / 10.0);
                data.extra.insert("group", fall.group.as_str());
                let day = self.program.zone.to_datetime(self.now).date();
                self.raise(&Kind::HealthFalling, &format!("falling:{day}"), data);
            }
            None if lasts => self.end_quietly(&Kind::HealthFalling, |_| true),
            _ => {}
        }
        true
    }

    /// A drop into a band lasts until the band is another, or nobody judges any more.
    fn end_drops(&mut self) {
        let kinds: Vec<_> = self.entry.state.lasting.iter().filter_map(|signal| Kind::parse(&signal.kind)).collect();
        for kind in kinds.iter().filter(|kind| matches!(kind, Kind::DroppedTo(_))) {
            self.end_quietly(kind, |_| true);
        }
    }

    /// The row by which every past instant can be asked for: the newest at or before it holds.
    fn keep_health(&mut self, review: &Review, standing: &Standing) {
        let payload = reviewed(&review.health, &review.model, review.stamp, standing);
        let id = format!("health-reviewed:{}", self.now.as_millisecond());
        let mut row = signals::row(&self.entry.key, &id, &Kind::HealthChanged, self.now, None, payload);
        row.kind = REVIEWED.to_owned();
        self.batch.signals.push(row);
    }
}

/// A row of a health reviewed: a [`SignalData`] with its further fields, which is how it is read.
#[derive(serde::Serialize)]
struct Reviewed<'a> {
    name: &'a str,
    /// Who asks tells it by the rows before this one.
    summary: &'static str,
    score: f64,
    band: &'a str,
    contributions: Kept,
    model: &'a str,
    model_stamp: u32,
    missing: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    days_since_conversion: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usual_gap_days: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chance_basis: Option<Basis>,
}

fn reviewed(health: &Health, model: &str, stamp: u32, standing: &Standing) -> String {
    let round = |value: f64| (value * 10.0).round() / 10.0;
    let row = Reviewed {
        name: &health.band,
        summary: "",
        score: round(health.score),
        band: &health.band,
        contributions: Kept::of(&health.contributions),
        model,
        model_stamp: stamp,
        missing: &health.missing,
        days_since_conversion: standing.days_since.map(|days| round(days as f64)),
        usual_gap_days: standing.usual_gap.map(round),
        chance: standing.chance.map(round),
        chance_basis: standing.chance.and(Some(standing.basis)).filter(|basis| *basis != Basis::Own),
    };
    serde_json::to_string(&row).unwrap_or_default()
}

fn data_of(review: &Review, model: &HealthModel) -> SignalData {
    let health = &review.health;
    let week_began = review.week_began(model);
    let since = if week_began.is_some() { "since Monday" } else { "" };
    let mut data = judgement(health);
    data.summary = sentence_since(week_began.as_ref(), health, since).into();
    let contributions: Vec<Contribution> = health.contributions.iter().map(rounded).collect();
    data.extra.insert("contributions", serde_json::to_value(contributions).unwrap_or_default());
    data
}

/// Score and band, without words and reasons.
fn judgement(health: &Health) -> SignalData {
    let mut extra = Extra::NONE;
    extra.insert("score", (health.score * 10.0).round() / 10.0);
    extra.insert("band", health.band.as_str());
    SignalData { name: health.band.as_str().into(), extra, ..SignalData::default() }
}

/// As it is told: nobody asks for the fourth place.
fn rounded(contribution: &Contribution) -> Contribution {
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    Contribution {
        value: contribution.value.map(round),
        points: round(contribution.points),
        weight: round(contribution.weight),
        part: round(contribution.part),
        ..contribution.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The row as a signal with further fields.
    fn as_signal(health: &Health, model: &str, stamp: u32, standing: &Standing) -> String {
        let mut data = judgement(health);
        let kept = Kept::of(&health.contributions);
        data.extra.insert("contributions", serde_json::to_value(kept).unwrap());
        data.extra.insert("model", model);
        data.extra.insert("model_stamp", stamp);
        data.extra.insert("missing", serde_json::to_value(&health.missing).unwrap());
        for (name, known) in [
            ("days_since_conversion", standing.days_since.map(|days| days as f64)),
            ("usual_gap_days", standing.usual_gap),
            ("chance", standing.chance),
        ] {
            if let Some(value) = known {
                data.extra.insert(name, (value * 10.0).round() / 10.0);
            }
        }
        if standing.chance.is_some() && standing.basis != Basis::Own {
            data.extra.insert("chance_basis", serde_json::to_value(standing.basis).unwrap());
        }
        serde_json::to_string(&data).unwrap()
    }

    proptest! {
        #[test]
        fn a_row_is_that_of_a_signal_with_further_fields(
            parts in prop::collection::vec((0_usize..3, prop::option::of(-1e9_f64..1e9), 0.0_f64..100.0), 0..6),
            missing in prop::collection::vec("[a-z_\"]{1,8}", 0..3),
            (score, stamp) in (0.0_f64..100.0, any::<u32>()),
            (days, gap, chance) in
                (prop::option::of(0_i64..5_000), prop::option::of(0.5_f64..90.0), prop::option::of(0.0_f64..100.0)),
            basis in prop::sample::select(vec![Basis::Own, Basis::Borrowed { programs: 12 }, Basis::Declared]),
        ) {
            let contributions = parts.into_iter().map(|(group, value, points)| Contribution {
                input: "recency".into(),
                group: format!("group {group}"),
                value,
                points,
                weight: points / 3.0,
                part: points / 7.0,
            });
            let health = Health { score, band: "at_risk".into(), contributions: contributions.collect(), missing };
            let standing = Standing { days_since: days, usual_gap: gap, chance, was: None, basis };
            let known = reviewed(&health, "coupon", stamp, &standing);
            prop_assert_eq!(&known, &as_signal(&health, "coupon", stamp, &standing));
            let read = health::kept(&serde_json::from_str(&known).unwrap());
            prop_assert_eq!(read.map(|read| read.missing), Some(health.missing));
        }
    }
}
