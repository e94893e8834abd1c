//! `rapport graph`.

use std::path::PathBuf;

use rapport_rule::suggest::nearest;
use rapport_workflow::graph;

use super::test::sound_rulebook;
use crate::command_line::{Global, GraphFormat};
use crate::exit::{self, Failure};
use crate::printed;

/// Prints the picture of a workflow, or writes it into a file.
pub fn run(global: &Global, id: &str, format: GraphFormat, out: Option<&PathBuf>) -> Result<u8, Failure> {
    let rulebook = sound_rulebook(global)?;
    let workflow = rulebook.workflow(id).ok_or_else(|| {
        let known = rulebook.workflows.iter().map(|workflow| &*workflow.id);
        let near = nearest(id, known).map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
        Failure::input(format!("there is no workflow `{id}`")).help(near)
    })?;
    let text = match format {
        GraphFormat::Mermaid => graph::mermaid(workflow),
        GraphFormat::Dot => graph::dot(workflow),
        GraphFormat::Svg => graph::svg(workflow),
    };
    match out {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?,
        None => printed::line(text.trim_end()),
    }
    Ok(exit::OK)
}
