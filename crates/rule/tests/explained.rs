//! An explanation names what a decision hangs on: over 10,000 random decisions, what it shows is what was there, changing the named
//! clauses alone turns the decision, and changing any other does not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rapport_rule::expr::{Clause, Condition, Environment, Scope, Type, Value, Variable, blocks_unless, holds_if};
use rapport_rule::{Findings, Source, yaml};

/// Counts `v0`, `v1` …, each of which may be missing.
struct Counts;

impl Environment for Counts {
    fn lookup(&self, path: &str) -> Option<Variable> {
        path.strip_prefix('v')?.parse::<usize>().ok().map(|_| Variable::of(Type::Count).or_missing())
    }
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What they are worth; not listed is missing.
#[derive(Debug, Clone, Default, PartialEq)]
struct Worth(BTreeMap<usize, i64>);

impl Scope for Worth {
    fn value(&self, path: &str) -> Value {
        let number = path.strip_prefix('v').and_then(|number| number.parse().ok());
        number.and_then(|number: usize| self.0.get(&number)).map_or(Value::Missing, |count| Value::Count(*count))
    }
}

/// A condition of a list, before its clauses are numbered.
#[derive(Debug, Clone)]
enum Part {
    AtLeast(i64),
    Below(i64),
    Not(Box<Part>),
    Any(Vec<Part>),
}

impl Part {
    /// As written in YAML; each clause asks for a count of its own.
    fn text(&self, next: &mut usize) -> String {
        let mut own = || {
            *next += 1;
            *next - 1
        };
        match self {
            Part::AtLeast(edge) => format!("v{} >= {edge}", own()),
            Part::Below(edge) => format!("v{} < {edge}", own()),
            Part::Not(part) => format!("{{ not: {} }}", part.text(next)),
            Part::Any(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| part.text(next)).collect();
                format!("{{ any: [{}] }}", parts.join(", "))
            }
        }
    }
}

fn part() -> impl Strategy<Value = Part> {
    let clause = prop_oneof![(1_i64..9).prop_map(Part::AtLeast), (1_i64..9).prop_map(Part::Below)];
    clause.prop_recursive(2, 4, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|part| Part::Not(Box::new(part))),
            prop::collection::vec(inner, 2..4).prop_map(Part::Any),
        ]
    })
}

/// A list of one to four, and what its counts are worth.
fn decision() -> impl Strategy<Value = (Vec<Part>, Vec<Option<i64>>)> {
    let worth = prop::collection::vec(prop::option::weighted(0.85, 0_i64..10), 40);
    (prop::collection::vec(part(), 1..5), worth)
}

fn compiled(text: &str) -> Condition {
    let source = Source::new("w.yaml", text);
    let mut findings = Findings::new();
    let node = yaml::parse(&source, &mut findings).expect("YAML");
    let condition = Condition::from_node(&node, "w.yaml", &Counts, &mut findings);
    assert!(findings.is_empty(), "{text}: {findings:?}");
    condition.expect("a condition")
}

/// A worth of these counts alone that makes the condition ✓, or not: found by trying.
fn turned(condition: &Condition, counts: std::ops::Range<usize>, worth: &Worth, to: bool) -> Option<Worth> {
    let tried = [None, Some(0), Some(9)];
    (0..3_usize.pow(u32::try_from(counts.len()).unwrap())).find_map(|mut choice| {
        let mut other = worth.clone();
        for count in counts.clone() {
            match tried[choice % 3] {
                Some(value) => other.0.insert(count, value),
                None => other.0.remove(&count),
            };
            choice /= 3;
        }
        (condition.judge(&other).is_true() == to).then_some(other)
    })
}

/// What a clause shows is what was there, and its mark is what that makes of it.
fn is_what_was_there(clause: &Clause, worth: &Worth) {
    let [(name, seen)] = &clause.seen[..] else {
        assert!(clause.seen.is_empty() && matches!(clause.text.as_str(), "any" | "not"), "{clause:?}");
        return;
    };
    let number: usize = name[1..].parse().unwrap();
    let value = worth.0.get(&number);
    assert_eq!(*seen, value.map_or("?".to_owned(), ToString::to_string), "{clause:?}");
    let (_, test) = clause.text.split_once(' ').unwrap();
    let (sign, edge) = test.split_once(' ').unwrap();
    let edge: i64 = edge.parse().unwrap();
    let holds = value.map(|value| if sign == ">=" { *value >= edge } else { *value < edge });
    let expected = holds.map_or("?", |holds| if holds { "✓" } else { "✗" });
    assert_eq!(clause.truth.sign().to_string(), expected, "{clause:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]
    #[test]
    fn changing_what_is_named_turns_the_decision_and_changing_the_rest_does_not((parts, values) in decision()) {
        let mut next = 0;
        let (mut texts, mut ranges) = (Vec::new(), Vec::new());
        for part in &parts {
            let from = next;
            texts.push(part.text(&mut next));
            ranges.push(from..next);
        }
        prop_assume!(next <= values.len() && ranges.iter().all(|range| range.len() <= 6));
        let worth = Worth(values.iter().take(next).enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect());
        let whole = compiled(&format!("[{}]", texts.join(", ")));
        let each: Vec<Condition> = texts.iter().map(|text| compiled(text)).collect();

        let told = whole.explain(&worth);
        told.iter().for_each(|clause| is_what_was_there(clause, &worth));
        // What stands outermost is the list, in its order, with the answer of each.
        let outer: Vec<&Clause> = told.iter().filter(|clause| clause.depth == 0).collect();
        prop_assert_eq!(outer.len(), parts.len());
        for (clause, condition) in outer.iter().zip(&each) {
            prop_assert_eq!(clause.truth, condition.judge(&worth));
        }
        let passes = holds_if(Some(&whole), &worth);
        prop_assert_eq!(passes, outer.iter().all(|clause| clause.truth.is_true()));
        prop_assert_eq!(blocks_unless(Some(&whole), &worth), !outer.iter().any(|clause| clause.truth.is_false()));

        let named: Vec<usize> = (0..parts.len()).filter(|at| !outer[*at].truth.is_true()).collect();
        if passes {
            // Each of them was needed.
            for (condition, range) in each.iter().zip(&ranges) {
                let other = turned(condition, range.clone(), &worth, false).expect("every clause can fail");
                prop_assert!(!holds_if(Some(&whole), &other));
            }
            return Ok(());
        }
        // The named ones together turn it, and only all of them do.
        let mut all = worth.clone();
        for at in &named {
            prop_assert!(!holds_if(Some(&whole), &all), "one of the named ones was not needed");
            all = turned(&each[*at], ranges[*at].clone(), &all, true).expect("every clause can hold");
        }
        prop_assert!(holds_if(Some(&whole), &all));
        // No change of what is marked ✓ turns it.
        for at in (0..parts.len()).filter(|at| !named.contains(at)) {
            for to in [true, false] {
                let other = turned(&each[at], ranges[at].clone(), &worth, to).expect("every clause can hold and fail");
                prop_assert!(!holds_if(Some(&whole), &other));
            }
        }
    }
}
