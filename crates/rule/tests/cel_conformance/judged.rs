//! A published expression, compiled and judged by us: as written, and with what is written out in it as names.

use std::collections::BTreeSet;

use rapport_rule::expr::{self, Environment, Scope, Type, Value, Variable};
use rapport_rule::{Findings, Severity, Span};

use super::data::{Expected, Test, duration};
use super::words::{Kind, Word};

/// What we make of it.
#[derive(Debug)]
pub enum Answer {
    /// Not accepted, with the codes of the findings.
    Refused(BTreeSet<&'static str>),
    Value(Value),
}

impl Answer {
    /// Whether it is what CEL says. CEL's error is `?` here, or a refusal before anything runs is left to the caller.
    pub fn agrees(&self, expected: &Expected) -> bool {
        match (self, expected) {
            (Answer::Value(Value::Number(a)), Expected::Value(Value::Number(b))) => a == b,
            (Answer::Value(a), Expected::Value(b)) => a == b,
            (Answer::Value(a), Expected::Error) => a.is_missing(),
            _ => false,
        }
    }
}

/// The names of one test.
struct Given(Vec<(String, Type, Value)>);

impl Environment for Given {
    fn lookup(&self, path: &str) -> Option<Variable> {
        let (_, ty, value) = self.0.iter().find(|(name, _, _)| name == path)?;
        let variable = Variable::of(*ty).or_negative();
        Some(if value.is_missing() { variable.or_missing() } else { variable })
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _, _)| name.clone()).collect()
    }
}

impl Scope for Given {
    fn value(&self, path: &str) -> Value {
        self.0.iter().find(|(name, _, _)| name == path).map_or(Value::Missing, |(_, _, value)| value.clone())
    }
}

/// The expression as it stands.
pub fn as_written(test: &Test) -> Answer {
    judged(&test.expr, Given(test.names.clone()))
}

/// The expression with every number, text, truth, moment and length of time as a name of that value, and without `dyn`,
/// which only keeps CEL's checker away. None if nothing is written out in it.
pub fn with_names(test: &Test, words: &[Word]) -> Option<Answer> {
    let mut given = test.names.clone();
    let mut text = String::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let next = |ahead: usize| words.get(at + ahead).map(|word| &word.kind);
        let before = at.checked_sub(1).and_then(|at| words.get(at)).map(|word| &word.kind);
        let called = next(1) == Some(&Kind::Sign("("));
        let field = before == Some(&Kind::Sign("."));
        let (value, length) = match &word.kind {
            Kind::Int { value: Some(value), .. } => (Some((Type::Count, Value::Count(*value))), 1),
            Kind::Double { value, .. } => (Some((Type::Number, Value::Number(*value))), 1),
            Kind::Text(Some(text)) => (Some((Type::Text, Value::text(text))), 1),
            Kind::Name(name) if !field && !called && matches!(&**name, "true" | "false") => {
                (Some((Type::Bool, Value::Bool(name == "true"))), 1)
            }
            Kind::Name(name) if called && next(3) == Some(&Kind::Sign(")")) => match (&**name, next(2)) {
                ("timestamp", Some(Kind::Text(Some(text)))) => {
                    (text.parse().ok().map(|instant| (Type::Instant, Value::Instant(instant))), 4)
                }
                ("duration", Some(Kind::Text(Some(text)))) => {
                    (duration(text).map(|length| (Type::Duration, Value::Duration(length))), 4)
                }
                _ => (None, 1),
            },
            _ => (None, 1),
        };
        text.push(' ');
        match value {
            Some((ty, value)) => {
                let name = format!("given{}", given.len());
                text.push_str(&name);
                given.push((name, ty, value));
                at += length;
            }
            None => {
                if !(called && word.kind == Kind::Name("dyn".to_owned())) {
                    text.push_str(&test.expr[word.start..word.end]);
                }
                at += 1;
            }
        }
    }
    (given.len() > test.names.len()).then(|| judged(text.trim(), Given(given)))
}

fn judged(text: &str, given: Given) -> Answer {
    let mut findings = Findings::new();
    let compiled = expr::compile(text, Span::new(0, text.len()), "cel.yaml", &given, &mut findings);
    match compiled {
        // What is always true or never (R0217) is complained about, and has its value all the same.
        Some(compiled) if findings.iter().all(|finding| finding.code == "R0217") => {
            Answer::Value(compiled.value(&given))
        }
        _ => {
            let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
            Answer::Refused(errors.map(|finding| finding.code).collect())
        }
    }
}
