//! Which types may meet at which operator, and what comes out.

use super::{Checker, TypeOf, Typed};
use crate::expr::syntax::{Arithmetic, Comparison, Kind, Syntax};
use crate::expr::tree::{Tree, calculate};
use crate::expr::{Scope, Type, Value};
use crate::source::Span;
use crate::suggest;

/// Constants are calculated with nothing known.
struct Nothing;

impl Scope for Nothing {
    fn value(&self, _: &str) -> Value {
        Value::Missing
    }
}

fn numeric(ty: Type) -> bool {
    matches!(ty, Type::Count | Type::Number)
}

impl Checker<'_> {
    pub(super) fn comparison(
        &mut self,
        comparison: Comparison,
        left: &Syntax,
        right: &Syntax,
        span: Span,
    ) -> Option<Typed> {
        let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if matches!(left.kind, Kind::Compare(..)) && ordered {
            self.error("R0210", span, "comparisons cannot be chained").label("write `a < b && b < c`");
            return None;
        }
        let (a, b) = (self.side(left, right), self.side(right, left));
        let (mut a, mut b) = (a?, b?);
        self.as_percent(&mut a, &b)?;
        self.as_percent(&mut b, &a)?;
        if !self.comparable(&a, &b, span) {
            return None;
        }
        if ordered && matches!(a.ty.ty(), Type::Bool | Type::Text | Type::List) {
            let described = a.ty.ty().described();
            self.error("R0210", span, format!("{described} has no order")).label("write `==` or `!=`");
            return None;
        }
        self.in_closed_set(&a, &b);
        self.in_closed_set(&b, &a);
        let maybe_missing = a.maybe_missing || b.maybe_missing;
        let tree = Tree::Compare(comparison, Box::new(a.tree), Box::new(b.tree));
        Some(Typed::of(tree, Type::Bool, maybe_missing, span))
    }

    /// One side of a comparison. A bare word beside a text is mostly a text without its quotes: say that.
    fn side(&mut self, syntax: &Syntax, other: &Syntax) -> Option<Typed> {
        if let (Kind::Path(word), Kind::Path(name)) = (&syntax.kind, &other.kind)
            && !word.contains('.')
            && self.env.lookup(word).is_none()
            && let Some(variable) = self.env.lookup(name).filter(|variable| variable.ty == Type::Text)
        {
            let finding = self.error("R0201", syntax.span, format!("there is no `{word}`"));
            finding.label(format!("a text stands in quotes: \"{word}\""));
            if let Some(set) = variable.closed_set {
                finding.hint(format!("Possible: {}.", suggest::listed(set.iter().map(|text| &**text), 12)));
            }
            return None;
        }
        self.typed(syntax)
    }

    /// Gives a bare number the unit of the percentage beside it; R0218 if it was written as a fraction.
    fn as_percent(&mut self, bare: &mut Typed, other: &Typed) -> Option<()> {
        let percent = other.ty == TypeOf::Of(Type::Percent);
        let Some(number) = bare.constant_number().filter(|_| percent) else { return Some(()) };
        if number > 0.0 && number < 1.0 {
            let written = self.written(bare.span).to_owned();
            let meant = (number * 10_000.0).round() / 100.0;
            let name = self.written(other.span).to_owned();
            self.error("R0218", bare.span, format!("`{name}` is a percentage from 0 to 100, {written} is a fraction"))
                .label(format!("write `{meant}`"));
            return None;
        }
        bare.tree = Tree::Constant(Value::Percent(number));
        bare.ty = TypeOf::Of(Type::Percent);
        Some(())
    }

    fn comparable(&mut self, a: &Typed, b: &Typed, span: Span) -> bool {
        let (x, y) = (a.ty.ty(), b.ty.ty());
        if (x == y && x != Type::List) || (numeric(x) && numeric(y)) {
            return true;
        }
        let (left, right) = (self.written(a.span).to_owned(), self.written(b.span).to_owned());
        let message = format!("`{left}` is {}, `{right}` is {}", x.described(), y.described());
        // The bare or written-out side is the one to change.
        let (kept, changed) = if matches!(a.tree, Tree::Constant(_)) { (b, a) } else { (a, b) };
        let written = self.written(changed.span).to_owned();
        let label = match (kept.ty.ty(), changed.ty) {
            (Type::Money, TypeOf::Bare(_)) => Some(format!("write `money(\"{written} EUR\")`")),
            (Type::Duration, TypeOf::Bare(_)) => Some(format!("write `duration(\"{written} days\")`")),
            (Type::Date | Type::Instant | Type::Money | Type::Duration, TypeOf::Of(Type::Text)) => {
                Some(format!("write `{}`", kept.ty.ty().example()))
            }
            (Type::Text, TypeOf::Bare(_)) => Some(format!("write \"{written}\" in quotes")),
            (Type::Count | Type::Number | Type::Percent, TypeOf::Of(Type::Text)) => {
                Some("write the number without quotes".into())
            }
            (Type::List, TypeOf::Of(Type::Text)) => Some(format!("write `{written} in {}`", self.written(kept.span))),
            (Type::Text, TypeOf::Of(Type::List)) => Some(format!("write `{} in {written}`", self.written(kept.span))),
            _ => None,
        };
        let finding = self.error("R0210", span, message);
        match label {
            Some(label) => finding.label(label),
            None => finding.label("these cannot be compared"),
        };
        false
    }

    /// R0214 for a written-out text that the other side can never be.
    fn in_closed_set(&mut self, text: &Typed, other: &Typed) {
        let Some(word) = text.constant_text().map(str::to_owned) else { return };
        if let Tree::Name(name) = &other.tree
            && let Err(refused) = self.env.possible(name, &word)
        {
            self.error(refused.code, text.span, refused.message).did_you_mean(refused.near.as_deref());
            return;
        }
        let Some(set) = &other.closed_set else { return };
        if set.iter().any(|possible| **possible == *word) {
            return;
        }
        let name = self.written(other.span).to_owned();
        let set = set.clone();
        let possible = || set.iter().map(|text| &**text);
        self.error("R0214", text.span, format!("`{name}` is never \"{word}\""))
            .did_you_mean(suggest::nearest(&word, possible()))
            .hint(format!("Possible: {}.", suggest::listed(possible(), 12)));
    }

    pub(super) fn membership(&mut self, needle: &Syntax, list: &Syntax, span: Span) -> Option<Typed> {
        let typed = self.typed(needle);
        if let Kind::List(items) = &list.kind {
            let mut compiled = Vec::with_capacity(items.len());
            let typed = typed?;
            if items.is_empty() {
                self.error("R0217", list.span, "nothing is in an empty list");
                return None;
            }
            let mut maybe_missing = typed.maybe_missing;
            for item in items {
                let mut item = self.typed(item)?;
                self.as_percent(&mut item, &typed)?;
                if !self.comparable(&typed, &item, item.span) {
                    return None;
                }
                self.in_closed_set(&item, &typed);
                maybe_missing |= item.maybe_missing;
                compiled.push(item.tree);
            }
            return Some(Typed::of(Tree::OneOf(Box::new(typed.tree), compiled), Type::Bool, maybe_missing, span));
        }
        let list = self.typed(list);
        let (typed, list) = (typed?, list?);
        if typed.ty.ty() != Type::Text || list.ty.ty() != Type::List {
            let described = (typed.ty.ty().described(), list.ty.ty().described());
            self.error(
                "R0210",
                span,
                format!("`in` asks for a text in a list of texts, not for {} in {}", described.0, described.1),
            )
            .label(format!("write a list: `… in {}`", Type::List.example()));
            return None;
        }
        self.in_closed_set(&typed, &list);
        let maybe_missing = typed.maybe_missing || list.maybe_missing;
        Some(Typed::of(Tree::In(Box::new(typed.tree), Box::new(list.tree)), Type::Bool, maybe_missing, span))
    }

    pub(super) fn negated(&mut self, inner: &Syntax, span: Span) -> Option<Typed> {
        let inner = self.typed(inner)?;
        let ty = inner.ty.ty();
        if !matches!(ty, Type::Count | Type::Number | Type::Money | Type::Percent | Type::Duration) {
            self.error("R0211", span, format!("`-` before {} means nothing", ty.described()));
            return None;
        }
        let tree = Tree::Negate(Box::new(inner.tree));
        Some(Typed { ty: inner.ty, ..self.folded(tree, ty, inner.maybe_missing, span) })
    }

    pub(super) fn arithmetic(&mut self, sign: Arithmetic, left: &Syntax, right: &Syntax, span: Span) -> Option<Typed> {
        let (a, b) = (self.typed(left), self.typed(right));
        let (mut a, mut b) = (a?, b?);
        if matches!(sign, Arithmetic::Plus | Arithmetic::Minus) {
            self.as_percent(&mut a, &b)?;
            self.as_percent(&mut b, &a)?;
        }
        let divides = matches!(sign, Arithmetic::Divide | Arithmetic::Remainder);
        if divides && b.constant_number() == Some(0.0) {
            self.error("R0211", b.span, "division by zero").label("the result would always be missing");
            return None;
        }
        let Some(ty) = result(sign, a.ty, b.ty) else {
            let (x, y) = (a.ty.ty(), b.ty.ty());
            let verb = match sign {
                Arithmetic::Plus => "added to",
                Arithmetic::Minus => "taken from",
                Arithmetic::Times => "multiplied by",
                Arithmetic::Divide | Arithmetic::Remainder => "divided by",
            };
            let (x, y) = if sign == Arithmetic::Minus { (y, x) } else { (x, y) };
            let message = format!("{} cannot be {verb} {}", x.described(), y.described());
            let label = match (x, y) {
                (Type::Text, _) | (_, Type::Text) => {
                    "texts are put together with {{…}} in the mail, not in expressions"
                }
                (Type::Money, Type::Count | Type::Number) | (Type::Count | Type::Number, Type::Money) => {
                    "give the number its currency: `money(\"100 EUR\")`"
                }
                (Type::Percent, _) | (_, Type::Percent) => "write a factor: `1.2 * …` for 20 percent more",
                _ => "",
            };
            let finding = self.error("R0211", span, message);
            if !label.is_empty() {
                finding.label(label);
            }
            return None;
        };
        let maybe_missing = a.maybe_missing || b.maybe_missing || (divides && b.constant_number().is_none());
        let tree = Tree::Arithmetic(sign, Box::new(a.tree), Box::new(b.tree));
        let folded = self.folded(tree, ty.ty(), maybe_missing, span);
        if matches!(folded.tree, Tree::Constant(Value::Missing)) {
            self.error("R0211", span, "the result does not fit").label("the number is too large");
            return None;
        }
        Some(Typed { ty, ..folded })
    }

    /// What is made of constants only is calculated now.
    fn folded(&self, tree: Tree, ty: Type, maybe_missing: bool, span: Span) -> Typed {
        let constant = match &tree {
            Tree::Negate(inner) => matches!(**inner, Tree::Constant(_)).then(|| tree.value(&Nothing)),
            Tree::Arithmetic(sign, left, right) => match (&**left, &**right) {
                (Tree::Constant(a), Tree::Constant(b)) => Some(calculate(*sign, a, b, &Nothing)),
                _ => None,
            },
            _ => None,
        };
        Typed::of(constant.map_or(tree, Tree::Constant), ty, maybe_missing, span)
    }
}

/// The type of `a sign b`; none if the two cannot meet there.
fn result(sign: Arithmetic, a: TypeOf, b: TypeOf) -> Option<TypeOf> {
    use Arithmetic::{Divide, Minus, Plus, Remainder, Times};
    use Type::{Count, Date, Duration, Instant, Money, Number, Percent};
    let (x, y) = (a.ty(), b.ty());
    let bare = matches!((a, b), (TypeOf::Bare(_), TypeOf::Bare(_)));
    let ty = match (sign, x, y) {
        (Plus | Minus | Times | Remainder, Count, Count) => Count,
        (Divide, Count, Count) => Number,
        (Remainder, ..) => return None,
        (_, Count | Number, Count | Number) => Number,
        (Plus | Minus, Money, Money) => Money,
        (Divide, Money, Money) => Number,
        (Times | Divide, Money, Count | Number) | (Times, Count | Number, Money) => Money,
        (Plus | Minus, Percent, Percent) => Percent,
        (Divide, Percent, Percent) => Number,
        (Times | Divide, Percent, Count | Number) => Percent,
        (Times, Count | Number, Percent) if matches!(a, TypeOf::Bare(_)) => Percent,
        (Plus | Minus, Duration, Duration) => Duration,
        (Divide, Duration, Duration) => Number,
        (Plus | Minus, Instant, Duration) => Instant,
        (Minus, Instant, Instant) => Duration,
        (Minus, Date, Date) => Count,
        _ => return None,
    };
    Some(if bare { TypeOf::Bare(ty) } else { TypeOf::Of(ty) })
}
