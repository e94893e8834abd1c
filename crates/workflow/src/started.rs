//! What else a workflow may begin on: the triggers of those that `start:` it, which they hand on.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_event::Kind;
use rapport_rule::yaml::{self, Node, Value};
use rapport_rule::{Findings, Source};

use crate::environment::{Declared, TIMED, may_start};
use crate::model::KindPattern;

/// Triggers, as far as they can be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Triggers {
    /// Kinds of events.
    pub(crate) kinds: Vec<Kind>,
    /// What `event.kind` is of those that are no event.
    pub(crate) timed: Vec<&'static str>,
}

impl Triggers {
    /// Adds another's; whether there was anything new.
    fn add(&mut self, other: &Triggers) -> bool {
        let before = (self.kinds.len(), self.timed.len());
        for kind in &other.kinds {
            if !self.kinds.contains(kind) {
                self.kinds.push(kind.clone());
            }
        }
        for timed in &other.timed {
            if !self.timed.contains(timed) {
                self.timed.push(*timed);
            }
        }
        before != (self.kinds.len(), self.timed.len())
    }
}

/// By workflow, what others hand on to it; of files that cannot be read nothing.
pub(crate) fn handed_on<'a>(
    workflows: impl Iterator<Item = (&'a Arc<str>, &'a Source)>,
    declared: &Declared,
) -> BTreeMap<Arc<str>, Triggers> {
    let mut own: BTreeMap<Arc<str>, Triggers> = BTreeMap::new();
    let mut leads: Vec<(Arc<str>, String)> = Vec::new();
    for (id, source) in workflows.filter(|(_, source)| source.text.contains("start")) {
        let Some(node) = yaml::parse(source, &mut Findings::new()) else { continue };
        let mut started = Vec::new();
        node.get("steps").into_iter().for_each(|steps| starts(steps, &mut started));
        leads.extend(started.into_iter().map(|to| (id.clone(), to)));
        own.insert(id.clone(), triggers(&node, declared));
    }
    leads.sort_unstable();
    leads.dedup();
    let mut handed: BTreeMap<Arc<str>, Triggers> = BTreeMap::new();
    // What is handed on may be handed on again, until there is nothing new.
    let mut is_new = true;
    while is_new {
        is_new = false;
        for (from, to) in &leads {
            let further = handed.get(&**from).cloned();
            let into = handed.entry(to.as_str().into()).or_default();
            for triggers in own.get(&**from).into_iter().chain(&further) {
                is_new |= into.add(triggers);
            }
        }
    }
    handed
}

/// The workflows that steps start, wherever they stand.
fn starts(node: &Node, found: &mut Vec<String>) {
    match &node.value {
        Value::Seq(items) => items.iter().for_each(|item| starts(item, found)),
        Value::Map(entries) => {
            for (key, value) in entries {
                found.extend(value.as_str().filter(|_| key.text == "start").map(str::to_owned));
                starts(value, found);
            }
        }
        _ => {}
    }
}

fn triggers(workflow: &Node, declared: &Declared) -> Triggers {
    let mut all = Triggers::default();
    for item in workflow.get("when").map(Node::one_or_many).unwrap_or_default() {
        if let Some(band) = item.get("dropped_to").and_then(Node::as_str) {
            all.kinds.push(Kind::DroppedTo(band.into()));
        }
        all.timed.extend(TIMED.iter().filter(|(key, _)| item.get(key).is_some()).map(|(_, kind)| *kind));
        let named = item.as_str().map(|text| declared.kinds(&KindPattern(text.into()))).unwrap_or_default();
        all.kinds.extend(named.into_iter().filter(may_start));
    }
    if workflow.get("send_to").is_some() {
        all.timed.push("broadcast.due");
    }
    all
}
