//! What a partner and the programme had of each other in a month or quarter, and what comes next: one value that page, text and data
//! are made of.
//!
//! It is made of what is stored as of a moment, for a period that is named: a sale reversed since is not counted any more, a mail that
//! was sent stays sent. What is not known says why and is never 0. It carries no words but names that the files give; whoever shows it
//! has the words. What people noted for each other (the text of tasks and cases) is not in it, because partners read it.

mod ahead;
mod figures;
mod history;

use jiff::civil::Date;
use rapport_partner::day;
use serde::Serialize;

use crate::{shard::facts::PartnerFacts, story::Story};

pub use rapport_insight::{
    goal::Standing,
    period::{Length, Period},
};

pub use self::{
    ahead::{GoalLine, Proposal},
    figures::{Amount, Change, FIGURES, FigureLine, Known, Missing, MonthLine},
    history::{AwardLine, Cases, Done, Happening, HealthPart, HealthThen, MailLine, Open, What},
};

/// A period of one partner, looked back on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReviewPack {
    /// The programme's id.
    pub program: String,
    /// The partner's id.
    pub partner: String,
    /// What is looked back on.
    pub period: Period,
    /// What it is compared with.
    pub before: Period,
    /// The day it was made, of the programme's calendar.
    pub as_of: Date,
    /// Whether the period was over by then.
    pub over: bool,
    /// Since when the partner is known; none of one of whom nothing was told yet.
    pub since: Option<Date>,
    /// Figures, with those of the period before.
    pub figures: Vec<FigureLine>,
    /// The months up to the period's last.
    pub months: Vec<MonthLine>,
    /// Goals that ran in the period, as they stood at its end, or stand now if it is not over.
    pub goals: Vec<GoalLine>,
    /// Health at the period's end.
    pub health: HealthPart,
    /// Dips and wins, in order.
    pub happenings: Vec<Happening>,
    /// What the programme did.
    pub done: Done,
    /// What is still to be done.
    pub open: Open,
    /// What could come next.
    pub proposals: Vec<Proposal>,
}

/// Why there is nothing to look back on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReview {
    /// The partner's data were erased.
    Erased,
    /// The period begins on this day, which has not come.
    NotBegun(Date),
    /// The days of the period are not all kept any more.
    Forgotten,
}

impl std::fmt::Display for NoReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoReview::Erased => f.write_str("the partner's data were erased"),
            NoReview::NotBegun(on) => write!(f, "the period begins on {on}"),
            NoReview::Forgotten => {
                write!(f, "its days are not all kept any more (of the last {})", rapport_partner::state::DAYS_KEPT)
            }
        }
    }
}

impl std::error::Error for NoReview {}

/// Looks back on a period. `languages` are the reader's, best first, for what the files call topics and awards.
///
/// # Errors
/// [`NoReview`]
pub fn pack(
    facts: &PartnerFacts<'_>,
    story: &Story,
    period: Period,
    languages: &[String],
) -> Result<ReviewPack, NoReview> {
    if facts.state.erased_at.is_some() {
        return Err(NoReview::Erased);
    }
    let today = day::date(day::of(facts.now, &facts.program.zone));
    if period.first() > today {
        return Err(NoReview::NotBegun(period.first()));
    }
    if figures::is_forgotten(facts, period) {
        return Err(NoReview::Forgotten);
    }
    let before = period.before();
    let health = history::health(facts, story, period);
    let happenings = history::happenings(facts, story, period);
    let goals = ahead::goals(facts, story, period);
    let proposals = ahead::proposals(facts, &health, &happenings);
    Ok(ReviewPack {
        program: story.partner.key.program.as_str().to_owned(),
        partner: story.partner.key.partner.as_str().to_owned(),
        period,
        before,
        as_of: today,
        over: period.last() < today,
        since: figures::since(facts).map(day::date),
        figures: figures::lines(facts, period),
        months: figures::months(facts, period),
        goals,
        health,
        happenings,
        done: history::done(facts, story, period, languages),
        open: history::open(facts, story),
        proposals,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_know_the_periods_there_are_reviews_of() {
        assert_eq!(Length::ALL.map(Length::code), rapport_message::REVIEW_PERIODS);
    }
}
