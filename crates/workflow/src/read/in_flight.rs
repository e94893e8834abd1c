//! What becomes of journeys inside when another version comes into force.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, suggest::nearest};

use super::Reader;
use crate::model::{InFlight, Step, WorkflowId};

/// `in_flight:` with `migrate:`.
pub(super) fn read(fields: &Fields<'_>, steps: &[Step], path: &str, findings: &mut Findings) -> Option<InFlight> {
    let written = fields.take("in_flight");
    let map = fields.take("migrate");
    let choice = match written {
        Some(node) => node.one_of(&["finish", "migrate", "stop"], path, findings)?,
        None => 0,
    };
    if let (Some(map), false) = (map, choice == 1) {
        findings
            .error("R0327", path, map.span, "`migrate` says where journeys go on, but they do not")
            .label("write `in_flight: migrate` beside it");
        return None;
    }
    match choice {
        1 => moves(map, steps, path, findings).map(InFlight::Migrate),
        2 => Some(InFlight::Stop),
        _ => Some(InFlight::Finish),
    }
}

/// `migrate: { old-step: new-step }`. The old ones belong to what runs: `rapport plan` shows who is at which.
fn moves(
    map: Option<&Node>,
    steps: &[Step],
    path: &str,
    findings: &mut Findings,
) -> Option<BTreeMap<Arc<str>, Arc<str>>> {
    let mut moves = BTreeMap::new();
    let Some(map) = map else { return Some(moves) };
    let before = findings.errors();
    let Some(entries) = map.as_map() else {
        findings
            .error("R0327", path, map.span, "`migrate` pairs steps of the old version with steps of this one")
            .label("write `migrate: { old-step: new-step }`");
        return None;
    };
    for (old, new) in entries {
        let Some(text) = new.text(path, findings) else { continue };
        if steps.iter().any(|step| *step.id == *text) {
            moves.insert(old.text.as_str().into(), text.into());
            continue;
        }
        let ids = || steps.iter().map(|step| &*step.id);
        // Steps that could not be read are findings of their own.
        if !steps.is_empty() {
            findings
                .error("R0327", path, new.text_span(), format!("this version has no step `{text}`"))
                .did_you_mean(nearest(text, ids()))
                .hint(format!("Steps: {}.", rapport_rule::suggest::listed(ids(), 12)));
        }
    }
    (findings.errors() == before).then_some(moves)
}

/// `was:`, the folder's name before it was renamed.
pub(super) fn was(node: &Node, reader: &Reader<'_>, findings: &mut Findings) -> Option<WorkflowId> {
    let path = reader.path();
    let text = node.text(path, findings)?;
    if !rapport_rule::yaml::is_name(text) || *text == **reader.id {
        findings
            .error("R0328", path, node.text_span(), format!("`{text}` cannot be the name this folder had before"))
            .label("write the old folder's name");
        return None;
    }
    if reader.catalogue.workflows.iter().any(|id| **id == *text) {
        findings
            .error("R0328", path, node.text_span(), format!("the workflow `{text}` is still there"))
            .label("`was` is for a folder that was renamed");
        return None;
    }
    Some(text.into())
}
