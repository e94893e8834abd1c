//! `rapport plan`: what `apply` would change, for how many people.

use std::path::Path;

use rapport_engine::plan::{Change, Fate, Plan, PlanError, WorkflowPlan, plan};
use serde::Deserialize;

use super::{apply, instant};
use crate::command_line::{Global, PlanArguments};
use crate::desk::{Desk, Missing};
use crate::exit::{self, Doing, Failure};
use crate::printed::{bold, count, faint, line, number};
use crate::scratch::Scratch;
use crate::settings::{LayoutSettings, Settings};
use crate::telemetry;

/// Looks, tells, and keeps the plan if asked to.
pub async fn run(global: &Global, arguments: &PlanArguments) -> Result<u8, Failure> {
    let since = arguments.since.as_deref().map(instant).transpose()?;
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let texts = apply::checked(&folder)?;
    let settings = Settings::load(global)?;
    telemetry::begin(global, settings.log_format, None, true);
    // Where nothing is applied yet the plan is against nothing, and looking leaves nothing behind.
    let mut settings = settings;
    let mut scratch = None;
    if let LayoutSettings::Embedded { file, disposable } = &mut settings.layout
        && !file.exists()
    {
        let made = Scratch::new("plan")?;
        (*file, *disposable) = (made.path().join("rapport.db"), true);
        scratch = Some(made);
    }
    let desk = Desk::open_or(&settings, Missing::Make).await?;
    let now = desk.now().await?;
    let made = plan(&desk.store, texts, since, desk.shards, now).await;
    desk.close().await;
    drop(scratch);
    let made = made.map_err(|error| match error {
        PlanError::Rulebook(error) => Failure::input(error.to_string()),
        PlanError::Store(error) => Failure::new(error.to_string()),
    })?;
    if let Some(path) = &arguments.out {
        let text = serde_json::to_string_pretty(&made).doing("writing the plan")?;
        std::fs::write(path, text + "\n").doing(&format!("writing {}", path.display()))?;
    }
    if arguments.json {
        line(serde_json::to_string(&made).doing("writing the plan")?);
    } else {
        tell(&made, arguments.out.as_deref());
    }
    Ok(if made.differs && arguments.detailed_exitcode { exit::DIFFERENCES } else { exit::OK })
}

/// The part of a kept plan that `apply` reads.
#[derive(Deserialize)]
struct Kept {
    id: String,
}

/// A plan's id, from the file `rapport plan --out` wrote, or as typed.
pub fn id_of(text: &str) -> Result<String, Failure> {
    let path = Path::new(text);
    if path.is_file() {
        let text = std::fs::read_to_string(path).doing(&format!("reading {}", path.display()))?;
        let kept: Result<Kept, _> = serde_json::from_str(&text);
        return kept.map(|kept| kept.id).map_err(|_| {
            Failure::input(format!("{} is no plan", path.display())).help("make one with `rapport plan --out FILE`")
        });
    }
    if text.len() == 12 && text.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Failure::input(format!("there is no plan `{text}`"))
        .help("name the file of `rapport plan --out FILE`, or the id that `rapport plan` shows"))
}

fn tell(plan: &Plan, out: Option<&Path>) {
    if !plan.differs {
        return line("these files are in force: nothing would change");
    }
    let running = plan.running.as_deref().map_or("nothing is applied yet", short);
    line(format!("{}  {running} → {}", bold(&format!("Plan {}", plan.id)), short(&plan.files)));
    line(faint(&format!("  {} looked at", count(as_count(plan.partners), "partner"))));
    if !plan.config.is_empty() {
        line(format!("  config: {}", plan.config.join(", ")));
    }
    for workflow in &plan.workflows {
        line("");
        tell_workflow(workflow);
    }
    let entering: u64 = plan.workflows.iter().map(|workflow| workflow.enter_at_once).sum();
    line("");
    if entering > 0 {
        line(format!("{} at the first evaluation, at the next day close.", bold(&enter(entering))));
    }
    if !plan.needs_second_person.is_empty() {
        line(format!(
            "Service mail changes ({}): `rapport apply` needs --approved-by, and not who applies.",
            plan.needs_second_person.join(", ")
        ));
    }
    let name = out.map_or_else(|| plan.id.clone(), |path| path.display().to_string());
    line(format!("To do exactly this: rapport apply {name}"));
}

fn tell_workflow(workflow: &WorkflowPlan) {
    let change = match workflow.change {
        Change::New => "new".to_owned(),
        Change::Gone => "gone: nobody enters any more".to_owned(),
        Change::Steps => {
            let version = |version: &Option<String>| version.as_deref().map_or("none", short).to_owned();
            format!("version {} → {}", version(&workflow.from), version(&workflow.to))
        }
        Change::Texts => "same steps, other texts or sender".to_owned(),
        Change::Config => "the same, but config/ differs".to_owned(),
    };
    line(format!("{}  {change}", bold(&workflow.id)));
    match workflow.change {
        // Every text of a new workflow is new.
        Change::New | Change::Gone => {}
        _ => workflow.mails.iter().for_each(|mail| line(format!("  mail {}: {}", mail.mail, mail.change))),
    }
    for parked in &workflow.inside {
        let becomes = match &parked.becomes {
            Fate::GoesOn => "go on".to_owned(),
            Fate::Finishes => "finish on their version".to_owned(),
            Fate::Migrates(step) if *step == parked.step => "move to the new version".to_owned(),
            Fate::Migrates(step) => format!("move to the new version, at `{step}`"),
            Fate::Stops => "stop; mail that is queued is taken back".to_owned(),
        };
        let version = faint(short(&parked.version));
        line(format!("  inside  {:>7}  at `{}` {version}: {becomes}", number(as_count(parked.people)), parked.step));
    }
    if workflow.read_new_text > 0 {
        line(format!("  {} inside will read the new text", people(workflow.read_new_text)));
    }
    match (workflow.enter_at_once, workflow.enter_anyway) {
        (0, _) => {}
        (entering, 0) => line(format!("  {} at the first evaluation", enter(entering))),
        (entering, anyway) => {
            line(format!("  {} at the first evaluation ({} as things run)", enter(entering), number(as_count(anyway))));
        }
    }
    for audience in &workflow.audiences {
        let next = audience.next.map(|at| format!(", next {}", at.strftime("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
        let whom = people(audience.people);
        line(match audience.what {
            "broadcast" => format!("  broadcast to {whom}{next}"),
            "schedule" => format!("  schedule for {whom}{next}"),
            "date" => format!("  dates of {whom} within a week{next}"),
            _ => format!("  {whom} in the segment now: they did not enter it now, nothing begins for them"),
        });
    }
    for (kind, happened) in &workflow.earlier {
        line(format!("  {kind} happened {} before: it starts nothing", times(*happened)));
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn as_count(people: u64) -> i64 {
    i64::try_from(people).unwrap_or(i64::MAX)
}

fn people(people: u64) -> String {
    if people == 1 { "1 person".to_owned() } else { format!("{} people", number(as_count(people))) }
}

fn enter(entering: u64) -> String {
    let verb = if entering == 1 { "enters" } else { "enter" };
    format!("{} {verb} at once", people(entering))
}

fn times(happened: u64) -> String {
    if happened == 1 { "once".to_owned() } else { format!("{} times", number(as_count(happened))) }
}
