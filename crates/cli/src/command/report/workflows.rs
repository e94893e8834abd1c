//! `rapport report --workflows` and `--holdouts`: what mails came to, step by step, and what writing brought against the held out.

mod counts;
mod holdout;
mod shown;

use jiff::{SignedDuration, ToSpan as _, tz::TimeZone};
use rapport_rule::{Currency, Money};
use rapport_store::{Period, SqlStore};
use serde_json::{Map, Value, json};

use self::counts::Steps;
use self::holdout::Holdout;
use crate::command_line::{ReportArguments, ReportFormat};
use crate::exit::{Doing, Failure};
use crate::picture::Picture;

use super::super::backtest::window;
use super::super::no_workflow;
use super::delivery;
use super::sheet::Sheet;

/// Computes and prints it.
pub(super) async fn print(
    store: &SqlStore,
    picture: &Picture,
    program: &str,
    currency: Currency,
    arguments: &ReportArguments,
) -> Result<(), Failure> {
    let rulebook = &picture.applied.rulebook;
    let zone = rulebook.config.program(program).map_or(TimeZone::UTC, |program| program.zone.clone());
    let (last, within) = (window(&arguments.last)?, window(&arguments.within)?);
    let today = picture.now.to_zoned(zone.clone()).date();
    // Whole days of the programme, today included.
    let first = today.saturating_sub((last - 1).days());
    let from = first.to_zoned(zone).map(|start| start.timestamp()).doing("finding the first day")?;
    let until = picture.now.checked_add(SignedDuration::from_millis(1)).unwrap_or(picture.now);
    let period = Period {
        program: program.to_owned(),
        from,
        until,
        within: SignedDuration::from_hours(24 * within),
        now: picture.now,
    };
    let mut steps = Steps::of(
        store.mail_fates(&period).await.doing("counting mails")?,
        &store.conversions_after(&period).await.doing("counting conversions")?,
    );
    let mut holdouts = Holdout::all(&store.drawn(&period).await.doing("comparing with the held out")?);
    let named = |workflow: &str| arguments.figures.is_empty() || arguments.figures.iter().any(|name| name == workflow);
    if let Some(unknown) = arguments.figures.iter().find(|name| {
        !rulebook.workflows.iter().any(|workflow| *workflow.id == ***name)
            && !steps.has(name)
            && !holdouts.contains_key(name.as_str())
    }) {
        return Err(no_workflow::named(unknown, rulebook.workflows.iter().map(|workflow| &*workflow.id)));
    }
    steps.retain(named);
    holdouts.retain(|workflow, _| named(workflow));
    let report = Report {
        program,
        currency,
        last,
        within,
        first: first.to_string(),
        today: today.to_string(),
        steps,
        holdouts,
        only_holdouts: arguments.holdouts,
    };
    match (arguments.format, arguments.holdouts) {
        (ReportFormat::Human, _) => {
            shown::print(&report, |workflow| {
                rulebook.workflows.iter().any(|known| *known.id == *workflow && known.entry.holdout.is_some())
            });
            Ok(())
        }
        (ReportFormat::Json, _) => delivery::data(arguments, &report.data()),
        (ReportFormat::Csv | ReportFormat::Parquet, only_holdouts) => {
            let (name, (columns, rows)) = if only_holdouts {
                ("holdouts", holdout::table(&report.holdouts, currency))
            } else {
                ("workflows", report.steps.table(currency))
            };
            let sheet = Sheet { report: name, program: program.to_owned(), as_of: picture.now, columns, rows };
            delivery::sheet(arguments, &sheet)
        }
    }
}

/// What is told.
struct Report<'a> {
    program: &'a str,
    currency: Currency,
    /// Days looked at.
    last: i64,
    /// Days after a mail or an entry in which conversions count.
    within: i64,
    first: String,
    today: String,
    steps: Steps,
    holdouts: std::collections::BTreeMap<String, Holdout>,
    only_holdouts: bool,
}

impl Report<'_> {
    fn data(&self) -> Value {
        let mut data = Map::new();
        data.insert("program".into(), json!(self.program));
        data.insert("from".into(), json!(self.first));
        data.insert("until".into(), json!(self.today));
        data.insert("days_after".into(), json!(self.within));
        data.insert("currency".into(), json!(self.currency.code()));
        if !self.only_holdouts {
            data.insert("steps".into(), self.steps.data());
            data.insert("workflows".into(), self.steps.by_workflow());
            data.insert("all".into(), self.steps.all().data());
        }
        let holdouts = self.holdouts.iter().map(|(workflow, holdout)| holdout.data(workflow));
        data.insert("holdouts".into(), Value::Array(holdouts.collect()));
        Value::Object(data)
    }

    /// Minor units as money of the programme.
    fn money(&self, minor: f64) -> String {
        Money::new(minor.round() as i64, self.currency).to_string()
    }
}
