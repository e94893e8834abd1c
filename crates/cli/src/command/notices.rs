//! `rapport notices`: who has to know of a change, what proves that they were told, who said that they know, and who is missing.

mod gone;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_engine::rulebooks::Rulebooks;
use rapport_store::{NoticeMail, SqlStore};
use rapport_workflow::{Config, Notice, Workflow};
use serde_json::{Value, json};

use self::standing::{Row, Standing};
use super::no_workflow;
use super::report::csv_field;
use crate::command_line::{NoticeFormat, NoticesArguments};
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::printed::{bold, count, faint, harmless, line};
use crate::settings::Settings;

/// So many journeys are read at a time.
const PAGE: i64 = 500;

/// The columns of the CSV.
const HEADS: [&str; 18] = [
    "workflow",
    "program",
    "partner",
    "notice",
    "effective",
    "state",
    "sent_at",
    "accepted_at",
    "relay",
    "reply_code",
    "reply",
    "queue_id",
    "message",
    "bounced",
    "reminded_at",
    "acknowledged_at",
    "reason",
    "journey",
];

/// A notice with everybody who has to know.
struct Told<'a> {
    workflow: &'a Workflow,
    /// Its folder was taken away; what it told is kept all the same.
    is_gone: bool,
    rows: Vec<Row>,
    /// Of everybody, whoever is shown.
    totals: BTreeMap<Standing, i64>,
}

/// Reads and prints it.
pub async fn run(settings: &Settings, arguments: &NoticesArguments) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let applied = Rulebooks::new(Arc::new(store.clone())).current().await.doing("reading the applied files")?;
    let Some(applied) = applied else {
        return Err(Failure::new("nothing is applied yet").help("`rapport apply` puts the files into force"));
    };
    let gone = gone::notices(&store, &applied).await?;
    let workflows: Vec<Arc<Workflow>> = applied.rulebook.workflows.iter().chain(&gone).cloned().collect();
    let notices = named(&workflows, arguments.workflow.as_deref())?;
    let mut told = Vec::new();
    for (workflow, notice) in notices {
        let mut rows = read(&store, workflow, notice).await?;
        let is_gone = gone.iter().any(|gone| gone.id == workflow.id);
        if is_gone && rows.is_empty() && arguments.workflow.is_none() {
            continue;
        }
        let mut totals: BTreeMap<Standing, i64> = BTreeMap::new();
        for row in &rows {
            *totals.entry(row.standing).or_default() += 1;
        }
        rows.retain(|row| !arguments.missing || row.standing.is_missing());
        told.push(Told { workflow, is_gone, rows, totals });
    }
    store.close().await;
    match arguments.format {
        NoticeFormat::Text => told.iter().for_each(|told| told.shown(&applied.rulebook.config)),
        NoticeFormat::Csv => {
            line(HEADS.join(","));
            told.iter().for_each(Told::csv);
        }
        NoticeFormat::Json => line(json!(told.iter().map(Told::data).collect::<Vec<_>>()).to_string()),
    }
    if told.is_empty() && arguments.format == NoticeFormat::Text {
        line("no workflow is a notice; one says so with `notice:`");
    }
    Ok(exit::OK)
}

/// The workflows that are notices, or the one that is meant.
fn named<'a>(workflows: &'a [Arc<Workflow>], wanted: Option<&str>) -> Result<Vec<(&'a Workflow, &'a Notice)>, Failure> {
    let all = || workflows.iter().filter_map(|workflow| Some((&**workflow, workflow.notice.as_ref()?)));
    let Some(wanted) = wanted else { return Ok(all().collect()) };
    let meant: Vec<_> = all().filter(|(workflow, _)| *workflow.id == *wanted).collect();
    if !meant.is_empty() {
        return Ok(meant);
    }
    if workflows.iter().any(|workflow| *workflow.id == *wanted) {
        return Err(Failure::input(format!("`{wanted}` is no notice")).help("a workflow is one by its key `notice:`"));
    }
    Err(no_workflow::named(wanted, all().map(|(workflow, _)| &*workflow.id)))
}

/// Everybody who has to know, by programme and partner.
async fn read(store: &SqlStore, workflow: &Workflow, notice: &Notice) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    // Those of the folder's old name are its own.
    for id in [Some(&workflow.id), workflow.was.as_ref()].into_iter().flatten() {
        let mut after = String::new();
        loop {
            let page = store.notice_journeys(id, &after, PAGE).await.doing("reading the journeys of a notice")?;
            let Some(last) = page.last().map(|journey| journey.id.clone()) else { break };
            let mut mails: BTreeMap<String, Vec<NoticeMail>> = BTreeMap::new();
            for mail in store.notice_mails(id, &after, &last).await.doing("reading the mails of a notice")? {
                mails.entry(mail.journey.clone()).or_default().push(mail);
            }
            for journey in page {
                let mails = mails.remove(&journey.id).unwrap_or_default();
                rows.push(Row::of(workflow, notice, journey, mails)?);
            }
            after = last;
        }
    }
    rows.sort_by(|one, other| {
        (&one.key, one.started_at, &one.journey).cmp(&(&other.key, other.started_at, &other.journey))
    });
    Ok(rows)
}

impl Told<'_> {
    fn shown(&self, config: &Config) {
        let Self { workflow, is_gone, rows, totals } = self;
        let gone = if *is_gone { " (not in the files any more)" } else { "" };
        line(format!("{}  {}{gone}", bold(&workflow.id), harmless(&workflow.title)));
        let cells: Vec<[String; 7]> = rows.iter().map(|row| shown_cells(row, config)).collect();
        let heads = ["partner", "notice", "sent", "accepted by the server", "reminded", "acknowledged", "state"];
        let width = |at: usize| {
            let cells = cells.iter().filter_map(|cells| cells.get(at)).map(|cell| cell.chars().count());
            cells.chain(heads.get(at).map(|head| head.len())).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let row = |cells: &[&str]| -> String {
            let padded = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}  "));
            format!("  {}", padded.collect::<String>().trim_end())
        };
        if !cells.is_empty() {
            line(faint(&row(&heads)));
        }
        for cells in &cells {
            line(row(&cells.each_ref().map(String::as_str)));
        }
        let all: i64 = totals.values().sum();
        let parts: Vec<String> = totals.iter().map(|(standing, rows)| format!("{rows} {}", standing.told())).collect();
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        line(format!("  {}{parts}", count(all, "notice") + " to partners"));
        line("");
    }

    fn csv(&self) {
        for row in &self.rows {
            let at = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            let first = row.first();
            let reply = first.and_then(|mail| mail.reply.as_ref());
            let cells = [
                self.workflow.id.to_string(),
                row.key.program.to_string(),
                row.key.partner.to_string(),
                row.notice.clone().unwrap_or_default(),
                row.effective.clone().unwrap_or_default(),
                row.standing.code().to_owned(),
                at(row.sent_at()),
                at(reply.map(|reply| reply.at)),
                reply.map(|reply| reply.relay.clone()).unwrap_or_default(),
                reply.and_then(|reply| reply.code).map(|code| code.to_string()).unwrap_or_default(),
                reply.map(|reply| reply.text.clone()).unwrap_or_default(),
                reply.and_then(|reply| reply.queue_id.clone()).unwrap_or_default(),
                first.map(|mail| mail.id.clone()).unwrap_or_default(),
                first.map(|mail| mail.bounced.to_string()).unwrap_or_default(),
                at(row.reminded_at()),
                at(row.acknowledged_at),
                row.reason().unwrap_or_default().to_owned(),
                row.journey.clone(),
            ];
            line(cells.map(|cell| csv_field(&harmless(&cell))).join(","));
        }
    }

    fn data(&self) -> Value {
        let mail = |mail: &NoticeMail| {
            json!({ "message": mail.id, "step": mail.step, "mail": mail.mail, "state": mail.state.code(),
                "reason": mail.reason, "planned_at": mail.planned_at.to_string(),
                "changed_at": mail.changed_at.to_string(), "reply": mail.reply, "bounced": mail.bounced })
        };
        let row = |row: &Row| {
            json!({ "program": row.key.program.as_str(), "partner": row.key.partner.as_str(), "notice": row.notice,
                "effective": row.effective, "journey": row.journey, "state": row.standing.code(),
                "missing": row.standing.is_missing(), "sent_at": row.sent_at().map(|at| at.to_string()),
                "reminded_at": row.reminded_at().map(|at| at.to_string()),
                "acknowledged_at": row.acknowledged_at.map(|at| at.to_string()),
                "mails": row.mails.iter().map(mail).collect::<Vec<_>>() })
        };
        let totals: serde_json::Map<String, Value> =
            Standing::ALL.iter().map(|of| (of.code().to_owned(), json!(self.totals.get(of).unwrap_or(&0)))).collect();
        json!({ "workflow": &*self.workflow.id, "title": self.workflow.title, "is_gone": self.is_gone, "totals": totals,
            "partners": self.rows.iter().map(row).collect::<Vec<_>>() })
    }
}

/// A row as people read it; a dash is what there is not.
fn shown_cells(row: &Row, config: &Config) -> [String; 7] {
    let zone = config.program(row.key.program.as_str()).map_or(TimeZone::UTC, |program| program.zone.clone());
    let at = |at: Option<Timestamp>| {
        at.map_or("–".to_owned(), |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
    };
    let reply = row.first().and_then(|mail| mail.reply.as_ref());
    let reason = row.reason().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let cells = [
        row.key.to_string(),
        row.notice.clone().unwrap_or_else(|| "–".to_owned()),
        at(row.sent_at()),
        reply.map_or("–".to_owned(), |reply| format!("{}: {}", reply.relay, reply.words())),
        at(row.reminded_at()),
        at(row.acknowledged_at),
        format!("{}{reason}", row.standing.told()),
    ];
    cells.map(|cell| shortened(&harmless(&cell)))
}

/// A relay may say more than a screen is wide; CSV and JSON have all of it.
fn shortened(text: &str) -> String {
    const MOST: usize = 72;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 1).chain(['…']).collect()
}
