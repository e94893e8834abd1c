//! Figures as names of expressions: which exist is `partner`'s to say, here they get the types of the language.

use rapport_partner::figure::{Figure, Unit, Window};
use rapport_rule::expr::{Type, Variable};

/// What is known of a figure; none if there is no such figure.
pub(crate) fn variable(name: &str) -> Option<Variable> {
    let figure = Figure::parse(name).ok()?;
    let ty = match figure.unit() {
        Unit::Count => Type::Count,
        Unit::Money => Type::Money,
        Unit::Number => Type::Number,
        Unit::Percent => Type::Percent,
    };
    let variable = Variable::of(ty);
    // Within a journey the sums at its start are always known.
    let known = matches!(figure, Figure::Sum(measure, Window::SinceStart) if !measure.is_money());
    Some(if figure.may_be_missing() && !known { variable.or_missing() } else { variable })
}

/// Whether a figure counts from a journey's start.
pub(crate) fn needs_journey(name: &str) -> bool {
    Figure::parse(name).is_ok_and(|figure| figure.needs_start())
}

/// Names worth proposing.
pub(crate) fn proposals() -> Vec<String> {
    Figure::examples()
}
