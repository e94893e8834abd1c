//! Moments: milestones and goals after a sale changed, anniversaries by timer.

use rapport_event::{
    EngineData, Kind,
    engine::{MomentData, SignalData},
    extra::Extra,
};
use rapport_insight::{
    anniversary,
    goal::Moment,
    milestone::{self, Change, Measure},
    win::Win,
};
use rapport_rule::Money;

use super::super::facts::marks;
use super::Reaction;
use crate::{calendar::ProgramDays, ports::rows::TimerRow, shard::goals};

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
            // A revoked one needs no event: journeys ask whether their trigger still holds at every look.
            if let Change::Reached(milestone) = change {
                self.milestone(&milestone, &after);
            }
        }
        self.look_at_goals();
        self.sale_ends_silence();
        self.expect_silence();
    }

    fn milestone(&mut self, reached: &milestone::Milestone, approved: &Approved) {
        let value = match reached.measure {
            Measure::ApprovedConversions => approved.conversions,
            Measure::ApprovedRevenue => approved.revenue,
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

    pub(super) fn look_at_goals(&mut self) {
        let told = {
            let facts = self.facts();
            if facts.rulebook.rulebook.goals.goals.is_empty() { None } else { goals::tell(&facts) }
        };
        let Some((moments, mark)) = told else { return };
        self.entry.state.set_mark(marks::GOALS, mark);
        for telling in moments {
            let (kind, id) = match telling.moment {
                Moment::Reached => (Kind::GoalReached, format!("goal-{}", telling.goal)),
                Moment::Progress(percent) => (Kind::GoalProgress, format!("goal-{}-{percent}", telling.goal)),
                Moment::Revoked => continue,
            };
            let data = MomentData {
                name: telling.goal.as_str().into(),
                summary: format!("{:.0} % of {}", telling.percent, telling.goal).into(),
                percent: Some(telling.percent),
                ..MomentData::default()
            };
            self.moment(&id, kind, data);
        }
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
                            "{} of approved revenue in {}, more than in any month of the year before",
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

    /// Raises `goal.behind` for goals whose pace will not do, and ends it when it does again.
    pub(super) fn look_at_pace(&mut self) {
        let behind = goals::behind(&self.facts());
        let ids: Vec<String> = behind.iter().map(|(goal, _)| format!("goal-behind:{goal}")).collect();
        self.end_quietly(&Kind::GoalBehind, |id| !ids.iter().any(|known| known == id));
        for ((goal, progress), id) in behind.into_iter().zip(&ids) {
            if self.entry.state.lasting.iter().any(|signal| *signal.id == **id) {
                continue;
            }
            let summary =
                format!("{:.0} % of {goal} with {:.0} % of the time gone", progress.percent, progress.time_percent);
            let mut extra = Extra::NONE;
            extra.insert("percent", (progress.percent * 10.0).round() / 10.0);
            let data =
                SignalData { name: goal.as_str().into(), summary: summary.into(), extra, ..SignalData::default() };
            self.raise(&Kind::GoalBehind, id, data);
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

    fn moment(&mut self, id: &str, kind: Kind, data: MomentData) {
        let payload = serde_json::to_string(&data).unwrap_or_default();
        self.happened(kind, id, payload, EngineData::Moment(MomentData { extra: Extra::NONE, ..data }));
    }
}
