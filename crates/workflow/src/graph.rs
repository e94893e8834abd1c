//! A workflow as a picture: Mermaid, DOT, SVG. Steps in the order of the file, ways between them by name.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{MailName, Step, Verb, Workflow};

/// A way from a step to another; `None` is the end.
pub(crate) struct Way {
    pub(crate) from: usize,
    pub(crate) to: Option<usize>,
    label: String,
}

/// How many are at a step now, by its id; empty where nobody counted.
pub type Inside = BTreeMap<String, u64>;

/// What a step is, in a few words.
fn words(step: &Step) -> String {
    let what = match &step.verb {
        Verb::Email(email) => match &email.mail {
            MailName::Fixed(name) => format!("✉ {name}"),
            MailName::Templated(template) => format!("✉ {}", template.source()),
            MailName::Issue => "✉ newest issue".to_owned(),
        },
        Verb::Choose { arms, .. } if arms.len() > 1 => "choose".to_owned(),
        Verb::Task(task) => format!("☐ {}", task.text.source()),
        Verb::Call(call) => format!("⇢ {} {}", call.kind.code(), call.hook),
        Verb::Award(honour) => format!("★ {}", honour.award),
        Verb::OpenCase(case) => format!("⚑ {}", case.objective.source()),
        _ => step.id.to_string(),
    };
    let guard = match (&step.if_, &step.unless) {
        (Some(condition), _) => format!(" (if {condition})"),
        (None, Some(condition)) => format!(" (unless {condition})"),
        (None, None) => String::new(),
    };
    what + &guard
}

/// How many are at a step, to stand behind its words.
fn here(step: &Step, inside: &Inside) -> String {
    inside.get(&*step.id).map(|people| format!(" · {people} here")).unwrap_or_default()
}

/// A step's words, and how many are there.
fn text(step: &Step, inside: &Inside) -> String {
    words(step) + &here(step, inside)
}

/// Every way from a step to the next.
pub(crate) fn ways(workflow: &Workflow) -> Vec<Way> {
    let mut ways = Vec::new();
    for (from, step) in workflow.steps.iter().enumerate() {
        let mut way = |to: Option<usize>, label: &str| ways.push(Way { from, to, label: label.to_owned() });
        match &step.verb {
            Verb::Choose { arms, otherwise } => {
                for arm in arms {
                    let label = match (&arm.if_, &arm.unless) {
                        (Some(condition), _) if arms.len() > 1 => condition.to_string(),
                        (_, Some(condition)) if arms.len() > 1 => format!("not {condition}"),
                        _ => "yes".to_owned(),
                    };
                    way(arm.then, &label);
                }
                way(*otherwise, if arms.len() > 1 { "else" } else { "no" });
            }
            Verb::Split(shares) => {
                shares.iter().for_each(|share| way(share.then, &format!("{} {}%", share.name, share.percent)))
            }
            Verb::WaitFor(wait) => {
                way(wait.then, "it came");
                way(wait.otherwise, "too late");
            }
            Verb::Email(email) if email.has_if_not_sent => {
                way(step.next, "sent");
                way(email.if_not_sent, "not sent");
            }
            Verb::Exit { .. } => {}
            _ => way(step.next, ""),
        }
    }
    ways
}

/// The graph in Mermaid, as Markdown viewers show it.
pub fn mermaid(workflow: &Workflow, inside: &Inside) -> String {
    let quoted = |text: &str| text.replace('"', "#quot;").replace('\n', " ");
    let mut out = String::from("flowchart TD\n");
    let begin: Vec<&str> = workflow.when.iter().map(|kind| &*kind.0).collect();
    let _ = writeln!(out, "  start([\"{}\"]) --> s0", quoted(&begins(workflow, &begin)));
    for (index, step) in workflow.steps.iter().enumerate() {
        let (open, close) = match &step.verb {
            Verb::Choose { .. } | Verb::Split(_) => ("{", "}"),
            Verb::Wait(_) | Verb::WaitFor(_) => ("([", "])"),
            _ => ("[", "]"),
        };
        let _ = writeln!(out, "  s{index}{open}\"{}\"{close}", quoted(&text(step, inside)));
    }
    for way in ways(workflow) {
        let to = way.to.map_or("done".to_owned(), |to| format!("s{to}"));
        let label = if way.label.is_empty() { String::new() } else { format!("|\"{}\"|", quoted(&way.label)) };
        let _ = writeln!(out, "  s{} -->{label} {to}", way.from);
    }
    out.push_str("  done((end))\n");
    out
}

/// The graph in DOT, for Graphviz.
pub fn dot(workflow: &Workflow, inside: &Inside) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
    let mut out = format!("digraph \"{}\" {{\n  node [shape=box, fontname=\"sans-serif\"];\n", quoted(&workflow.id));
    let begin: Vec<&str> = workflow.when.iter().map(|kind| &*kind.0).collect();
    let _ = writeln!(out, "  start [shape=oval, label=\"{}\"];\n  start -> s0;", quoted(&begins(workflow, &begin)));
    for (index, step) in workflow.steps.iter().enumerate() {
        let shape = match &step.verb {
            Verb::Choose { .. } | Verb::Split(_) => ", shape=diamond",
            Verb::Wait(_) | Verb::WaitFor(_) => ", shape=oval",
            _ => "",
        };
        let _ = writeln!(out, "  s{index} [label=\"{}\"{shape}];", quoted(&text(step, inside)));
    }
    for way in ways(workflow) {
        let to = way.to.map_or("done".to_owned(), |to| format!("s{to}"));
        let _ = writeln!(out, "  s{} -> {to} [label=\"{}\"];", way.from, quoted(&way.label));
    }
    out.push_str("  done [shape=circle, label=\"end\"];\n}\n");
    out
}

const ROW: usize = 74;
const COLUMN: usize = 330;
const WIDTH: usize = 290;
const HEIGHT: usize = 40;
/// So many characters a box has room for.
const ROOM: usize = 42;

/// The graph as SVG, complete in itself.
pub fn svg(workflow: &Workflow, inside: &Inside) -> String {
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let cut = |text: &str, most: usize| -> String {
        if text.chars().count() <= most {
            text.to_owned()
        } else {
            text.chars().take(most - 1).chain(['…']).collect()
        }
    };
    let ways = ways(workflow);
    // A step stands one column to the right of what it branches from; the first way keeps the column.
    let mut columns = vec![0_usize; workflow.steps.len()];
    let mut placed = vec![false; workflow.steps.len()];
    for (index, _) in workflow.steps.iter().enumerate() {
        let here = columns.get(index).copied().unwrap_or_default();
        let leaving: Vec<&Way> = ways.iter().filter(|way| way.from == index).collect();
        for (place, way) in leaving.iter().enumerate() {
            let Some(to) = way.to else { continue };
            let column = if leaving.len() > 1 && place + 1 < leaving.len() { here + 1 } else { here };
            if let (Some(slot), Some(placed)) = (columns.get_mut(to), placed.get_mut(to)) {
                *slot = if *placed { (*slot).min(column) } else { column };
                *placed = true;
            }
        }
    }
    let rows = workflow.steps.len() + 2;
    let width = (columns.iter().max().copied().unwrap_or(0) + 1) * COLUMN + 60;
    let height = rows * ROW + 20;
    let place = |row: usize, column: usize| (20 + column * COLUMN, 10 + row * ROW);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"{}\">\n\
         <defs><marker id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\"/></marker></defs>\n",
        escaped(&workflow.title)
    );
    let mut arrow = |from: (usize, usize), to: (usize, usize), label: &str| {
        let (x, y) = (from.0 + WIDTH / 2, from.1 + HEIGHT);
        let (tx, ty) = (to.0 + WIDTH / 2, to.1);
        let _ = writeln!(
            out,
            "<path d=\"M{x},{y} C{x},{} {tx},{} {tx},{ty}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#a)\"/>",
            y + 20,
            ty.saturating_sub(20)
        );
        if !label.is_empty() {
            let (lx, ly) = (usize::midpoint(x, tx) + 6, y + 17);
            let _ = writeln!(
                out,
                "<text x=\"{lx}\" y=\"{ly}\" fill=\"#555\" font-size=\"11\">{}</text>",
                escaped(&cut(label, 40))
            );
        }
    };
    arrow(place(0, 0), place(1, 0), "");
    for way in &ways {
        let column = |index: usize| columns.get(index).copied().unwrap_or_default();
        let to = way.to.map_or(place(rows - 1, 0), |to| place(to + 1, column(to)));
        arrow(place(way.from + 1, column(way.from)), to, &way.label);
    }
    let mut node = |at: (usize, usize), text: &str, here: &str, round: usize, fill: &str| {
        let (x, y) = at;
        // The words give way: how many are here is what the picture was asked for.
        let room = ROOM.saturating_sub(here.chars().count()).max(1);
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"{round}\" fill=\"{fill}\" stroke=\"#333\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
            escaped(&format!("{text}{here}")),
            x + WIDTH / 2,
            y + 25,
            escaped(&(cut(text, room) + here))
        );
    };
    let begin: Vec<&str> = workflow.when.iter().map(|kind| &*kind.0).collect();
    node(place(0, 0), &begins(workflow, &begin), "", 20, "#e8f0fe");
    for (index, step) in workflow.steps.iter().enumerate() {
        let (round, fill) = match &step.verb {
            Verb::Choose { .. } | Verb::Split(_) => (2, "#fff3cd"),
            Verb::Wait(_) | Verb::WaitFor(_) => (20, "#f1f3f4"),
            Verb::Email(_) => (6, "#e6f4ea"),
            _ => (6, "#ffffff"),
        };
        let at = place(index + 1, columns.get(index).copied().unwrap_or_default());
        node(at, &words(step), &here(step, inside), round, fill);
    }
    node(place(rows - 1, 0), "end", "", 20, "#e8f0fe");
    out.push_str("</svg>\n");
    out
}

fn begins(workflow: &Workflow, kinds: &[&str]) -> String {
    let timed = workflow.timed.len();
    match (kinds.is_empty(), timed) {
        (false, 0) => format!("when {}", kinds.join(", ")),
        (false, _) => format!("when {}, and by time", kinds.join(", ")),
        (true, _) => "when its time comes".to_owned(),
    }
}
