//! `config/segments.yaml`: groups (exclusive, first match wins), segments (may overlap), lanes.

use std::sync::Arc;

use rapport_rule::Findings;
use rapport_rule::expr::{Condition, Environment, Scope, holds_if};
use rapport_rule::yaml::{Fields, Key, Node};

/// The window of groups by share where none is declared, days.
const SHARE_DAYS: i32 = 90;

/// All groups and segments.
#[derive(Debug, Clone, Default)]
pub struct Segments {
    /// In the order written.
    pub groups: Vec<Group>,
    /// In the order written.
    pub segments: Vec<Segment>,
}

/// A group.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// One sentence about it.
    pub about: Option<String>,
    /// Who is in it.
    pub rule: GroupRule,
    /// Which broadcasts its members get.
    pub lane: Lane,
}

/// Who belongs to a group.
#[derive(Debug, Clone)]
pub enum GroupRule {
    /// The smallest set of partners that brings this share of a programme's revenue, decided at day close.
    TopShare {
        /// Share to enter, percent.
        enter_percent: u8,
        /// Share to leave, percent: a member stays a little longer.
        leave_percent: u8,
        /// The window of `revenue_<N>d`, days.
        days: u32,
    },
    /// Who meets a condition.
    If(Condition),
    /// Everybody else.
    Else,
}

/// Which broadcasts a partner gets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Lane(pub Arc<str>);

/// A segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its name.
    pub name: Arc<str>,
    /// One sentence about it.
    pub about: Option<String>,
    /// Who belongs to it.
    pub condition: Condition,
}

impl Segments {
    /// The group of a partner: the first that matches. `is_top` says whether the partner is in a group by share, as
    /// decided at the last day close.
    pub fn group_of(&self, scope: &dyn Scope, is_top: impl Fn(&str) -> bool) -> Option<&Group> {
        self.groups.iter().find(|group| match &group.rule {
            GroupRule::TopShare { .. } => is_top(&group.name),
            GroupRule::If(condition) => holds_if(Some(condition), scope),
            GroupRule::Else => true,
        })
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| *group.name == *name)
    }

    /// The days of revenue by which groups by share compare partners: those of the first, all name the same.
    #[must_use]
    pub fn share_days(&self) -> i32 {
        let days = self.groups.iter().find_map(|group| match group.rule {
            GroupRule::TopShare { days, .. } => Some(days),
            GroupRule::If(_) | GroupRule::Else => None,
        });
        days.and_then(|days| i32::try_from(days).ok()).unwrap_or(SHARE_DAYS)
    }

    /// The segment of this name.
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|segment| *segment.name == *name)
    }
}

/// The names alone, known before any condition is compiled.
pub(crate) struct Names {
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) lanes: Vec<Arc<str>>,
    pub(crate) segments: Vec<Arc<str>>,
}

pub(crate) fn names(node: Option<&Node>) -> Names {
    let keys = |section: &str| -> Vec<Arc<str>> {
        let entries = node.and_then(|node| node.get(section)).and_then(Node::as_map).unwrap_or_default();
        entries.iter().map(|(key, _)| Arc::from(key.text.as_str())).collect()
    };
    let groups = node.and_then(|node| node.get("groups")).and_then(Node::as_map).unwrap_or_default();
    let mut lanes: Vec<Arc<str>> =
        groups.iter().filter_map(|(_, group)| group.get("lane").and_then(Node::as_str)).map(Arc::from).collect();
    lanes.sort();
    lanes.dedup();
    Names { groups: keys("groups"), lanes, segments: keys("segments") }
}

pub(crate) fn read(node: &Node, path: &str, env: &dyn Environment, findings: &mut Findings) -> Segments {
    let mut all = Segments::default();
    let Some(fields) = Fields::of(node, path, findings) else { return all };
    let groups = fields.take("groups").and_then(|node| node.map(path, findings)).unwrap_or_default();
    for (at, (key, value)) in groups.iter().enumerate() {
        let Some(group) = group(key, value, path, env, findings) else { continue };
        if matches!(group.rule, GroupRule::Else) && at + 1 < groups.len() {
            findings
                .error("R0530", path, key.span, format!("no partner ever reaches the groups after `{}`", key.text))
                .label("`else` is the last group");
        }
        all.groups.push(group);
    }
    let days = all.share_days();
    let other = |group: &Group| match group.rule {
        GroupRule::TopShare { days: own, .. } => i32::try_from(own) != Ok(days),
        GroupRule::If(_) | GroupRule::Else => false,
    };
    if let Some(group) = all.groups.iter().find(|group| other(group)) {
        let span = groups.iter().find(|(key, _)| *key.text == *group.name).map_or(node.span, |(key, _)| key.span);
        findings
            .error("R0533", path, span, format!("group `{}` compares other days than the group before it", group.name))
            .hint(format!("All groups by share compare the same window: write `revenue_{days}d` here too."));
    }
    if let (Some((last, _)), false) =
        (groups.last(), all.groups.iter().any(|group| matches!(group.rule, GroupRule::Else)))
    {
        findings
            .error("R0531", path, last.span, "some partners are in no group")
            .hint("End with a group `{ else: true }`.");
    }
    for (key, value) in fields.take("segments").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        if let Some(segment) = segment(key, value, path, env, findings) {
            all.segments.push(segment);
        }
    }
    fields.finish(&[], findings);
    all
}

fn group(key: &Key, node: &Node, path: &str, env: &dyn Environment, findings: &mut Findings) -> Option<Group> {
    let fields = Fields::of(node, path, findings)?;
    let about = fields.take("about").and_then(|node| node.text(path, findings)).map(str::to_owned);
    let lane = fields.require("lane", findings).and_then(|node| node.text(path, findings));
    let (share, condition, rest) = (fields.take("top_share"), fields.take("if"), fields.take("else"));
    let leave = fields.take("leave_at");
    let unless = fields.take("unless");
    if let (Some(unless), None) = (unless, condition) {
        findings
            .error("R0104", path, unless.span, "`unless` of a group belongs to `if`")
            .label("write `if: [{ not: … }]`");
    }
    if let (Some(leave), None) = (leave, share) {
        findings.error("R0104", path, leave.span, "`leave_at` belongs to `top_share`");
    }
    let given = [share.is_some(), condition.is_some(), rest.is_some()].iter().filter(|given| **given).count();
    if given != 1 {
        findings
            .error("R0532", path, key.span, format!("group `{}` needs one rule", key.text))
            .label("one of `top_share`, `if` and `else`");
    }
    let rule = match (share, condition, rest) {
        (Some(share), _, _) => top_share(share, leave, path, findings),
        (None, Some(condition), _) => {
            let condition = Condition::from_node(condition, path, env, findings);
            match unless {
                None => condition.map(GroupRule::If),
                Some(unless) => {
                    // Not known is neither: who may be excepted is not in it.
                    let unless = Condition::from_node(unless, path, env, findings);
                    let both = condition.zip(unless);
                    both.map(|(wanted, unless)| {
                        GroupRule::If(Condition::All(vec![wanted, Condition::Not(unless.into())]))
                    })
                }
            }
        }
        (None, None, Some(rest)) => rest.bool(path, findings).map(|_| GroupRule::Else),
        (None, None, None) => None,
    };
    fields.finish(&[], findings);
    (given == 1).then_some(())?;
    Some(Group { name: key.text.as_str().into(), about, rule: rule?, lane: Lane(lane?.into()) })
}

/// `80% of revenue_90d`.
fn top_share(node: &Node, leave: Option<&Node>, path: &str, findings: &mut Findings) -> Option<GroupRule> {
    let text = node.text(path, findings)?;
    let parsed = text.split_once(" of ").and_then(|(share, figure)| {
        let percent = rapport_rule::percent::parse(share).ok()?;
        let days = figure.trim().strip_prefix("revenue_")?.strip_suffix('d')?.parse().ok()?;
        Some((percent, days))
    });
    let Some((enter, days)) = parsed.filter(|(enter, days)| *enter >= 1.0 && (1..=365).contains(days)) else {
        findings.error("R0533", path, node.span, format!("`{text}` is no share")).label("write `80% of revenue_90d`");
        return None;
    };
    let leave_at = match leave {
        Some(node) => node.percent(path, findings)?,
        None => enter,
    };
    if let Some(node) = leave.filter(|_| leave_at < enter) {
        findings
            .error("R0533", path, node.span, "`leave_at` is below the share to enter")
            .label("who enters would leave at once; write the same share or more");
        return None;
    }
    if enter.fract() != 0.0 || leave_at.fract() != 0.0 {
        findings.error("R0533", path, node.span, "a share is whole percents").label("write `80% of revenue_90d`");
        return None;
    }
    let whole = |percent: f64| percent.clamp(0.0, 100.0) as u8;
    Some(GroupRule::TopShare { enter_percent: whole(enter), leave_percent: whole(leave_at), days })
}

fn segment(key: &Key, node: &Node, path: &str, env: &dyn Environment, findings: &mut Findings) -> Option<Segment> {
    let fields = Fields::of(node, path, findings)?;
    let about = fields.take("about").and_then(|node| node.text(path, findings)).map(str::to_owned);
    let condition = fields.require("if", findings).and_then(|node| Condition::from_node(node, path, env, findings));
    fields.finish(&[], findings);
    Some(Segment { name: key.text.as_str().into(), about, condition: condition? })
}
