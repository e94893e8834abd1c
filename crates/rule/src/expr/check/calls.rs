//! Functions (`money("100 EUR")`) and methods (`event.has_category("shoes")`, `partner.country.startsWith("N")`).

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::{Checker, TypeOf, Typed, unknown_name};
use crate::expr::syntax::{Kind, Syntax};
use crate::expr::tree::{Args, TextTest, Tree};
use crate::expr::{Type, Value};
use crate::length::Length;
use crate::money::{Money, MoneyError};
use crate::source::Span;
use crate::suggest;

const FUNCTIONS: [&str; 4] = ["money", "duration", "date", "instant"];
const TEXT_METHODS: [&str; 3] = ["startsWith", "endsWith", "contains"];

impl Checker<'_> {
    /// A function turns a written-out text into a value with a unit.
    pub(super) fn function(&mut self, name: &str, name_span: Span, args: &[Syntax], span: Span) -> Option<Typed> {
        if !FUNCTIONS.contains(&name) {
            self.error("R0212", name_span, format!("there is no function `{name}`"))
                .did_you_mean(suggest::nearest(name, FUNCTIONS))
                .hint(format!("Functions: {}.", suggest::listed(FUNCTIONS, 8)));
            return None;
        }
        let text = match args {
            [Syntax { kind: Kind::Text(text), .. }] => text.as_str(),
            _ => {
                let example = match name {
                    "money" => Type::Money,
                    "duration" => Type::Duration,
                    "date" => Type::Date,
                    _ => Type::Instant,
                };
                self.error("R0213", span, format!("`{name}` takes one text"))
                    .label(format!("write `{}`", example.example()));
                return None;
            }
        };
        let text_span = args.first().map_or(span, |arg| arg.span);
        let (value, ty) = match name {
            "money" => match Money::parse(text) {
                Ok(money) => (Value::Money(money), Type::Money),
                Err(error) => {
                    let (written, place) = (self.written(text_span), self.place.at(text_span));
                    let as_it_reads = self.place.exact && written.len() == text.len() + 2;
                    let finding = self.error("R0303", text_span, error.to_string());
                    if let Some(right) = Money::put_right(text) {
                        finding.label(format!("write `money(\"{right}\")`"));
                        let quote = written.chars().next().filter(|c| matches!(c, '"' | '\''));
                        if let Some(quote) = quote.filter(|_| as_it_reads) {
                            finding.right(place, written, format!("{quote}{right}{quote}"));
                        }
                    } else if let MoneyError::UnknownCurrency { near, .. } = error {
                        finding.did_you_mean(near);
                    }
                    return None;
                }
            },
            "duration" => match exact(text) {
                Ok(duration) => (Value::Duration(duration), Type::Duration),
                Err(message) => {
                    self.error("R0301", text_span, message).label("write minutes, hours, days or weeks");
                    return None;
                }
            },
            "date" => match text.parse::<Date>() {
                Ok(date) if text.len() == 10 => (Value::Date(date), Type::Date),
                _ => {
                    self.error("R0306", text_span, format!("`{text}` is no date"))
                        .label("write year-month-day, like 2026-10-01");
                    return None;
                }
            },
            _ => match text.parse::<Timestamp>() {
                Ok(instant) => (Value::Instant(instant), Type::Instant),
                Err(_) => {
                    self.error("R0306", text_span, format!("`{text}` is no moment"))
                        .label("write it with its offset, like 2026-10-01T08:00:00Z");
                    return None;
                }
            },
        };
        Some(Typed::constant(value, TypeOf::Of(ty), span))
    }

    pub(super) fn method(
        &mut self,
        object: &Syntax,
        name: &str,
        name_span: Span,
        args: &[Syntax],
        span: Span,
    ) -> Option<Typed> {
        let Kind::Path(path) = &object.kind else {
            self.error("R0204", object.span, "only names have methods");
            return None;
        };
        let args: Vec<Option<Typed>> = args.iter().map(|arg| self.typed(arg)).collect();
        let args: Vec<Typed> = args.into_iter().collect::<Option<_>>()?;
        if let Some(method) = self.env.method(path, name) {
            if method.args.len() != args.len() {
                let (wants, has) = (method.args.len(), args.len());
                self.error(
                    "R0213",
                    span,
                    format!("`{name}` takes {wants} value{}, here are {has}", if wants == 1 { "" } else { "s" }),
                );
                return None;
            }
            for (arg, wanted) in args.iter().zip(&method.args) {
                let fits = arg.ty.ty() == *wanted
                    || (*wanted == Type::Number && arg.ty.ty() == Type::Count)
                    || (*wanted == Type::Percent && matches!(arg.ty, TypeOf::Bare(_)));
                if !fits {
                    self.error(
                        "R0213",
                        arg.span,
                        format!("`{name}` takes {}, this is {}", wanted.described(), arg.ty.ty().described()),
                    )
                    .label(format!("write something like `{}`", wanted.example()));
                    return None;
                }
            }
            for arg in &args {
                let Tree::Constant(value) = &arg.tree else { continue };
                if let Err(refused) = self.env.argument(path, name, value) {
                    self.error(refused.code, arg.span, refused.message).did_you_mean(refused.near.as_deref());
                    return None;
                }
            }
            let constants: Option<Box<[Value]>> = args
                .iter()
                .map(|arg| match &arg.tree {
                    Tree::Constant(value) => Some(value.clone()),
                    _ => None,
                })
                .collect();
            let args =
                constants.map_or_else(|| Args::Computed(args.into_iter().map(|arg| arg.tree).collect()), Args::Fixed);
            let tree = Tree::Call { object: Arc::from(path.as_str()), method: Arc::from(name), args };
            return Some(Typed::of(tree, method.returns, true, span));
        }
        match self.env.lookup(path) {
            Some(variable) if matches!(variable.ty, Type::Text | Type::List) && TEXT_METHODS.contains(&name) => {
                self.text_test(object, name, args, span)
            }
            found => {
                let mut methods = self.env.methods(path);
                if found.as_ref().is_some_and(|variable| variable.ty == Type::Text) {
                    methods.extend(TEXT_METHODS.map(str::to_owned));
                }
                if found.is_none() && methods.is_empty() {
                    let place = self.place.at(object.span);
                    unknown_name(path, place, self.place.path, self.env, self.findings);
                    return None;
                }
                let finding = self.error("R0212", name_span, format!("`{path}` has no method `{name}`"));
                finding.did_you_mean(suggest::nearest(name, methods.iter().map(String::as_str)));
                if !methods.is_empty() {
                    finding.hint(format!("Methods: {}.", suggest::listed(methods.iter().map(String::as_str), 8)));
                }
                None
            }
        }
    }

    fn text_test(&mut self, object: &Syntax, name: &str, args: Vec<Typed>, span: Span) -> Option<Typed> {
        let object = self.typed(object)?;
        let mut args = args.into_iter();
        let (Some(part), None) = (args.next(), args.next()) else {
            self.error("R0213", span, format!("`{name}` takes one text"));
            return None;
        };
        if part.ty.ty() != Type::Text {
            let described = part.ty.ty().described();
            self.error("R0213", part.span, format!("`{name}` takes a text, this is {described}"))
                .label("write it in quotes");
            return None;
        }
        let maybe_missing = object.maybe_missing || part.maybe_missing;
        let (text, part) = (Box::new(object.tree), Box::new(part.tree));
        let tree = match (object.ty.ty(), name) {
            (Type::List, "contains") => Tree::In(part, text),
            (Type::List, _) => {
                self.error("R0212", span, format!("a list has no method `{name}`")).label("write `\"…\" in …`");
                return None;
            }
            (_, "startsWith") => Tree::TextTest(TextTest::StartsWith, text, part),
            (_, "endsWith") => Tree::TextTest(TextTest::EndsWith, text, part),
            _ => Tree::TextTest(TextTest::Contains, text, part),
        };
        Some(Typed::of(tree, Type::Bool, maybe_missing, span))
    }
}

/// A length that is the same everywhere: days and weeks count 24 hours each here, because no calendar is asked.
fn exact(text: &str) -> Result<SignedDuration, String> {
    let minutes = match Length::parse(text).map_err(|error| error.to_string())? {
        length @ (Length::Minutes(_) | Length::Hours(_) | Length::Days(_) | Length::Weeks(_)) => length.about_minutes(),
        length => return Err(format!("`{length}` is not always equally long")),
    };
    Ok(SignedDuration::from_mins(minutes))
}
