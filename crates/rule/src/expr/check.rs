//! From syntax to a compiled tree: names looked up, units checked.

mod calls;
mod operators;

use std::sync::Arc;

use super::syntax::{Kind, Syntax};
use super::template::known_after;
use super::tree::{Expr, Tree};
use super::{Environment, Place, Type, Value};
use crate::finding::{Finding, Findings};
use crate::source::Span;
use crate::suggest;

/// Checks and compiles a parsed expression. All of it is looked at even if a part is wrong.
pub(super) fn check(
    text: &str,
    syntax: &Syntax,
    place: &Place<'_>,
    env: &dyn Environment,
    findings: &mut Findings,
) -> Option<Expr> {
    let mut checker = Checker { text, place, env, findings, names: Vec::new() };
    let typed = checker.typed(syntax)?;
    let Some(ty) = typed.ty.known() else {
        checker
            .error("R0210", syntax.span, "a list stands alone here")
            .label("ask for something in it: `country in [\"NO\", \"SE\"]`");
        return None;
    };
    let names = std::mem::take(&mut checker.names);
    Some(Expr { text: Arc::from(text), tree: typed.tree, ty, maybe_missing: typed.maybe_missing, names })
}

/// Complains about a name that does not exist, as precisely as the names that do exist allow.
pub(super) fn unknown_name(name: &str, span: Span, path: &str, env: &dyn Environment, findings: &mut Findings) {
    if let Some(why) = env.why_not(name) {
        findings.error("R0201", path, span, format!("there is no `{name}`")).label(why);
        return;
    }
    let names = env.names();
    // The longest beginning that is known as an object tells which segment is wrong.
    let dots = name.match_indices('.').map(|(at, _)| at);
    let object = dots.rev().filter_map(|at| name.get(..at)).find(|object| known_after(object, &names).is_some());
    let Some(object) = object else {
        let mut near = suggest::nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        // A field without its object: `country` for `partner.country`.
        if near.is_none() {
            let tail = format!(".{name}");
            near = names.iter().find(|known| known.ends_with(&tail)).cloned();
        }
        if near.is_none() {
            let object = name.split('.').next().unwrap_or(name);
            let objects = names.iter().filter_map(|known| known.split_once('.')).map(|(object, _)| object);
            near = suggest::nearest(object, objects).map(|known| name.replacen(object, known, 1));
        }
        findings.error("R0201", path, span, format!("there is no `{name}`")).did_you_mean(near.as_deref());
        return;
    };
    let field_at = object.len() + 1;
    let rest = name.get(field_at..).unwrap_or_default();
    let field = rest.split('.').next().unwrap_or(rest);
    let dotted = format!("{object}.");
    let fields: Vec<&str> = names.iter().filter_map(|known| known.strip_prefix(&dotted)).collect();
    let heads = fields.iter().map(|field| field.split('.').next().unwrap_or(field));
    let near = suggest::nearest(field, heads).or_else(|| suggest::nearest(rest, fields.iter().copied()));
    let span = if span.len() == name.len() {
        Span::new(span.start + field_at, span.start + field_at + field.len())
    } else {
        span
    };
    let finding = findings.error("R0201", path, span, format!("{object} has no field `{field}`"));
    finding.did_you_mean(near);
    if let Some(known) = known_after(object, &names) {
        finding.hint(format!("Fields: {known}."));
    }
}

struct Checker<'a> {
    text: &'a str,
    place: &'a Place<'a>,
    env: &'a dyn Environment,
    findings: &'a mut Findings,
    names: Vec<Arc<str>>,
}

/// A compiled part and what is known of it.
struct Typed {
    tree: Tree,
    ty: TypeOf,
    maybe_missing: bool,
    closed_set: Option<Arc<[Arc<str>]>>,
    span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TypeOf {
    /// A type with its unit.
    Of(Type),
    /// A number written out (`40`, `1.5`, `2 * 7`): it fits a count, a number and a percentage.
    Bare(Type),
}

impl TypeOf {
    fn known(self) -> Option<Type> {
        match self {
            TypeOf::Of(Type::List) => None,
            TypeOf::Of(ty) | TypeOf::Bare(ty) => Some(ty),
        }
    }

    fn ty(self) -> Type {
        match self {
            TypeOf::Of(ty) | TypeOf::Bare(ty) => ty,
        }
    }
}

impl Typed {
    fn constant(value: Value, ty: TypeOf, span: Span) -> Typed {
        Typed { tree: Tree::Constant(value), ty, maybe_missing: false, closed_set: None, span }
    }

    fn of(tree: Tree, ty: Type, maybe_missing: bool, span: Span) -> Typed {
        Typed { tree, ty: TypeOf::Of(ty), maybe_missing, closed_set: None, span }
    }

    fn constant_number(&self) -> Option<f64> {
        match (&self.tree, self.ty) {
            (Tree::Constant(Value::Count(count)), TypeOf::Bare(_)) => Some(*count as f64),
            (Tree::Constant(Value::Number(number)), TypeOf::Bare(_)) => Some(*number),
            _ => None,
        }
    }

    fn constant_text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Constant(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl<'a> Checker<'a> {
    fn error(&mut self, code: &'static str, inner: Span, message: impl Into<String>) -> &mut Finding {
        self.findings.error(code, self.place.path, self.place.at(inner), message)
    }

    /// The expression's own words for a part of it.
    fn written(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn typed(&mut self, syntax: &Syntax) -> Option<Typed> {
        let span = syntax.span;
        match &syntax.kind {
            Kind::Bool(value) => Some(Typed::constant(Value::Bool(*value), TypeOf::Of(Type::Bool), span)),
            Kind::Int(number) => Some(Typed::constant(Value::Count(*number), TypeOf::Bare(Type::Count), span)),
            Kind::Float(number) => Some(Typed::constant(Value::Number(*number), TypeOf::Bare(Type::Number), span)),
            Kind::Text(text) => Some(Typed::constant(Value::text(text), TypeOf::Of(Type::Text), span)),
            Kind::Path(path) => self.name(path, span),
            Kind::List(items) => self.list(items, span),
            Kind::Not(inner) => {
                let inner = self.bool(inner, "`!`")?;
                Some(Typed::of(Tree::Not(Box::new(inner.tree)), Type::Bool, inner.maybe_missing, span))
            }
            Kind::And(left, right) | Kind::Or(left, right) => {
                let and = matches!(syntax.kind, Kind::And(..));
                let sign = if and { "`&&`" } else { "`||`" };
                let (left, right) = (self.bool(left, sign), self.bool(right, sign));
                let (left, right) = (left?, right?);
                let maybe_missing = left.maybe_missing || right.maybe_missing;
                let (left, right) = (Box::new(left.tree), Box::new(right.tree));
                let tree = if and { Tree::And(left, right) } else { Tree::Or(left, right) };
                Some(Typed::of(tree, Type::Bool, maybe_missing, span))
            }
            Kind::Negate(inner) => self.negated(inner, span),
            Kind::Compare(comparison, left, right) => self.comparison(*comparison, left, right, span),
            Kind::In(needle, list) => self.membership(needle, list, span),
            Kind::Arithmetic(sign, left, right) => self.arithmetic(*sign, left, right, span),
            Kind::Call { name, name_span, args } => self.function(name, *name_span, args, span),
            Kind::Method { object, name, name_span, args } => self.method(object, name, *name_span, args, span),
        }
    }

    fn name(&mut self, path: &str, span: Span) -> Option<Typed> {
        let Some(variable) = self.env.lookup(path) else {
            let whole = self.place.at(span);
            unknown_name(path, whole, self.place.path, self.env, self.findings);
            return None;
        };
        let name = match self.names.iter().find(|name| &***name == path) {
            Some(name) => name.clone(),
            None => {
                let name: Arc<str> = Arc::from(path);
                self.names.push(name.clone());
                name
            }
        };
        Some(Typed {
            tree: Tree::Name(name),
            ty: TypeOf::Of(variable.ty),
            maybe_missing: variable.maybe_missing,
            closed_set: variable.closed_set,
            span,
        })
    }

    /// A list written out, as a value: all its items are texts.
    fn list(&mut self, items: &[Syntax], span: Span) -> Option<Typed> {
        let mut texts: Vec<Arc<str>> = Vec::with_capacity(items.len());
        for item in items {
            let typed = self.typed(item)?;
            match typed.tree {
                Tree::Constant(Value::Text(text)) => texts.push(text),
                _ => {
                    self.error("R0210", item.span, "a list here holds texts only").label("write it in quotes");
                    return None;
                }
            }
        }
        Some(Typed::constant(Value::List(texts.into()), TypeOf::Of(Type::List), span))
    }

    fn bool(&mut self, syntax: &Syntax, sign: &str) -> Option<Typed> {
        let typed = self.typed(syntax)?;
        if typed.ty == TypeOf::Of(Type::Bool) {
            return Some(typed);
        }
        let described = typed.ty.ty().described();
        self.error("R0210", syntax.span, format!("{sign} joins what is true or false, this is {described}"))
            .label("compare it with something first");
        None
    }
}
