//! Figures as names of expressions: which exist is `partner`'s to say, here they get the types of the language.

use rapport_partner::ProgramFigure;
use rapport_partner::figure::{Figure, Unit, Window};
use rapport_rule::expr::{Type, Variable};

/// What is known of a figure; none if there is no such figure.
pub(crate) fn variable(name: &str) -> Option<Variable> {
    let figure = Figure::parse(name).ok()?;
    let variable = Variable::of(ty(figure.unit()));
    let variable = if figure.may_be_negative() { variable.or_negative() } else { variable };
    // Within a journey the sums at its start are always known.
    let known = matches!(figure, Figure::Sum(measure, Window::SinceStart) if !measure.is_money());
    Some(if figure.may_be_missing() && !known { variable.or_missing() } else { variable })
}

fn ty(unit: Unit) -> Type {
    match unit {
        Unit::Count => Type::Count,
        Unit::Money => Type::Money,
        Unit::Number => Type::Number,
        Unit::Percent => Type::Percent,
    }
}

/// What is known of a programme's figure, as it stands behind `program.`. All may be missing: none is known before the first day
/// of a programme is closed.
pub(crate) fn of_program(name: &str) -> Option<Variable> {
    let figure = ProgramFigure::parse(name)?;
    let variable = Variable::of(ty(figure.unit())).or_missing();
    Some(if figure.may_be_negative() { variable.or_negative() } else { variable })
}

/// Names of a programme's figures.
pub(crate) fn program_proposals() -> Vec<String> {
    ProgramFigure::all().map(|figure| figure.to_string()).collect()
}

/// Whether a figure counts from a journey's start.
pub(crate) fn needs_journey(name: &str) -> bool {
    Figure::parse(name).is_ok_and(|figure| figure.needs_start())
}

/// Names worth proposing.
pub(crate) fn proposals() -> Vec<String> {
    Figure::examples()
}
