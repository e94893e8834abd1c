//! `rapport report --surveys`: how many answered, what, and what their scores come to. Of anonymous surveys fewer than five answers
//! are never told.

mod counts;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rapport_engine::ports::rows::MessageState;
use rapport_engine::ports::store::Store as _;
use rapport_event::id::ProgramId;
use rapport_store::{Period, SqlStore};
use rapport_workflow::config::{SurveyPeriod, period_days};
use rapport_workflow::{Rulebook, Survey, Verb};
use serde_json::{Value, json};

use self::counts::{Asked, Counts};
use super::super::backtest::window;
use super::delivery;
use super::sheet::{Cell, Column, Sheet};
use crate::command_line::{ReportArguments, ReportFormat};
use crate::exit::{Doing, Failure};
use crate::picture::Picture;
use crate::printed::{bold, count, faint, harmless, line};

/// Computes and prints it.
pub(super) async fn print(
    store: &SqlStore,
    picture: &Picture,
    program: &str,
    arguments: &ReportArguments,
) -> Result<(), Failure> {
    let rulebook = &picture.applied.rulebook;
    if let Some(unknown) = arguments.figures.iter().find(|name| !rulebook.surveys.contains_key(name.as_str())) {
        let near = rapport_rule::suggest::nearest(unknown, rulebook.surveys.keys().map(|id| &**id));
        let help = near.map_or_else(
            || "surveys are declared in config/surveys.yaml".into(),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::input(format!("there is no survey `{}`", harmless(unknown))).help(help));
    }
    let zone = rulebook.config.program(program).map_or(TimeZone::UTC, |program| program.zone.clone());
    let today = picture.now.to_zoned(zone.clone()).date();
    let first = today.saturating_sub((window(&arguments.last)? - 1).days());
    let look = Look { store, picture, program, zone };
    let (from, until) = look.instants(first, today)?;
    let named = look.named(from, until).await?;
    let asked = look.asked(from, until).await?;
    let anonymous = look.anonymous().await?;
    let wanted =
        |survey: &&Survey| arguments.figures.is_empty() || arguments.figures.iter().any(|name| **name == *survey.id);
    let mut told = Vec::new();
    for survey in rulebook.surveys.values().filter(wanted) {
        let parts = match survey.anonymous {
            None => {
                let counts = named.get(&*survey.id).cloned().unwrap_or_default();
                vec![Part { period: None, asked: asked.get(&*survey.id).copied().unwrap_or_default(), counts }]
            }
            Some(length) => look.periods(survey, length, (first, today), anonymous.get(&*survey.id)).await?,
        };
        told.push(Told { survey, parts });
    }
    let report = Report { program, first, today, told, languages: [language(rulebook, program)] };
    match arguments.format {
        ReportFormat::Human => {
            report.shown();
            Ok(())
        }
        ReportFormat::Json => delivery::data(arguments, &report.data()),
        ReportFormat::Csv | ReportFormat::Parquet => delivery::sheet(arguments, &report.sheet(picture.now)),
    }
}

fn language(rulebook: &Rulebook, program: &str) -> String {
    rulebook.config.program(program).map_or_else(|| "en".to_owned(), |program| program.language.clone())
}

/// Counts of anonymous answers by period.
type Periods = BTreeMap<String, Counts>;

/// Where is looked.
struct Look<'a> {
    store: &'a SqlStore,
    picture: &'a Picture,
    program: &'a str,
    zone: TimeZone,
}

impl Look<'_> {
    /// The first instant of a day, and the first behind another.
    fn instants(&self, first: Date, last: Date) -> Result<(Timestamp, Timestamp), Failure> {
        let start = |day: Date| day.to_zoned(self.zone.clone()).map(|start| start.timestamp());
        let behind = last.saturating_add(1.day());
        Ok((start(first).doing("finding the first day")?, start(behind).doing("finding the last day")?))
    }

    /// Each partner's newest answer to each survey, within a time.
    async fn named(&self, from: Timestamp, until: Timestamp) -> Result<BTreeMap<String, Counts>, Failure> {
        let surveys = &self.picture.applied.rulebook.surveys;
        let mut all: BTreeMap<String, Counts> = BTreeMap::new();
        Picture::each(self.store, |key, state| {
            if key.program.as_str() == self.program {
                for survey in surveys.values().filter(|survey| survey.anonymous.is_none()) {
                    let newest = state.answer(&survey.id).filter(|answer| answer.at >= from && answer.at < until);
                    let Some(newest) = newest else { continue };
                    let said = newest.answer.as_deref().map(str::to_owned);
                    // A score that came without words: as it is written, without a point behind whole ones.
                    if let Some(said) = said.or_else(|| newest.score.map(|score| score.to_string())) {
                        all.entry(survey.id.to_string()).or_default().add(&said, 1);
                    }
                }
            }
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Mails of a time that asked each survey and left, and how many of them were answered by name.
    async fn asked(&self, from: Timestamp, until: Timestamp) -> Result<BTreeMap<String, Asked>, Failure> {
        let mut surveys: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for workflow in &self.picture.applied.rulebook.workflows {
            for step in &workflow.steps {
                if let Verb::Email(email) = &step.verb
                    && let Some(survey) = email.survey.as_deref()
                {
                    surveys.insert((&*workflow.id, &*step.id), survey);
                }
            }
        }
        let period = Period {
            program: self.program.to_owned(),
            from,
            until,
            within: SignedDuration::ZERO,
            now: self.picture.now,
        };
        let mut all: BTreeMap<String, Asked> = BTreeMap::new();
        for fate in self.store.mail_fates(&period).await.doing("counting mails")? {
            let left = matches!(fate.state, MessageState::Sent | MessageState::InDoubt);
            let survey = surveys.get(&(fate.place.workflow.as_str(), fate.place.step.as_str()));
            if let Some(survey) = survey.filter(|_| left) {
                let asked = all.entry((*survey).to_owned()).or_default();
                asked.mails += fate.mails;
                asked.answered += fate.answered;
            }
        }
        Ok(all)
    }

    /// What may be told of anonymous surveys, by survey and period.
    async fn anonymous(&self) -> Result<BTreeMap<String, Periods>, Failure> {
        let Ok(program) = ProgramId::new(self.program) else { return Ok(BTreeMap::new()) };
        let mut all: BTreeMap<String, Periods> = BTreeMap::new();
        for tally in self.store.anonymous_tallies(&program).await.doing("reading anonymous answers")? {
            let periods = all.entry(tally.survey).or_default();
            periods.entry(tally.period).or_default().add(&tally.answer, tally.answers);
        }
        Ok(all)
    }

    /// The periods of an anonymous survey that have a day between two, with what may be told of them; the present one also when
    /// nothing may.
    async fn periods(
        &self,
        survey: &Survey,
        length: SurveyPeriod,
        (first, today): (Date, Date),
        told: Option<&Periods>,
    ) -> Result<Vec<Part>, Failure> {
        let mut names: Vec<String> = told.into_iter().flat_map(|periods| periods.keys().cloned()).collect();
        names.push(length.name(today));
        names.sort_unstable();
        names.dedup();
        let mut parts = Vec::new();
        for name in names {
            let Some((begin, end)) = period_days(&name).filter(|(begin, end)| *end >= first && *begin <= today) else {
                continue;
            };
            let (from, until) = self.instants(begin, end)?;
            // Who answered is known of nobody, so of no mail either: what counts as answered is what is told.
            let mails = self.asked(from, until).await?.get(&*survey.id).map_or(0, |asked| asked.mails);
            let counts = told.and_then(|periods| periods.get(&name)).cloned().unwrap_or_default().told();
            parts.push(Part { period: Some(name), asked: Asked { mails, answered: counts.total() }, counts });
        }
        Ok(parts)
    }
}

/// The answers to a survey, of a period if it is anonymous.
struct Part {
    period: Option<String>,
    asked: Asked,
    counts: Counts,
}

impl Part {
    /// Whether there are answers that may not be told, or none.
    fn is_held_back(&self) -> bool {
        self.period.is_some() && self.counts.total() == 0
    }
}

/// A survey with what was answered.
struct Told<'a> {
    survey: &'a Survey,
    parts: Vec<Part>,
}

/// What is told.
struct Report<'a> {
    program: &'a str,
    first: Date,
    today: Date,
    told: Vec<Told<'a>>,
    languages: [String; 1],
}

impl Report<'_> {
    fn shown(&self) {
        let head = format!(
            "{} · answers from {} to {}, each partner's newest",
            harmless(self.program),
            self.first,
            self.today
        );
        line(bold(&head));
        if self.told.is_empty() {
            line("no survey is declared in config/surveys.yaml");
        }
        for Told { survey, parts } in &self.told {
            let question = harmless(survey.question.in_language(&self.languages));
            let kind = if survey.anonymous.is_some() { "anonymous " } else { "" };
            line(format!("\n{} · {kind}{} · {question}", bold(&survey.id), survey.kind.code()));
            for part in parts {
                self.shown_part(survey, part);
            }
        }
    }

    fn shown_part(&self, survey: &Survey, part: &Part) {
        let period = part.period.as_ref().map(|period| format!("{}: ", harmless(period))).unwrap_or_default();
        if part.is_held_back() {
            line(format!("  {period}fewer than five answers; {} sent", count(part.asked.mails, "mail")));
            return;
        }
        let rate = part.asked.percent().map(|percent| format!(" ({percent:.1} %)")).unwrap_or_default();
        let Asked { mails, answered } = part.asked;
        line(format!("  {period}{} sent, {answered} of them answered{rate}", count(mails, "mail")));
        let total = part.counts.total();
        let score = part.counts.score(survey.kind).map(|score| format!(", {score}")).unwrap_or_default();
        line(format!("  {}{score}", count(total, "answer")));
        let rows = part.counts.rows(survey, &self.languages);
        let width = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        for row in rows {
            let share =
                if total > 0 { format!("{:>5.1} %", 100.0 * row.answers as f64 / total as f64) } else { String::new() };
            let text = format!("    {:<width$}  {:>6}  {share}", row.label, row.answers);
            line(if row.answers == 0 { faint(text.trim_end()) } else { text.trim_end().to_owned() });
        }
    }

    fn data(&self) -> Value {
        let surveys: Vec<Value> = self
            .told
            .iter()
            .map(|Told { survey, parts }| {
                let parts: Vec<Value> = parts.iter().map(|part| self.part_data(survey, part)).collect();
                json!({
                    "survey": &*survey.id,
                    "type": survey.kind.code(),
                    "anonymous": survey.anonymous.is_some(),
                    "question": survey.question.in_language(&self.languages),
                    "told": parts,
                })
            })
            .collect();
        let (first, today) = (self.first.to_string(), self.today.to_string());
        json!({ "program": self.program, "from": first, "until": today, "surveys": surveys })
    }

    fn part_data(&self, survey: &Survey, part: &Part) -> Value {
        if part.is_held_back() {
            return json!({ "period": part.period, "asked": part.asked.mails, "held_back": "fewer than five answers" });
        }
        let answers: Vec<Value> = part
            .counts
            .rows(survey, &self.languages)
            .into_iter()
            .map(|row| json!({ "answer": row.answer, "label": row.label, "answers": row.answers }))
            .collect();
        json!({
            "period": part.period,
            "asked": part.asked.mails,
            "answered": part.asked.answered,
            "response_percent": part.asked.percent(),
            "answers": part.counts.total(),
            "score": part.counts.score(survey.kind).map(|score| score.value()),
            "distribution": answers,
        })
    }

    fn sheet(&self, now: Timestamp) -> Sheet {
        let mut rows = Vec::new();
        for Told { survey, parts } in &self.told {
            for part in parts.iter().filter(|part| !part.is_held_back()) {
                for row in part.counts.rows(survey, &self.languages) {
                    rows.push(vec![
                        Cell::text(&*survey.id),
                        Cell::text(survey.kind.code()),
                        Cell::text(part.period.as_deref().unwrap_or_default()),
                        Cell::Count(part.asked.mails),
                        Cell::Count(part.asked.answered),
                        Cell::text(row.answer),
                        Cell::Count(row.answers),
                    ]);
                }
            }
        }
        let columns = ["survey", "type", "period"].map(Column::text).into_iter();
        let columns = columns.chain(["asked", "answered"].map(Column::count));
        let columns = columns.chain([Column::text("answer"), Column::count("answers")]);
        Sheet { report: "surveys", program: self.program.to_owned(), as_of: now, columns: columns.collect(), rows }
    }
}
