//! From text to a tree of our own with places, by the parser of the `cel` crate.

use cel::common::ast::{self, IdedExpr, LiteralValue, SourceInfo, operators};

pub use super::scan::{DEPTH_MAX, TEXT_BYTES_MAX, TOKENS_MAX};
use super::scan::{Kind as TokenKind, Meant, Token};
use super::{Environment, Place, Type};
use crate::finding::Findings;
use crate::source::Span;

/// A part of an expression and its place in the expression's text.
#[derive(Debug)]
pub(super) struct Syntax {
    pub span: Span,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A dotted path of names; for each but the first segment, where it stands.
    Path(String),
    List(Vec<Syntax>),
    Not(Box<Syntax>),
    Negate(Box<Syntax>),
    And(Box<Syntax>, Box<Syntax>),
    Or(Box<Syntax>, Box<Syntax>),
    Compare(Comparison, Box<Syntax>, Box<Syntax>),
    In(Box<Syntax>, Box<Syntax>),
    Arithmetic(Arithmetic, Box<Syntax>, Box<Syntax>),
    /// `money("100 EUR")`.
    Call {
        name: String,
        name_span: Span,
        args: Vec<Syntax>,
    },
    /// `event.has_category("shoes")`: the object is a path.
    Method {
        object: Box<Syntax>,
        name: String,
        name_span: Span,
        args: Vec<Syntax>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The same with both sides exchanged.
    pub(super) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }

    /// What holds where this does not, of values that are known.
    pub(super) fn negated(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Plus,
    Minus,
    Times,
    Divide,
    Remainder,
}

/// Parses an expression that is fit to be parsed; findings and none otherwise.
pub(super) fn parse(text: &str, place: &Place<'_>, env: &dyn Environment, findings: &mut Findings) -> Option<Syntax> {
    let tokens = match super::scan::scan(text) {
        Ok(tokens) => tokens,
        Err(refusal) => {
            let is_percent = |name: &str| env.lookup(name).is_some_and(|variable| variable.ty == Type::Percent);
            let right = refusal.right.filter(|right| place.exact && right.beside.as_deref().is_none_or(is_percent));
            let finding = findings.error(refusal.code, place.path, place.at(refusal.span), refusal.message);
            finding.label = refusal.label;
            finding.hint = refusal.hint.map(str::to_owned);
            if let Some(Meant { span, instead, .. }) = right.map(|right| *right) {
                finding.right(place.at(span), text.get(span.start..span.end).unwrap_or_default(), instead);
            }
            return None;
        }
    };
    if let Some(refused) = tokens.windows(2).find(|pair| {
        // The parser would rewrite these into loops.
        matches!(pair, [name, open] if open.text == "(" && MACROS.contains(&name.text))
    }) {
        let span = refused.first().map_or(Span::default(), |token| token.span);
        unsupported(place, span, "this function of CEL does not exist here", findings);
        return None;
    }
    // Numbers that do not fit are found here, where their place is known.
    let too_large = tokens.iter().enumerate().find(|(index, token)| {
        let negative = index.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|sign| sign.text == "-");
        token.kind == TokenKind::Number && !fits(token.text, negative)
    });
    if let Some((_, number)) = too_large {
        findings.error("R0202", place.path, place.at(number.span), format!("the number {} is too large", number.text));
        return None;
    }
    let parser = cel::parser::Parser::new().max_recursion_depth(64).error_recovery_limit(4);
    match parser.parse_with_source_info(text) {
        Ok((root, info)) => {
            let reader = Reader { text, tokens: &tokens, info: &info, place };
            reader.read(&root, findings)
        }
        Err(errors) => {
            let first = errors.errors.into_iter().next();
            let at = first.as_ref().and_then(|error| offset(text, error.pos)).unwrap_or(0);
            let token = tokens.iter().find(|token| token.span.end > at).or(tokens.last());
            let span = token.map_or(Span::new(0, text.len()), |token| token.span);
            let message = token.map_or_else(
                || "this is no expression".to_owned(),
                |token| format!("this is no expression from `{}` on", token.text),
            );
            findings
                .error("R0202", place.path, place.at(span), message)
                .hint("See `rapport code R0202` for what can be written.");
            None
        }
    }
}

const MACROS: [&str; 10] =
    ["has", "all", "exists", "exists_one", "existsOne", "map", "filter", "optMap", "optFlatMap", "bind"];

/// Whether a number can be held. The lowest whole number is one further from 0 than the highest.
fn fits(number: &str, negative: bool) -> bool {
    if number.contains('.') {
        return number.parse::<f64>().is_ok_and(f64::is_finite);
    }
    number.parse::<i64>().is_ok() || negative && number.parse::<u64>().is_ok_and(|size| size == i64::MIN.unsigned_abs())
}

fn unsupported(place: &Place<'_>, span: Span, message: &str, findings: &mut Findings) {
    findings
        .error("R0204", place.path, place.at(span), message)
        .hint("Comparisons, `in`, `&&`, `||`, `!`, + - * / %, methods and money(…) can be written.");
}

/// The byte at a line and column (both from 1, columns in characters).
fn offset(text: &str, (line, column): (isize, isize)) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let in_line: usize = text.get(before..)?.chars().take(column).map(char::len_utf8).sum();
    Some(before + in_line)
}

struct Reader<'a> {
    text: &'a str,
    tokens: &'a [Token<'a>],
    info: &'a SourceInfo,
    place: &'a Place<'a>,
}

impl Reader<'_> {
    /// The token at which the parser says a node is.
    fn token(&self, id: u64) -> Option<(usize, &Token<'_>)> {
        let (start, _) = self.info.offset_for(id)?;
        let index = self.tokens.iter().position(|token| token.span.start == start as usize)?;
        Some((index, self.tokens.get(index)?))
    }

    fn span(&self, id: u64) -> Span {
        self.token(id).map_or(Span::new(0, self.text.len()), |(_, token)| token.span)
    }

    fn next_span(&self, id: u64) -> Option<Span> {
        let (index, _) = self.token(id)?;
        self.tokens.get(index + 1).map(|token| token.span)
    }

    fn previous_span(&self, id: u64) -> Option<Span> {
        let (index, _) = self.token(id)?;
        self.tokens.get(index.checked_sub(1)?).map(|token| token.span)
    }

    /// Where the bracket that opens at a token closes.
    fn closing(&self, id: u64) -> Option<Span> {
        let (index, _) = self.token(id)?;
        let mut open = 0_usize;
        for token in self.tokens.get(index..)? {
            match token.kind {
                TokenKind::Open => open += 1,
                TokenKind::Close => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                return Some(token.span);
            }
        }
        None
    }

    fn read(&self, node: &IdedExpr, findings: &mut Findings) -> Option<Syntax> {
        let span = self.span(node.id);
        let refuse = |message: &str, findings: &mut Findings| {
            unsupported(self.place, span, message, findings);
            None
        };
        let (kind, span) = match &node.expr {
            ast::Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(value) => (Kind::Bool(*value.inner()), span),
                LiteralValue::Int(value) => {
                    (Kind::Int(*value.inner()), self.with_sign(node.id, span, *value.inner() < 0))
                }
                LiteralValue::Double(value) => {
                    (Kind::Float(*value.inner()), self.with_sign(node.id, span, value.inner().is_sign_negative()))
                }
                LiteralValue::String(value) => (Kind::Text(value.inner().to_owned()), span),
                LiteralValue::Null => {
                    return refuse("there is no `null`: what is missing answers `?` by itself", findings);
                }
                _ => return refuse("this kind of value does not exist here", findings),
            },
            ast::Expr::Ident(name) => (Kind::Path(name.clone()), span),
            ast::Expr::Select(select) if !select.test => {
                let operand = self.read(&select.operand, findings)?;
                let Kind::Path(path) = operand.kind else {
                    return refuse("only names have fields", findings);
                };
                let end = self.next_span(node.id).unwrap_or(span);
                (Kind::Path(format!("{path}.{}", select.field)), operand.span.cover(end))
            }
            ast::Expr::List(list) if list.optional_indices.is_empty() => {
                // Empty lists get no token of their own from the parser in every case; the whole text is near enough.
                let items: Vec<_> = list.elements.iter().map(|item| self.read(item, findings)).collect();
                let items: Vec<Syntax> = items.into_iter().collect::<Option<_>>()?;
                (Kind::List(items), span.cover(self.closing(node.id).unwrap_or(span)))
            }
            ast::Expr::Call(call) => return self.call(node.id, call, findings),
            _ => return refuse("this part of CEL does not exist here", findings),
        };
        Some(Syntax { span, kind })
    }

    /// The place of a negative number, its sign included.
    fn with_sign(&self, id: u64, span: Span, negative: bool) -> Span {
        let sign =
            self.previous_span(id).filter(|before| negative && self.text.get(before.start..before.end) == Some("-"));
        sign.map_or(span, |sign| sign.cover(span))
    }

    fn call(&self, id: u64, call: &ast::CallExpr, findings: &mut Findings) -> Option<Syntax> {
        let sign = self.span(id);
        // Both sides are read before giving up, so that both can be complained about.
        let args: Vec<Option<Syntax>> = call.args.iter().map(|arg| self.read(arg, findings)).collect();
        let args: Vec<Syntax> = args.into_iter().collect::<Option<_>>()?;
        let whole = args.iter().fold(sign, |span, arg| span.cover(arg.span));
        if let Some(target) = &call.target {
            let object = self.read(target, findings)?;
            let name_span = self.previous_span(id).unwrap_or(sign);
            let span = object.span.cover(self.closing(id).unwrap_or(whole));
            let kind = Kind::Method { object: Box::new(object), name: call.func_name.clone(), name_span, args };
            return Some(Syntax { span, kind });
        }
        let name = call.func_name.as_str();
        let comparison = match name {
            operators::EQUALS => Some(Comparison::Equal),
            operators::NOT_EQUALS => Some(Comparison::NotEqual),
            operators::LESS => Some(Comparison::Less),
            operators::LESS_EQUALS => Some(Comparison::LessOrEqual),
            operators::GREATER => Some(Comparison::Greater),
            operators::GREATER_EQUALS => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        let arithmetic = match name {
            operators::ADD => Some(Arithmetic::Plus),
            operators::SUBSTRACT => Some(Arithmetic::Minus),
            operators::MULTIPLY => Some(Arithmetic::Times),
            operators::DIVIDE => Some(Arithmetic::Divide),
            operators::MODULO => Some(Arithmetic::Remainder),
            _ => None,
        };
        let unary = matches!(name, operators::LOGICAL_NOT | operators::NEGATE);
        let binary = comparison.is_some()
            || arithmetic.is_some()
            || matches!(name, operators::LOGICAL_AND | operators::LOGICAL_OR | operators::IN);
        if unary || binary {
            let mut operands = args.into_iter().map(Box::new);
            let first = operands.next()?;
            let kind = if unary {
                if name == operators::NEGATE { Kind::Negate(first) } else { Kind::Not(first) }
            } else {
                let second = operands.next()?;
                match (comparison, arithmetic, name) {
                    (Some(comparison), _, _) => Kind::Compare(comparison, first, second),
                    (_, Some(arithmetic), _) => Kind::Arithmetic(arithmetic, first, second),
                    (_, _, operators::LOGICAL_AND) => Kind::And(first, second),
                    (_, _, operators::LOGICAL_OR) => Kind::Or(first, second),
                    _ => Kind::In(first, second),
                }
            };
            return Some(Syntax { span: whole, kind });
        }
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(['[', '?', '@']) {
            let name_span = self.previous_span(id).unwrap_or(sign);
            let span = name_span.cover(self.closing(id).unwrap_or(whole));
            return Some(Syntax { span, kind: Kind::Call { name: name.to_owned(), name_span, args } });
        }
        unsupported(self.place, sign, "this part of CEL does not exist here", findings);
        None
    }
}
