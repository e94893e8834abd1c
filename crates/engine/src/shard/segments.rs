//! Groups and segments of one partner: who belongs now, and what changed since the last look.

use std::collections::BTreeMap;

use rapport_partner::PartnerState;
use rapport_rule::expr::{Clause, Scope};
use rapport_workflow::config::{Group, GroupRule, Segment};

use super::facts::{Bare, PartnerFacts, marks};

/// The kind of the rows that keep who was in which segment, and when.
pub const MEMBER: &str = "segment.member";

/// What changed of a partner's memberships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Segments the partner belongs to since now.
    pub entered: Vec<String>,
    /// Segments the partner no longer belongs to, with the moment of entry in epoch milliseconds.
    pub left: Vec<(String, i64)>,
    /// The group before, and the one now with its lane.
    pub group: Option<(Option<String>, String, String)>,
    /// The memberships to keep.
    pub kept: Vec<u8>,
}

/// The memberships as kept with the partner: every segment looked at, and since when the partner belongs to it, in epoch
/// milliseconds.
#[must_use]
pub fn kept(state: &PartnerState) -> BTreeMap<String, Option<i64>> {
    state.mark(marks::SEGMENTS).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or_default()
}

/// Whether a partner belongs to a segment now. A clause that is not known (`?`) does not make a member.
#[must_use]
pub fn belongs(facts: &PartnerFacts<'_>, segment: &Segment) -> bool {
    segment.condition.judge(&Bare(facts)).is_true()
}

/// What changed since the last look; `None` when nothing did. Who belongs to a segment when it is first looked at belongs to it
/// since then.
#[must_use]
pub fn changes(facts: &PartnerFacts<'_>) -> Option<Changes> {
    let declared = &facts.rulebook.segments;
    let mut changes = Changes::default();
    let group = facts.group();
    let before = facts.state.group.as_deref();
    if let Some(group) = group.filter(|group| before != Some(&*group.name)) {
        changes.group = Some((before.map(str::to_owned), group.name.to_string(), group.lane.0.to_string()));
    }
    let known = kept(facts.state);
    let mut now: BTreeMap<String, Option<i64>> = BTreeMap::new();
    for segment in &declared.segments {
        let name = segment.name.to_string();
        let since = known.get(&name).copied().flatten();
        let since = match (belongs(facts, segment), since) {
            (true, None) => {
                changes.entered.push(name.clone());
                Some(facts.now.as_millisecond())
            }
            (false, Some(since)) => {
                changes.left.push((name.clone(), since));
                None
            }
            (_, unchanged) => unchanged,
        };
        now.insert(name, since);
    }
    // A segment no longer declared is left by those who were in it.
    let gone = known.iter().filter(|(name, _)| !now.contains_key(*name));
    changes.left.extend(gone.filter_map(|(name, since)| Some((name.clone(), (*since)?))));
    if changes.group.is_none() && now == known {
        return None;
    }
    changes.kept = if now.is_empty() { Vec::new() } else { serde_json::to_vec(&now).unwrap_or_default() };
    Some(changes)
}

/// Why a partner is or is not in a group, clause by clause.
#[must_use]
pub fn explain_group(facts: &PartnerFacts<'_>, group: &Group) -> Vec<Clause> {
    match &group.rule {
        GroupRule::If(condition) => condition.explain(&Bare(facts) as &dyn Scope),
        GroupRule::TopShare { .. } | GroupRule::Else => Vec::new(),
    }
}

/// Why a partner does or does not belong to a segment, clause by clause.
#[must_use]
pub fn explain_segment(facts: &PartnerFacts<'_>, segment: &Segment) -> Vec<Clause> {
    segment.condition.explain(&Bare(facts))
}
