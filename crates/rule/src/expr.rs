//! Conditions and `{{…}}` texts: CEL syntax over declared names, checked with units, judged with three truth values.
//!
//! A text is compiled once against an [`Environment`] (which names exist, of which type, may they be missing) and judged
//! many times against a [`Scope`] (what they are now). Nothing of the CEL library is there at run time.

mod check;
mod clauses;
mod condition;
mod environment;
mod scan;
mod scope;
mod syntax;
mod template;
mod together;
mod tree;
mod value;

pub use condition::{Clause, Condition, blocks_unless, holds_if};
pub use environment::{Environment, Method, Refused, Type, Variable};
pub use scope::Scope;
pub use syntax::{DEPTH_MAX, TEXT_BYTES_MAX, TOKENS_MAX};
pub use template::{Template, is_path};
pub use tree::Expr;
pub use value::{Truth, Value};

use crate::finding::Findings;
use crate::source::Span;

/// Compiles an expression. `span` is where `text` stands in the file of `path`; if both are equally long, findings point
/// into it, else at all of it (see [`crate::yaml::Node::text_span`]). None with at least one error if it cannot run.
pub fn compile(text: &str, span: Span, path: &str, env: &dyn Environment, findings: &mut Findings) -> Option<Expr> {
    let place = Place { path, span, exact: span.len() == text.len() };
    let syntax = syntax::parse(text, &place, env, findings)?;
    let compiled = check::check(text, &syntax, &place, env, findings)?;
    clauses::report(&compiled, &place, env, findings);
    Some(compiled)
}

/// Compiles an expression that must be true or false: a condition's clause (R0205 otherwise).
pub fn compile_clause(
    text: &str,
    span: Span,
    path: &str,
    env: &dyn Environment,
    findings: &mut Findings,
) -> Option<Expr> {
    let compiled = compile(text, span, path, env, findings)?;
    if compiled.ty() == Type::Bool {
        return Some(compiled);
    }
    findings
        .error("R0205", path, span, format!("a condition is true or false, this is {}", compiled.ty().described()))
        .label("compare it with something: `… > 0`, `… == \"…\"`");
    None
}

/// Where an expression stands.
struct Place<'a> {
    path: &'a str,
    span: Span,
    exact: bool,
}

impl Place<'_> {
    /// A place in the expression as a place in the file.
    fn at(&self, inner: Span) -> Span {
        if !self.exact {
            return self.span;
        }
        let at = inner.shifted(self.span.start);
        Span::new(at.start.min(self.span.end), at.end.min(self.span.end))
    }
}
