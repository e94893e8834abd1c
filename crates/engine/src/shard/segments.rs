//! Groups and segments of one partner: who belongs now, and what changed since the last look.

use std::{collections::BTreeMap, sync::Arc};

use rapport_partner::PartnerState;
use rapport_rule::expr::{Clause, Scope};
use rapport_workflow::config::{Group, GroupRule, Segment};

use super::facts::{Asked, Bare, PartnerFacts, marks};

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
    let declared = &facts.rulebook.segments.segments;
    let asked = Asked::of(facts);
    let before = facts.state.group.as_deref();
    let group = asked.group().filter(|group| before != Some(&*group.name));
    let known: Arc<BTreeMap<String, Option<i64>>> = facts.state.mark_as(marks::SEGMENTS).unwrap_or_default();
    let since = |segment: &Segment| {
        let before = known.get(&*segment.name).copied().flatten();
        // A clause that is not known (`?`) does not make a member.
        segment.condition.judge(&asked).is_true().then(|| before.unwrap_or(facts.now.as_millisecond()))
    };
    let now: Vec<(&str, Option<i64>)> = declared.iter().map(|segment| (&*segment.name, since(segment))).collect();
    let is_known = |(name, since): &(&str, Option<i64>)| known.get(*name) == Some(since);
    // Nearly every look ends here.
    if group.is_none() && now.len() == known.len() && now.iter().all(is_known) {
        return None;
    }
    let group = group.map(|group| (before.map(str::to_owned), group.name.to_string(), group.lane.0.to_string()));
    let mut changes = Changes { group, ..Changes::default() };
    for (name, since) in &now {
        match (since, known.get(*name).copied().flatten()) {
            (Some(_), None) => changes.entered.push((*name).to_owned()),
            (None, Some(since)) => changes.left.push(((*name).to_owned(), since)),
            _ => {}
        }
    }
    let now: BTreeMap<String, Option<i64>> = now.into_iter().map(|(name, since)| (name.to_owned(), since)).collect();
    // A segment no longer declared is left by those who were in it.
    let gone = known.iter().filter(|(name, _)| !now.contains_key(*name));
    changes.left.extend(gone.filter_map(|(name, since)| Some((name.clone(), (*since)?))));
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
