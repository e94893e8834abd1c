//! `rapport apply`, and what `run` does with changed files in the embedded desk.

use std::path::Path;

use jiff::Timestamp;
use rapport_engine::apply::{ApplyError, Approval, Outcome, Request, apply, apply_upon};
use rapport_engine::ports::rows::DefinitionRow;
use rapport_rule::finding::render::human_all;

use super::{audit, instant, login_name, plan};
use crate::command_line::{ApplyArguments, Global};
use crate::desk::{Desk, Missing, asking};
use crate::exit::{self, Failure};
use crate::files::{self, Texts};
use crate::settings::Settings;
use crate::{printed, telemetry};

/// Checks, then applies. Errors in the files: exit code 2, nothing is changed.
pub async fn run(global: &Global, arguments: ApplyArguments) -> Result<u8, Failure> {
    if arguments.history {
        return audit::run(global, "apply", arguments.json).await;
    }
    let since = arguments.since.as_deref().map(instant).transpose()?;
    let plan = arguments.plan.as_deref().map(plan::id_of).transpose()?;
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let texts = checked(&folder)?;
    let settings = Settings::load(global)?;
    telemetry::begin(global, settings.log_format, None, true);
    let desk = Desk::open_or(&settings, Missing::Make).await?;
    let by = arguments.by.unwrap_or_else(login_name);
    let approval = arguments.approved_by.map_or(Approval::None, Approval::By);
    let outcome = put_into_force(&desk, Request { texts, by, since, approval, plan }).await;
    desk.close().await;
    match outcome? {
        Outcome::Unchanged => printed::line("these files are in force already; nothing was changed"),
        Outcome::Applied { hash, new, gone } => {
            let short = hash.get(..12).unwrap_or(&hash);
            printed::line(format!("applied {short}: in force from each shard's next record on"));
            for (what, which) in [("new", new), ("gone", gone)] {
                if !which.is_empty() {
                    printed::line(format!("  {what}: {}", which.join(", ")));
                }
            }
        }
    }
    Ok(exit::OK)
}

/// The files of a project, when they are without errors; else all findings are printed.
pub fn checked(folder: &Path) -> Result<Texts, Failure> {
    if !folder.is_dir() {
        return Err(Failure::input(format!("there is no folder {}", folder.display())).help("see --dir"));
    }
    let texts = files::read(folder)?;
    let sources = files::sources(&texts);
    let (_, findings) = rapport_workflow::compile(&sources);
    if !findings.is_empty() {
        printed::aside(human_all(&findings, &crate::settings::shown(&sources)));
    }
    if findings.has_errors() {
        printed::aside("nothing was changed");
        return Err(Failure::said(exit::BAD_INPUT));
    }
    Ok(texts)
}

/// Applies files that were checked.
pub async fn put_into_force(desk: &Desk, mut request: Request) -> Result<Outcome, Failure> {
    // The schemas are for editors; another edition of them is no other rulebook.
    request.texts.retain(|path, _| !path.starts_with("config/schema/"));
    let now = desk.now().await?;
    apply(&desk.store, request, desk.shards, now).await.map_err(failure)
}

/// Applies files that were made of those in force, unless others are by now.
pub async fn put_upon(desk: &Desk, base: DefinitionRow, request: Request) -> Result<Outcome, Failure> {
    let now = desk.now().await?;
    apply_upon(&desk.store, Some(base), request, desk.shards, now).await.map_err(failure)
}

fn failure(error: ApplyError) -> Failure {
    match error {
        ApplyError::Rulebook(error) => Failure::input(error.to_string()),
        ApplyError::ProgramGone(_) => Failure::input(error.to_string()),
        ApplyError::SecondPerson { .. } => {
            Failure::input(error.to_string()).help("let somebody else read it: rapport apply --approved-by NAME")
        }
        ApplyError::Stale(_) => Failure::input(error.to_string()),
        ApplyError::Store(error) => asking("applying the files")(error),
    }
}

/// Applies files in the desk of one process. Without a second person only where no mail leaves the machine.
pub async fn by_running(desk: &Desk, texts: Texts, since: Option<Timestamp>, delivers: bool) -> Result<(), Failure> {
    let approval = if delivers { Approval::None } else { Approval::NotNeeded };
    let request = Request { texts, by: login_name(), since, approval, plan: None };
    put_into_force(desk, request).await.map(|_| ())
}

/// Whether the files of a project are those in force.
pub async fn in_force(desk: &Desk, texts: &Texts) -> Result<bool, Failure> {
    let current = desk.store.current_definition_hash().await.map_err(asking("asking for the applied files"))?;
    Ok(current == Some(files::sources(texts).hash()))
}
