//! Clauses that are always true or never: they ask nothing, or let nobody through, without anybody noticing.

use super::syntax::Comparison;
use super::tree::{Expr, Tree, compare};
use super::{Environment, Place, Scope, Truth, Type, Value, together};
use crate::finding::Findings;
use crate::source::Span;

/// Complains (R0217) about an expression or a part of it whose answer does not depend on anything.
pub(super) fn report(expr: &Expr, place: &Place<'_>, env: &dyn Environment, findings: &mut Findings) {
    visit(&expr.tree, &mut |tree| {
        let Some(answer) = constant_answer(tree, env) else { return false };
        let how = match answer {
            Truth::True => "always true",
            Truth::False => "never true",
            Truth::Unknown => return false,
        };
        let whole = place.at(Span::new(0, expr.text.len()));
        let part = if std::ptr::eq(tree, &raw const expr.tree) { "this" } else { "a part of this" };
        findings.error("R0217", place.path, whole, format!("{part} is {how}")).label(reason(tree, answer, env));
        true
    });
}

/// Visits a tree from the top until `stop` says that a part is done.
fn visit(tree: &Tree, stop: &mut dyn FnMut(&Tree) -> bool) {
    if stop(tree) {
        return;
    }
    match tree {
        Tree::And(left, right) | Tree::Or(left, right) => {
            visit(left, stop);
            visit(right, stop);
        }
        Tree::Not(inner) => visit(inner, stop),
        _ => {}
    }
}

struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &str) -> Value {
        Value::Missing
    }
}

/// What a clause answers whatever its names are worth; none if it depends on them.
fn constant_answer(tree: &Tree, env: &dyn Environment) -> Option<Truth> {
    match tree {
        Tree::Constant(value) => Some(value.truth()),
        Tree::Compare(comparison, left, right) => match (&**left, &**right) {
            (Tree::Constant(a), Tree::Constant(b)) => Some(compare(*comparison, a, b, &Nothing)),
            (Tree::Name(a), Tree::Name(b)) if a == b => {
                let same =
                    matches!(comparison, Comparison::Equal | Comparison::LessOrEqual | Comparison::GreaterOrEqual);
                let certain = env.lookup(a).is_some_and(|variable| !variable.maybe_missing);
                (!same || certain).then(|| Truth::from(same))
            }
            (Tree::Name(name), Tree::Constant(bound)) => bounded(name, *comparison, bound, env),
            (Tree::Constant(bound), Tree::Name(name)) => bounded(name, comparison.mirrored(), bound, env),
            _ => None,
        },
        Tree::OneOf(needle, items) => {
            let Tree::Name(name) = &**needle else { return None };
            let variable = env.lookup(name)?;
            let set = variable.closed_set.filter(|_| !variable.maybe_missing && !variable.may_be_another)?;
            let listed = |text: &str| {
                items.iter().any(|item| matches!(item, Tree::Constant(Value::Text(item)) if **item == *text))
            };
            set.iter().all(|text| listed(text)).then_some(Truth::True)
        }
        Tree::And(..) => together::never_all(tree, env).then_some(Truth::False),
        _ => None,
    }
}

/// A name that is never below 0, never above its own bound, or always whole, against a bound.
fn bounded(name: &str, comparison: Comparison, bound: &Value, env: &dyn Environment) -> Option<Truth> {
    let variable = env.lookup(name)?;
    let bound_number = number(bound)?;
    let answer = if variable.ty == Type::Count && bound_number.fract() != 0.0 {
        match comparison {
            Comparison::Equal => Some(false),
            Comparison::NotEqual => Some(true),
            _ => None,
        }
    } else {
        None
    };
    let above = variable.at_most.map(f64::from);
    let answer = answer.or(match comparison {
        Comparison::Greater if above.is_some_and(|above| bound_number >= above) => Some(false),
        Comparison::GreaterOrEqual | Comparison::Equal if above.is_some_and(|above| bound_number > above) => {
            Some(false)
        }
        Comparison::LessOrEqual if above.is_some_and(|above| bound_number >= above) => Some(true),
        Comparison::Less | Comparison::NotEqual if above.is_some_and(|above| bound_number > above) => Some(true),
        _ => None,
    });
    let answer = answer.or_else(|| {
        if variable.may_be_negative {
            return None;
        }
        match comparison {
            Comparison::GreaterOrEqual if bound_number <= 0.0 => Some(true),
            Comparison::Greater | Comparison::NotEqual if bound_number < 0.0 => Some(true),
            Comparison::Less if bound_number <= 0.0 => Some(false),
            Comparison::LessOrEqual | Comparison::Equal if bound_number < 0.0 => Some(false),
            _ => None,
        }
    })?;
    // `x >= 0` of what may be missing asks whether it is known: that is a question.
    (!answer || !variable.maybe_missing).then(|| Truth::from(answer))
}

/// A bound on the line of numbers; of money only its sign matters.
fn number(bound: &Value) -> Option<f64> {
    match bound {
        Value::Count(count) => Some(*count as f64),
        Value::Number(number) | Value::Percent(number) => Some(*number),
        Value::Money(money) => Some(money.minor as f64),
        _ => None,
    }
}

fn reason(tree: &Tree, answer: Truth, env: &dyn Environment) -> String {
    let why = match (tree, answer) {
        (Tree::Compare(_, left, right), _) => match (&**left, &**right) {
            (Tree::Name(_), Tree::Name(_)) => "both sides are the same",
            (Tree::Constant(_), Tree::Constant(_)) => "both sides are written out",
            (Tree::Constant(bound), Tree::Name(name)) | (Tree::Name(name), Tree::Constant(bound)) => {
                let variable = env.lookup(name);
                let most = variable.as_ref().and_then(|variable| variable.at_most);
                let written = number(bound).unwrap_or_default();
                if let Some(most) = most.filter(|most| written >= f64::from(*most)) {
                    return format!("it is never above {most}");
                }
                let whole = variable.is_some_and(|variable| variable.ty == Type::Count);
                if whole && written.fract() != 0.0 { "a count is whole" } else { "it is never below 0" }
            }
            _ => "",
        },
        (Tree::OneOf(..), _) => "the list has every possible value",
        (Tree::And(..), _) => "it cannot be both",
        _ => "it asks nothing",
    };
    why.to_owned()
}
