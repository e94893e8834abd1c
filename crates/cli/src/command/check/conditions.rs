//! Conditions held against the partners there are: true for none of them, for all, or not to be judged for most.
//!
//! Asked is what a partner alone answers: who belongs to groups and segments, and whom workflows let in. What an event or a journey says
//! is left out.

use std::collections::{BTreeMap, BTreeSet};

use rapport_engine::shard::facts::{Bare, PartnerFacts};
use rapport_rule::expr::{Condition, Expr, Scope as _, Truth};
use rapport_rule::{Findings, Sources, Span};
use rapport_workflow::Rulebook;
use rapport_workflow::config::GroupRule;

/// With fewer partners nothing is said: what none of a handful is may be what the next one will be.
const PARTNERS_MIN: usize = 20;

/// What is worth telling of a clause where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Worth {
    /// That it is true for nobody.
    nobody: bool,
    /// That it is true for everybody.
    everybody: bool,
}

impl Worth {
    /// Under `if`: nobody gets in, or it asks nothing.
    const IF: Worth = Worth { nobody: true, everybody: true };
    /// Under `unless`: nobody gets in. That it holds nobody back is what it is there for.
    const UNLESS: Worth = Worth { nobody: false, everybody: true };

    /// Below `not`.
    fn negated(self) -> Worth {
        match self {
            Worth::IF => Worth::UNLESS,
            Worth { nobody, everybody } => Worth { nobody: everybody, everybody: nobody },
        }
    }
}

/// One clause, and what partners answered so far.
struct Asked<'r> {
    path: String,
    /// The key it stands below.
    below: String,
    expr: &'r Expr,
    worth: Worth,
    /// Of whom it is asked; everybody without.
    statuses: Option<&'r BTreeSet<String>>,
    yes: usize,
    no: usize,
    unknown: usize,
    /// Of whom it cannot be judged yet, and will be without anybody doing anything.
    unheard: usize,
    missing: BTreeMap<&'r str, usize>,
}

/// All clauses of a rulebook that a partner alone answers.
pub(super) struct Tally<'r> {
    asked: Vec<Asked<'r>>,
}

impl<'r> Tally<'r> {
    pub(super) fn of(rulebook: &'r Rulebook) -> Tally<'r> {
        let mut tally = Tally { asked: Vec::new() };
        let segments = "config/segments.yaml";
        for group in &rulebook.segments.groups {
            if let GroupRule::If(condition) = &group.rule {
                tally.ask(condition, segments, &group.name, Worth::IF, None);
            }
        }
        for segment in &rulebook.segments.segments {
            tally.ask(&segment.condition, segments, &segment.name, Worth::IF, None);
        }
        for workflow in &rulebook.workflows {
            let path = format!("workflows/{}/workflow.yaml", workflow.id);
            let entry = &workflow.entry;
            for (condition, below, worth) in [(&entry.if_, "if", Worth::IF), (&entry.unless, "unless", Worth::UNLESS)] {
                if let Some(condition) = condition {
                    tally.ask(condition, &path, below, worth, Some(&entry.statuses));
                }
            }
        }
        tally
    }

    fn ask(
        &mut self,
        condition: &'r Condition,
        path: &str,
        below: &str,
        worth: Worth,
        statuses: Option<&'r BTreeSet<String>>,
    ) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().for_each(|part| self.ask(part, path, below, worth, statuses));
            }
            Condition::Not(part) => self.ask(part, path, below, worth.negated(), statuses),
            Condition::Clause(expr) => {
                let names = expr.names();
                if !names.is_empty() && names.iter().all(|name| is_of_partner(name)) {
                    self.asked.push(Asked {
                        path: path.to_owned(),
                        below: below.to_owned(),
                        expr,
                        worth,
                        statuses,
                        yes: 0,
                        no: 0,
                        unknown: 0,
                        unheard: 0,
                        missing: BTreeMap::new(),
                    });
                }
            }
        }
    }

    /// Asks one partner.
    pub(super) fn look(&mut self, facts: &PartnerFacts<'_>) {
        let (scope, status) = (Bare(facts), facts.state.profile.status().as_str());
        for asked in &mut self.asked {
            if asked.statuses.is_some_and(|statuses| !statuses.contains(status)) {
                continue;
            }
            match asked.expr.judge(&scope) {
                Truth::True => asked.yes += 1,
                Truth::False => asked.no += 1,
                Truth::Unknown => {
                    asked.unknown += 1;
                    asked.unheard +=
                        usize::from(asked.expr.names().iter().any(|name| scope.why_missing(name).is_some()));
                    for name in asked.expr.names().iter().filter(|name| scope.value(name).is_missing()) {
                        *asked.missing.entry(name).or_default() += 1;
                    }
                }
            }
        }
    }

    /// A warning for each clause that says the same of all, or nothing of most.
    pub(super) fn tell(&self, sources: &Sources, findings: &mut Findings) {
        // In a programme's first weeks nothing is wrong with what compares them with the weeks before.
        for asked in self.asked.iter().filter(|asked| asked.unheard == 0 && asked.all() >= PARTNERS_MIN) {
            let (all, text) = (asked.all(), asked.expr.text());
            let span = asked.place(sources);
            let lacked = asked.missing.iter().max_by_key(|(_, count)| **count);
            if let Some((name, count)) = lacked.filter(|_| 2 * asked.unknown > all) {
                findings
                    .warning(
                        "R0598",
                        &asked.path,
                        span,
                        format!("`{text}` cannot be judged for {} of {all} partners", asked.unknown),
                    )
                    .label(format!("`{name}` is missing for {count} of them"))
                    .hint("Who cannot be judged is not among them, and `unless` holds them back. Ask trackers to tell it, or ask for something that is known.");
            } else if asked.worth.nobody && asked.yes == 0 {
                findings
                    .warning("R0599", &asked.path, span, format!("`{text}` is true for none of {all} partners"))
                    .hint("As they stand after all that is recorded of them. A word may be written otherwise than trackers write it, or a number is of another size.");
            } else if asked.worth.everybody && asked.yes == all {
                findings
                    .warning("R0599", &asked.path, span, format!("`{text}` is true for all {all} partners"))
                    .hint("As they stand after all that is recorded of them. Under `if` it asks nothing, under `unless` it lets nobody in.");
            }
        }
    }
}

impl Asked<'_> {
    fn all(&self) -> usize {
        self.yes + self.no + self.unknown
    }

    /// Where it is written, behind the key it stands below.
    fn place(&self, sources: &Sources) -> Option<Span> {
        let text = &sources.get(&self.path)?.text;
        let key = format!("{}:", self.below);
        let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        });
        let from = lines.find(|(_, line)| line.trim_start().starts_with(&key)).map_or(0, |(start, _)| start);
        let at = from + text.get(from..)?.find(self.expr.text())?;
        Some(Span::new(at, at + self.expr.text().len()))
    }
}

/// Whether a name is answered by a partner alone.
fn is_of_partner(name: &str) -> bool {
    let root = name.split(['.', '[']).next().unwrap_or_default();
    !matches!(root, "event" | "events" | "awaited" | "mail" | "task") && !name.contains("since_start")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_nobody_back_is_only_told_where_it_should_let_somebody_in() {
        assert_eq!(Worth::IF.negated(), Worth::UNLESS);
        assert_eq!(Worth::UNLESS.negated(), Worth { nobody: true, everybody: false });
    }

    #[test]
    fn only_names_of_the_partner_are_asked() {
        for (name, is) in [
            ("partner.country", true),
            ("conversions_28d", true),
            ("segment.never_sold", true),
            ("event.drop_percent", false),
            ("conversions_since_start", false),
            ("mail.outcome", false),
            ("mails_7d", true),
        ] {
            assert_eq!(is_of_partner(name), is, "{name}");
        }
    }
}
