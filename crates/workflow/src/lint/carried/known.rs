//! What is known of a partner who is followed round a circle, and what conditions say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_rule::expr::{Condition, Expr, Scope, Truth, Value};

use crate::config::Segments;
use crate::figures;
use crate::received::RECEIVED;

/// The name of the tags in conditions.
pub(super) const TAGS: &str = "partner.tags";
/// The status of whoever is followed: workflows for others are not met.
pub(super) const ACTIVE: &str = "active";

/// Fields that steps change beside those they write.
const MOVED: [&str; 2] = ["open_cases", "awards"];
/// How figures begin that change by time or by what workflows send.
const MOVING: [&str; 2] = ["mails_", "days_since_"];

/// What workflows wrote on the partner.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Carried {
    /// The tags the partner has; others they have not.
    pub(super) tags: BTreeSet<Arc<str>>,
    /// Fields by the names they have in conditions; none for one that was taken away.
    pub(super) fields: BTreeMap<Arc<str>, Option<Arc<str>>>,
}

impl Scope for Carried {
    fn value(&self, path: &str) -> Value {
        match path {
            TAGS => Value::List(self.tags.iter().cloned().collect()),
            "partner.status" => Value::text(ACTIVE),
            _ => match self.fields.get(path) {
                Some(Some(value)) => Value::Text(value.clone()),
                _ => Value::Missing,
            },
        }
    }
}

/// A clause about something else, which the partner is taken to meet or not to meet all the way round.
#[derive(Debug, Clone)]
pub(super) struct Taken<'a> {
    pub(super) clause: &'a Expr,
    pub(super) holds: bool,
}

/// Judges conditions by what is carried. What else they ask is taken as it has to be for the partner to go on, and noted.
#[derive(Debug, Clone)]
pub(super) struct Judge<'a> {
    segments: &'a Segments,
    /// Fields that some step writes.
    written: &'a BTreeSet<Arc<str>>,
    taken: Vec<Taken<'a>>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(segments: &'a Segments, written: &'a BTreeSet<Arc<str>>) -> Self {
        Judge { segments, written, taken: Vec::new() }
    }

    /// What was taken for granted.
    pub(super) fn taken(&self) -> &[Taken<'a>] {
        &self.taken
    }

    /// Whether all that was taken for granted can certainly be so at once: no two clauses are about the same, nor two about
    /// figures, which hang together.
    pub(super) fn can_all_be(&self) -> bool {
        let mut seen = BTreeSet::new();
        self.taken.iter().all(|taken| {
            let subjects: BTreeSet<&str> = taken.clause.names().iter().map(|name| subject(name)).collect();
            subjects.into_iter().all(|subject| seen.insert(subject))
        })
    }

    /// Whether the partner is in a segment; unknown where that hangs on more than can be said.
    pub(super) fn member(&mut self, segment: &str, carried: &Carried) -> Truth {
        let segments = self.segments;
        segments.segment(segment).map_or(Truth::Unknown, |segment| self.judge(&segment.condition, true, carried))
    }

    /// Whether an `if` and an `unless` let the partner pass: ✓ if they certainly may, ✗ if they certainly do not.
    pub(super) fn passes(
        &mut self,
        if_: Option<&'a Condition>,
        unless: Option<&'a Condition>,
        carried: &Carried,
    ) -> Truth {
        let if_ = if_.map_or(Truth::True, |condition| self.judge(condition, true, carried));
        let unless = unless.map_or(Truth::False, |condition| self.judge(condition, false, carried));
        if_.and(unless.negated())
    }

    /// The answer, where a clause about something else is as `wanted`: for what is to hold it holds, for what is not to hold
    /// it does not. So the other answer is certain, and takes nothing for granted.
    pub(super) fn judge(&mut self, condition: &'a Condition, wanted: bool, carried: &Carried) -> Truth {
        let before = self.taken.len();
        let truth = match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                let is_all = matches!(condition, Condition::All(_));
                let mut whole = Truth::from(is_all);
                for part in parts {
                    let part = self.judge(part, wanted, carried);
                    whole = if is_all { whole.and(part) } else { whole.or(part) };
                    // One such part decides, whatever the others say.
                    if part == Truth::from(!is_all) {
                        break;
                    }
                }
                whole
            }
            Condition::Not(inner) => self.judge(inner, !wanted, carried).negated(),
            Condition::Clause(clause) => self.clause(clause, wanted, carried),
        };
        if truth != Truth::from(wanted) {
            self.taken.truncate(before);
        }
        truth
    }

    fn clause(&mut self, clause: &'a Expr, wanted: bool, carried: &Carried) -> Truth {
        let segments = self.segments;
        if let Some(name) = clause.as_name().and_then(|name| name.strip_prefix("segment.")) {
            return segments
                .segment(name)
                .map_or(Truth::Unknown, |segment| self.judge(&segment.condition, wanted, carried));
        }
        let known = clause.judge(carried);
        if known != Truth::Unknown || !self.stays(clause) {
            return known;
        }
        if !self.taken.iter().any(|taken| taken.clause == clause && taken.holds == wanted) {
            self.taken.push(Taken { clause, holds: wanted });
        }
        Truth::from(wanted)
    }

    /// Whether what a clause asks may stay as it is while the partner goes round.
    fn stays(&self, clause: &Expr) -> bool {
        let names = clause.names();
        !names.is_empty() && !clause.text().contains(RECEIVED) && names.iter().all(|name| self.is_steady(name))
    }

    fn is_steady(&self, name: &str) -> bool {
        if name == TAGS || self.written.contains(name) {
            return false;
        }
        match name.split_once('.') {
            Some((object, field)) => object == "partner" && !MOVED.contains(&field) && !field.starts_with("awarded."),
            None => {
                !matches!(name, "group" | "lane")
                    && !MOVING.iter().any(|begins| name.starts_with(begins))
                    && !figures::needs_journey(name)
            }
        }
    }
}

/// What a name is about: names of one subject may hang together.
fn subject(name: &str) -> &str {
    match name.strip_prefix("partner.") {
        Some(field) => field.split('.').next().unwrap_or(field),
        None => "figures",
    }
}
