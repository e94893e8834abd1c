//! `rapport apply`, and what `run` does with changed files in the embedded layout.

use std::path::Path;

use jiff::Timestamp;
use rapport_engine::apply::{ApplyError, Outcome, Request, apply};
use rapport_rule::finding::render::human_all;

use super::{instant, login_name};
use crate::command_line::{ClockKind, Global};
use crate::exit::{self, Doing, Failure};
use crate::files::{self, Texts};
use crate::layout::Layout;
use crate::settings::Settings;
use crate::{printed, telemetry};

/// Checks, then applies. Errors in the files: exit code 2, nothing is changed.
pub async fn run(global: &Global, since: Option<&str>, by: Option<String>) -> Result<u8, Failure> {
    let since = since.map(instant).transpose()?;
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let texts = checked(&folder)?;
    let settings = Settings::load(global)?;
    telemetry::begin(global, settings.log_format, None, true);
    let layout = Layout::open(&settings, ClockKind::Live).await?;
    let outcome = put_into_force(&layout, texts, since, by.unwrap_or_else(login_name)).await;
    layout.close().await;
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
        eprint!("{}", human_all(&findings, &sources));
    }
    if findings.has_errors() {
        eprintln!("nothing was changed");
        return Err(Failure::said(exit::BAD_INPUT));
    }
    Ok(texts)
}

/// Applies files that were checked.
pub async fn put_into_force(
    layout: &Layout,
    texts: Texts,
    since: Option<Timestamp>,
    by: String,
) -> Result<Outcome, Failure> {
    // In a replay the present is what is replayed; before its first step nothing is older than the files.
    let now = match layout.store.replay_present().await.doing("asking for the present")? {
        Some(present) => present,
        None => layout.store.server_time().await.doing("asking for the present")?,
    };
    let request = Request { texts, by, since };
    apply(&layout.store, request, layout.shards, now).await.map_err(|error| match error {
        ApplyError::Rulebook(error) => Failure::input(error.to_string()),
        ApplyError::ProgramGone(_) => Failure::input(error.to_string()),
        ApplyError::Store(error) => Failure::new(error.to_string()),
    })
}

/// Whether the files of a project are those in force.
pub async fn in_force(layout: &Layout, texts: &Texts) -> Result<bool, Failure> {
    let current = layout.store.current_definition_hash().await.doing("asking for the applied files")?;
    Ok(current == Some(files::sources(texts).hash()))
}
