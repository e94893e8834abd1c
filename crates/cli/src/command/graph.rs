//! `rapport graph`.

use std::path::PathBuf;

use rapport_journey::Journey;
use rapport_store::SqlStore;
use rapport_workflow::graph::{self, Inside};
use rapport_workflow::{Rulebook, Workflow};

use super::no_workflow;
use super::test::sound_rulebook;
use crate::command_line::{Global, GraphFormat};
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::picture::Picture;
use crate::printed;
use crate::settings::Settings;

/// Journeys read at once.
const PAGE: i64 = 5_000;

/// Prints the picture of a workflow, or writes it into a file; with `live` that of the one in force, and who is where.
pub async fn run(
    global: &Global,
    id: &str,
    format: GraphFormat,
    live: bool,
    out: Option<&PathBuf>,
) -> Result<u8, Failure> {
    let text = if live {
        let store = open_store(&Settings::load(global)?).await?;
        let applied = Picture::of(&store).await?.applied;
        let workflow = named(&applied.rulebook, id)?;
        drawn(workflow, format, &counted(store, workflow).await?)
    } else {
        drawn(named(&sound_rulebook(global)?, id)?, format, &Inside::new())
    };
    match out {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?,
        None => printed::line(text.trim_end()),
    }
    Ok(exit::OK)
}

fn named<'r>(rulebook: &'r Rulebook, id: &str) -> Result<&'r Workflow, Failure> {
    let known = || rulebook.workflows.iter().map(|workflow| &*workflow.id);
    rulebook.workflow(id).map(|workflow| &**workflow).ok_or_else(|| no_workflow::named(id, known()))
}

fn drawn(workflow: &Workflow, format: GraphFormat, inside: &Inside) -> String {
    match format {
        GraphFormat::Mermaid => graph::mermaid(workflow, inside),
        GraphFormat::Dot => graph::dot(workflow, inside),
        GraphFormat::Svg => graph::svg(workflow, inside),
    }
}

/// How many are at each step; those at steps the version in force does not have are told beside the picture.
async fn counted(store: SqlStore, workflow: &Workflow) -> Result<Inside, Failure> {
    let mut inside: Inside = workflow.steps.iter().map(|step| (step.id.to_string(), 0)).collect();
    let (mut after, mut elsewhere) = (String::new(), 0);
    loop {
        let page = store.open_journeys(&workflow.id, &after, PAGE).await.doing("reading who is inside")?;
        let Some((last, _)) = page.last() else { break };
        after = last.clone();
        for (_, body) in &page {
            let journey: Option<Journey> = serde_json::from_str(body).ok();
            let step = journey.as_ref().and_then(Journey::step);
            match step.and_then(|step| inside.get_mut(step)) {
                Some(people) => *people += 1,
                None => elsewhere += 1,
            }
        }
    }
    store.close().await;
    if elsewhere > 0 {
        let what = printed::count(elsewhere, "journey");
        printed::aside(format!("{what} of older versions stand at steps that are no more"));
    }
    // A step nobody stands at needs no number.
    inside.retain(|_, people| *people > 0);
    Ok(inside)
}
