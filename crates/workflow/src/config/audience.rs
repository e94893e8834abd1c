//! `for:`: whose goal it is, who may have an offer, to whom a resource is shown.

use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::Node;

/// `for:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// All partners.
    Everyone,
    /// The members of a group.
    Group(Arc<str>),
    /// The members of a segment.
    Segment(Arc<str>),
}

/// The groups and segments there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sets<'a> {
    pub(crate) groups: &'a [Arc<str>],
    pub(crate) segments: &'a [Arc<str>],
}

/// `everyone`, `group core` or `segment never_sold`.
pub(super) fn read(node: &Node, path: &str, sets: Sets<'_>, findings: &mut Findings) -> Option<Audience> {
    let text = node.text(path, findings)?;
    let (what, name) = text.split_once(' ').unwrap_or((text, ""));
    if !matches!(what, "everyone" | "group" | "segment") || (what == "everyone") != name.is_empty() {
        findings
            .error("R0516", path, node.span, format!("`{text}` is nobody"))
            .label("write `everyone`, `group core` or `segment never_sold`");
        return None;
    }
    of(what, name.trim(), node, path, sets, findings)
}

/// The same where a segment is what is mostly meant: its name alone will do. Everyone, when nothing is written.
pub(super) fn entitled(node: Option<&Node>, path: &str, sets: Sets<'_>, findings: &mut Findings) -> Option<Audience> {
    let Some(node) = node else { return Some(Audience::Everyone) };
    let text = node.text(path, findings)?;
    match text.split_once(' ') {
        None if text != "everyone" => of("segment", text, node, path, sets, findings),
        _ => read(node, path, sets, findings),
    }
}

fn of(what: &str, name: &str, node: &Node, path: &str, sets: Sets<'_>, findings: &mut Findings) -> Option<Audience> {
    let known = match what {
        "group" => sets.groups,
        "segment" => sets.segments,
        _ => return Some(Audience::Everyone),
    };
    let found = known.iter().find(|known| ***known == *name).cloned();
    if found.is_none() {
        findings
            .error("R0516", path, node.span, format!("there is no {what} `{name}`"))
            .did_you_mean(nearest(name, known.iter().map(|known| &**known)));
    }
    found.map(if what == "group" { Audience::Group } else { Audience::Segment })
}
