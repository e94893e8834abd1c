//! `rapport feeds pull --apply`: into the files in force go the items that were pulled, and nothing else of the folder.
//!
//! A timer runs it, and nobody reads along. What somebody is editing in the folder, or a checkout that is behind, has to wait for
//! `rapport apply`.

use std::collections::BTreeMap;

use rapport_engine::apply::{Approval, Outcome, Request};
use rapport_engine::rulebooks::{self, Applied, RulebookError};
use rapport_workflow::config::pulled_file;

use crate::command::{apply, login_name, quiet};
use crate::command_line::Global;
use crate::desk::{Desk, Missing, asking, reading};
use crate::exit::{Doing, Failure};
use crate::files::{self, Texts};
use crate::printed::{aside, line};

/// Puts pulled files, by the name of their feed, in the place of those in force. `folder` is what the project held before. Whether
/// all of them could be.
pub async fn put(global: &Global, folder: Texts, pulled: &Texts, by: Option<String>) -> Result<bool, Failure> {
    let settings = quiet(global)?;
    let desk = Desk::open_or(&settings, Missing::Tell).await?;
    let done = upon(&desk, folder, pulled, by.unwrap_or_else(login_name)).await;
    desk.close().await;
    done
}

async fn upon(desk: &Desk, mut folder: Texts, pulled: &Texts, by: String) -> Result<bool, Failure> {
    let base = desk.store.current_definition().await.map_err(asking("asking for the applied files"))?;
    let Some(base) = base else {
        return Err(Failure::new("nothing is applied yet that these items could go into").help("run `rapport apply`"));
    };
    let known = rulebooks::compile(&base).map_err(reading("reading the files in force"))?;
    let mut texts: Texts = serde_json::from_str(&base.sources).doing("reading the files in force")?;
    let mut taken = Vec::new();
    for (id, text) in pulled {
        let file = pulled_file(id);
        folder.insert(file.clone(), text.clone());
        let why = match known.rulebook.feeds.get(id.as_str()) {
            Some(feed) if feed.origin.is_some() => {
                let mut with = texts.clone();
                with.insert(file, text.clone());
                match Applied::compile("", with.clone(), BTreeMap::new()) {
                    Ok(_) => {
                        texts = with;
                        taken.push(id.as_str());
                        continue;
                    }
                    Err(RulebookError::Broken { first, .. }) => {
                        format!("its items do not fit what is in force of config/feeds.yaml: {first}")
                    }
                    Err(RulebookError::Store(error)) => return Err(asking("reading the files in force")(error)),
                }
            }
            _ => "no such feed is in force, or one whose items are written by hand".to_owned(),
        };
        aside(format!("error: {id}: {why}\n  help: look at `rapport plan`, then run `rapport apply`"));
    }
    if taken.is_empty() {
        return Ok(false);
    }
    let others_differ = files::sources(&folder).hash() != files::sources(&texts).hash();
    let request = Request { texts, by, since: None, approval: Approval::None, plan: None };
    match apply::put_upon(desk, base, request).await? {
        Outcome::Unchanged => line("these items are in force already; nothing was changed"),
        Outcome::Applied { hash, .. } => {
            let short = hash.get(..12).unwrap_or(&hash);
            line(format!("applied {short}: items of {}, in force from each shard's next record on", taken.join(", ")));
        }
    }
    if others_differ && taken.len() == pulled.len() {
        aside("what else differs in this folder is not in force: see `rapport plan`");
    }
    Ok(taken.len() == pulled.len())
}
