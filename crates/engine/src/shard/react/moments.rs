//! Moments: milestones after a sale changed, anniversaries by timer.

use rapport_event::{EngineData, Kind, engine::MomentData};
use rapport_insight::{
    anniversary,
    milestone::{self, Change, Measure},
    win::Win,
};
use rapport_journey::Stimulus;
use rapport_rule::Money;

use super::Reaction;
use crate::{calendar::ProgramDays, ports::rows::TimerRow};

/// Timer subject: the partner's next anniversary.
pub const ANNIVERSARY: &str = "anniversary";

/// Approved figures before a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approved {
    conversions: Option<i64>,
    revenue: Option<i64>,
}

impl Reaction<'_> {
    pub(super) fn approved(&self) -> Approved {
        let facts = self.facts();
        Approved {
            conversions: facts.approved(Measure::ApprovedConversions),
            revenue: facts.approved(Measure::ApprovedRevenue),
        }
    }

    /// What a changed conversion leads to beyond its own kinds.
    pub(super) fn after_conversion(&mut self, before: Approved) {
        let after = self.approved();
        let levels = &self.rulebook.rulebook.goals.milestones;
        let mut changes =
            milestone::changes(levels, Measure::ApprovedConversions, before.conversions, after.conversions);
        changes.extend(milestone::changes(levels, Measure::ApprovedRevenue, before.revenue, after.revenue));
        for change in changes {
            if let Change::Reached(milestone) = change {
                self.milestone(&milestone, &after);
            }
        }
        self.look_at_goals();
        let fell =
            |before: Option<i64>, after: Option<i64>| before.zip(after).is_some_and(|(before, after)| after < before);
        if self.reversed.is_some() || fell(before.conversions, after.conversions) || fell(before.revenue, after.revenue)
        {
            // A mail that waits to be sent asks nothing by itself: what it stands on may be gone.
            self.move_journeys(|_| Some(Stimulus::Look));
        }
        self.sale_ends_silence();
        self.expect_silence();
    }

    fn milestone(&mut self, reached: &milestone::Milestone, approved: &Approved) {
        let value = match reached.measure {
            Measure::ApprovedConversions => approved.conversions,
            // Without the worth of a sale that has no rate it is not told what they came to.
            Measure::ApprovedRevenue => {
                approved.revenue.filter(|_| self.entry.state.totals.get(rapport_partner::Measure::Unpriced) <= 0)
            }
        };
        let shown = match reached.measure {
            Measure::ApprovedConversions if reached.level == 1 => "first approved conversion".to_owned(),
            Measure::ApprovedConversions => format!("{} approved conversions", reached.shown()),
            Measure::ApprovedRevenue => {
                format!("{} {} of approved revenue", reached.shown(), self.program.currency.code())
            }
        };
        let data = MomentData {
            name: reached.name().into(),
            summary: shown.into(),
            metric: Some(reached.measure.code().into()),
            threshold: Some(reached.level as f64),
            value: value.map(|value| value as f64),
            ..MomentData::default()
        };
        // Its id is its level: reached again after a reversal it is the same.
        self.moment(&reached.id(), Kind::MilestoneReached, data);
    }

    /// Tells of a week's wins.
    pub(super) fn tell_wins(&mut self, wins: &[Win]) {
        let money = |minor: i64| Money { minor, currency: self.program.currency };
        let told: Vec<(String, Kind, MomentData)> = wins
            .iter()
            .map(|win| {
                let (kind, summary, metric, threshold, value) = match win {
                    Win::PersonalBest { month, revenue, before } => (
                        Kind::WinPersonalBest,
                        format!(
                            "{} of approved revenue in {}, more than in any other of the last twelve months",
                            money(*revenue),
                            month.strftime("%B")
                        ),
                        "approved_revenue",
                        *before as f64,
                        *revenue as f64,
                    ),
                    Win::Streak { weeks, since } => (
                        Kind::WinStreak,
                        format!("approved sales in {weeks} weeks in a row, since {}", since.strftime("%-d %B")),
                        "approved_conversions",
                        f64::from(*weeks),
                        f64::from(*weeks),
                    ),
                    Win::RankClimb { top_percent } => (
                        Kind::WinRankClimb,
                        format!("among the best {top_percent} % by approved revenue of 90 days, for the first time"),
                        "approved_revenue",
                        f64::from(*top_percent),
                        f64::from(*top_percent),
                    ),
                };
                let data = MomentData {
                    name: kind.name().as_ref().into(),
                    summary: summary.into(),
                    metric: Some(metric.into()),
                    threshold: Some(threshold),
                    value: Some(value),
                    ..MomentData::default()
                };
                (win.id(), kind, data)
            })
            .collect();
        for (id, kind, data) in told {
            self.moment(&id, kind, data);
        }
    }

    /// Sets the timer of the next anniversary, if the programme keeps them.
    pub(super) fn expect_anniversary(&mut self) {
        if !self.rulebook.rulebook.goals.anniversaries {
            return;
        }
        let Some(approved) = self.entry.state.profile.approved_at.get().copied() else { return };
        let Some(days) = ProgramDays::of(self.rulebook, &self.entry.key.program) else { return };
        let Some((on, _)) = anniversary::next(days.day_of(approved), days.day_of(self.now)) else { return };
        self.timers.set(TimerRow {
            due: days.begins_at(on),
            subject: ANNIVERSARY.to_owned(),
            key: self.entry.key.clone(),
            seq: 0,
        });
    }

    /// The day of an anniversary has come: the timer's own, should it fire late.
    pub(super) fn keep_anniversary(&mut self, due: jiff::Timestamp) {
        let approved = self.entry.state.profile.approved_at.get().copied();
        let days = ProgramDays::of(self.rulebook, &self.entry.key.program);
        if let Some((approved, days)) = approved.zip(days)
            && let Some(years) = anniversary::completed(days.day_of(approved), days.day_of(due))
        {
            let unit = if years == 1 { "year" } else { "years" };
            let data = MomentData {
                name: ANNIVERSARY.into(),
                summary: format!("{years} {unit} of partnership").into(),
                years: Some(years.into()),
                ..MomentData::default()
            };
            self.moment(&format!("anniversary-{years}"), Kind::PartnerAnniversary, data);
        }
        self.expect_anniversary();
    }

    pub(super) fn moment(&mut self, id: &str, kind: Kind, data: MomentData) {
        let payload = serde_json::to_string(&data).unwrap_or_default();
        self.happened(kind, id, payload, EngineData::Moment(data));
    }
}
