//! Answers counted, and what they come to.

use std::collections::BTreeMap;
use std::fmt;

use rapport_engine::ports::rows::ANSWERS_TOLD_MIN;
use rapport_insight::survey::{recommendation, satisfaction};
use rapport_workflow::Survey;
use rapport_workflow::config::SurveyKind;

use crate::printed::harmless;

/// Mails that asked, and how many of them were answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) mails: i64,
    pub(super) answered: i64,
}

impl Asked {
    /// The share of the mails that were answered; none when nobody was asked. Answers to mails of the time before may be more than
    /// the mails.
    pub(super) fn percent(self) -> Option<f64> {
        (self.mails > 0 && self.answered <= self.mails).then(|| 100.0 * self.answered as f64 / self.mails as f64)
    }
}

/// How often each answer was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts(BTreeMap<String, i64>);

/// What scores come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Score {
    /// Those who would recommend us less those who would not.
    Nps(f64),
    /// The share of the content.
    Csat(f64),
}

impl Score {
    pub(super) fn value(self) -> f64 {
        let (Score::Nps(value) | Score::Csat(value)) = self;
        value
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Never "-0".
            Score::Nps(score) => match score.round() as i64 {
                0 => f.write_str("NPS 0"),
                score => write!(f, "NPS {score:+}"),
            },
            Score::Csat(percent) => write!(f, "CSAT {percent:.1} %"),
        }
    }
}

/// One answer, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) answer: String,
    pub(super) label: String,
    pub(super) answers: i64,
}

impl Counts {
    pub(super) fn add(&mut self, answer: &str, answers: i64) {
        *self.0.entry(answer.to_owned()).or_default() += answers;
    }

    pub(super) fn total(&self) -> i64 {
        self.0.values().sum()
    }

    /// Of anonymous answers: all of them, or nothing. The store tells no fewer than five; this holds whatever it tells.
    pub(super) fn told(self) -> Self {
        if self.total() >= ANSWERS_TOLD_MIN { self } else { Self::default() }
    }

    /// What they come to, of surveys with scores.
    pub(super) fn score(&self, kind: SurveyKind) -> Option<Score> {
        let (low, high) = kind.scores()?;
        let scores: Vec<(u8, i64)> = self
            .0
            .iter()
            .filter_map(|(answer, answers)| Some((answer.parse().ok()?, *answers)))
            .filter(|(score, _)| (low..=high).contains(score))
            .collect();
        match kind {
            SurveyKind::Nps => recommendation(&scores).map(Score::Nps),
            _ => satisfaction(&scores).map(Score::Csat),
        }
    }

    /// Every answer the survey has, the best score first, and then those it had once.
    pub(super) fn rows(&self, survey: &Survey, languages: &[String]) -> Vec<Row> {
        let row = |answer: &str, label: &str| Row {
            answer: answer.to_owned(),
            label: harmless(label),
            answers: self.0.get(answer).copied().unwrap_or_default(),
        };
        let label = |id: &str, texts: &rapport_workflow::Texts| match survey.kind {
            // What the link says is not what was answered.
            SurveyKind::Text => row(id, id),
            _ => row(id, texts.in_language(languages)),
        };
        let mut rows: Vec<Row> = survey.choices.iter().map(|(id, texts)| label(id, texts)).collect();
        if survey.kind.scores().is_some() {
            rows.reverse();
        }
        let others = self.0.keys().filter(|answer| !survey.has_answer(answer));
        rows.extend(others.map(|answer| row(answer, answer)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, i64)]) -> Counts {
        let mut counts = Counts::default();
        of.iter().for_each(|(answer, answers)| counts.add(answer, *answers));
        counts
    }

    #[test]
    fn scores_are_those_counted_by_hand() {
        let given = counts(&[("10", 3), ("9", 1), ("8", 2), ("7", 1), ("6", 1), ("0", 2), ("fine", 9)]);
        let score = given.score(SurveyKind::Nps).unwrap();
        assert_eq!((score.to_string(), score.value()), ("NPS +10".to_owned(), 10.0));
        assert_eq!(counts(&[("1", 1), ("5", 3)]).score(SurveyKind::Csat).unwrap().to_string(), "CSAT 75.0 %");
        assert_eq!(counts(&[("0", 4)]).score(SurveyKind::Nps).unwrap().to_string(), "NPS -100");
        let balanced = counts(&[("10", 249), ("8", 1), ("3", 250)]);
        assert_eq!(balanced.score(SurveyKind::Nps).unwrap().to_string(), "NPS 0");
        assert_eq!(counts(&[("5", 4)]).score(SurveyKind::Choice), None);
        assert_eq!(counts(&[]).score(SurveyKind::Nps), None);
    }

    #[test]
    fn four_anonymous_answers_show_nothing() {
        for spread in [&[("1", 4)][..], &[("1", 1), ("2", 1), ("3", 1), ("4", 1)], &[("5", 1)], &[]] {
            assert_eq!(counts(spread).told(), Counts::default(), "{spread:?}");
        }
        assert_eq!(counts(&[("1", 4), ("5", 1)]).told().total(), 5);
    }

    #[test]
    fn a_share_is_told_of_those_who_were_asked() {
        assert_eq!(Asked { mails: 40, answered: 10 }.percent(), Some(25.0));
        assert_eq!(Asked { mails: 0, answered: 0 }.percent(), None);
        assert_eq!(Asked { mails: 2, answered: 3 }.percent(), None);
    }
}
