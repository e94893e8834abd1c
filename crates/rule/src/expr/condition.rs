//! `if:` and `unless:` as written: a list is AND, `any:` is OR, `not:` negates, everything else is one clause.

use serde::{Deserialize, Serialize};

use super::{Environment, Expr, Scope, Truth, Value, together};
use crate::finding::Findings;
use crate::yaml::{self, Fields, Node};

/// A compiled condition.
#[derive(Clone, Debug)]
pub enum Condition {
    /// All must hold; an empty one holds.
    All(Vec<Condition>),
    /// One must hold.
    Any(Vec<Condition>),
    /// It must not hold.
    Not(Box<Condition>),
    /// One comparison.
    Clause(Expr),
}

/// One line of an explanation: what was asked, the answer, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clause {
    /// The clause as written, or `any`, `not` above its parts.
    pub text: String,
    /// The answer.
    pub truth: Truth,
    /// The names in it and their values at that time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<(String, String)>,
    /// How deep it stands below `any` and `not`; 0 for the outermost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: usize,
}

fn is_zero(depth: &usize) -> bool {
    *depth == 0
}

/// Whether a condition under `if` lets pass: it needs ✓. No condition always does.
pub fn holds_if(condition: Option<&Condition>, scope: &dyn Scope) -> bool {
    condition.is_none_or(|condition| condition.judge(scope).is_true())
}

/// Whether a condition under `unless` blocks: on ✓, and on `?` too, because nobody knows. No condition never does.
pub fn blocks_unless(condition: Option<&Condition>, scope: &dyn Scope) -> bool {
    condition.is_some_and(|condition| !condition.judge(scope).is_false())
}

impl Condition {
    /// Reads and compiles the value of `if:`, `unless:`, `any:` or an entry of `stop_when`. None with at least one error.
    pub fn from_node(node: &Node, path: &str, env: &dyn Environment, findings: &mut Findings) -> Option<Condition> {
        match &node.value {
            yaml::Value::Seq(items) => {
                let before = findings.errors();
                let parts = Condition::all(items, node, path, env, findings)?;
                // What is wrong with one of them alone has been said.
                if findings.errors() == before {
                    together::report(&parts, items, path, env, findings);
                }
                Some(Condition::All(parts))
            }
            yaml::Value::Map(_) => Condition::from_map(node, path, env, findings),
            yaml::Value::String(text) => {
                let span = node.text_span();
                super::compile_clause(text, span, path, env, findings).map(Condition::Clause)
            }
            yaml::Value::Bool(value) => {
                let text = if *value { "true" } else { "false" };
                super::compile_clause(text, node.span, path, env, findings).map(Condition::Clause)
            }
            yaml::Value::Null => {
                findings.error("R0206", path, node.span, "there is no condition here");
                None
            }
            yaml::Value::Int(_) | yaml::Value::Float(_) => {
                findings.error("R0205", path, node.span, "a condition is true or false, this is a number");
                None
            }
        }
    }

    fn all(
        items: &[Node],
        node: &Node,
        path: &str,
        env: &dyn Environment,
        findings: &mut Findings,
    ) -> Option<Vec<Condition>> {
        if items.is_empty() {
            findings.error("R0206", path, node.span, "there is no condition here").label("an empty list asks nothing");
            return None;
        }
        // All of them are compiled before giving up, so that all findings are shown.
        let compiled: Vec<_> = items.iter().map(|item| Condition::from_node(item, path, env, findings)).collect();
        compiled.into_iter().collect()
    }

    fn from_map(node: &Node, path: &str, env: &dyn Environment, findings: &mut Findings) -> Option<Condition> {
        let before = findings.errors();
        let fields = Fields::of(node, path, findings)?;
        let any = fields.take("any");
        let not = fields.take("not");
        let forms: Vec<_> = env.forms().iter().filter_map(|form| Some((*form, fields.take(form)?))).collect();
        let cut =
            fields.keys().find(|key| !matches!(key.text.as_str(), "any" | "not") && key.text.contains([' ', '"', '(']));
        if let Some(key) = cut {
            findings
                .error("R0207", path, key.span, "YAML has cut this expression in two")
                .label("put the whole expression in single quotes")
                .hint("A `: ` in it, or a comma inside [ ] and { }, ends a text in YAML.");
            return None;
        }
        fields.finish(&[], findings);
        let condition = match (any, not, forms.as_slice()) {
            (Some(any), None, []) => Condition::all(any.one_or_many(), any, path, env, findings).map(Condition::Any),
            (None, Some(not), []) => {
                Condition::from_node(not, path, env, findings).map(|inner| Condition::Not(Box::new(inner)))
            }
            (None, None, [(form, written)]) => {
                let text = env.spelled_out(form, written, path, findings)?;
                super::compile_clause(&text, written.span, path, env, findings).map(Condition::Clause)
            }
            (None, None, []) if findings.errors() == before => {
                findings.error("R0206", path, node.span, "there is no condition here");
                None
            }
            (None, None, []) => None,
            _ => {
                let both: Vec<&str> = fields_of(any, not, &forms);
                let shown = both.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
                findings
                    .error("R0208", path, node.span, format!("{shown} stand in one map"))
                    .label("make them entries of a list: - any: …, - not: …");
                None
            }
        };
        condition.filter(|_| findings.errors() == before)
    }

    /// Whether the other holds wherever this does, so that nobody gets through this under `if` and past the other under
    /// `unless`. It goes by what is written alone: it may overlook something, and is never wrong when it says yes.
    pub fn implies(&self, other: &Condition) -> bool {
        together::implies(self, other)
    }

    /// The answer now. `if` needs [`Truth::True`]; see [`holds_if`] and [`blocks_unless`].
    pub fn judge(&self, scope: &dyn Scope) -> Truth {
        match self {
            Condition::All(parts) => {
                let mut all = Truth::True;
                for part in parts {
                    all = all.and(part.judge(scope));
                    if all.is_false() {
                        break;
                    }
                }
                all
            }
            Condition::Any(parts) => {
                let mut any = Truth::False;
                for part in parts {
                    any = any.or(part.judge(scope));
                    if any.is_true() {
                        break;
                    }
                }
                any
            }
            Condition::Not(part) => part.judge(scope).negated(),
            Condition::Clause(expr) => expr.judge(scope),
        }
    }

    /// Every clause with its answer and the values seen, in the order written; parts of `any` and `not` one deeper.
    pub fn explain(&self, scope: &dyn Scope) -> Vec<Clause> {
        let mut clauses = Vec::new();
        self.explain_into(scope, 0, &mut clauses);
        clauses
    }

    fn explain_into(&self, scope: &dyn Scope, depth: usize, clauses: &mut Vec<Clause>) {
        let head = |text: &str| Clause { text: text.to_owned(), truth: self.judge(scope), seen: Vec::new(), depth };
        match self {
            Condition::All(parts) if depth == 0 => {
                parts.iter().for_each(|part| part.explain_into(scope, depth, clauses));
            }
            Condition::All(parts) => {
                clauses.push(head("all"));
                parts.iter().for_each(|part| part.explain_into(scope, depth + 1, clauses));
            }
            Condition::Any(parts) => {
                clauses.push(head("any"));
                parts.iter().for_each(|part| part.explain_into(scope, depth + 1, clauses));
            }
            Condition::Not(part) => {
                clauses.push(head("not"));
                part.explain_into(scope, depth + 1, clauses);
            }
            Condition::Clause(expr) => {
                let seen = expr.names().iter().map(|name| (name.to_string(), seen(scope, name))).collect();
                clauses.push(Clause { text: expr.text().to_owned(), truth: expr.judge(scope), seen, depth });
            }
        }
    }

    /// Every name asked, each once, in order of first use.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.each_clause(&mut |expr| {
            for name in expr.names() {
                if !names.contains(&&**name) {
                    names.push(&**name);
                }
            }
        });
        names
    }

    /// Visits every clause, in the order written.
    pub fn each_clause<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.each_clause(visit)),
            Condition::Not(part) => part.each_clause(visit),
            Condition::Clause(expr) => visit(expr),
        }
    }
}

/// The keys of a map that has more than one condition, in the order they are known.
fn fields_of<'a>(any: Option<&Node>, not: Option<&Node>, forms: &[(&'a str, &Node)]) -> Vec<&'a str> {
    let known = any.map(|_| "any").into_iter().chain(not.map(|_| "not"));
    known.chain(forms.iter().map(|(form, _)| *form)).collect()
}

/// The condition on one line, as compiled: equal texts are equal conditions, so it may be hashed into a version.
impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, parts: &[Condition]| {
            f.write_str("[")?;
            for (i, part) in parts.iter().enumerate() {
                write!(f, "{}{part}", if i > 0 { ", " } else { "" })?;
            }
            f.write_str("]")
        };
        match self {
            Condition::All(parts) => list(f, parts),
            Condition::Any(parts) => f.write_str("any: ").and_then(|()| list(f, parts)),
            Condition::Not(part) => write!(f, "not: {part}"),
            Condition::Clause(expr) => f.write_str(expr.text()),
        }
    }
}

/// A value in an explanation; long texts are cut, they may come from outside.
/// What a name was worth, or why it was worth nothing: `?: before rapport listened`.
fn seen(scope: &dyn Scope, name: &str) -> String {
    let value = scope.value(name);
    match value.is_missing().then(|| scope.why_missing(name)).flatten() {
        Some(why) => format!("{value}: {why}"),
        None => shown(&value),
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
