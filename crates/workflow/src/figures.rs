//! Figures as names of expressions: which exist is `partner`'s to say, here they get the types of the language.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rapport_partner::figure::{Figure, FigureError, Unit, Window};
use rapport_partner::program::Cut;
use rapport_partner::{Foreseen, ProgramFigure, sold};
use rapport_rule::expr::{Type, Variable};

/// What is known of a figure; none if there is no such figure.
pub(crate) fn variable(name: &str) -> Option<Variable> {
    let figure = Figure::parse(name).ok()?;
    let variable = Variable::of(ty(figure.unit()));
    let variable = if figure.may_be_negative() { variable.or_negative() } else { variable };
    // Parts of one whole. Growth can be above 100, and so can a share of what was counted at another time.
    let variable = match figure {
        Figure::NewCustomerShare(_) | Figure::Foreseen(Foreseen::Chance) => variable.never_above(100),
        _ => variable,
    };
    // Within a journey the sums at its start are always known.
    let known = matches!(figure, Figure::Sum(measure, Window::SinceStart) if !measure.is_money());
    Some(if figure.may_be_missing() && !known { variable.or_missing() } else { variable })
}

/// Why there is no such figure, where only its window is too long: another window, however near, would count something else.
pub(crate) fn why_not(name: &str) -> Option<String> {
    match Figure::parse(name) {
        Err(error @ FigureError::WindowTooLong { .. }) => Some(error.to_string()),
        _ => None,
    }
}

fn ty(unit: Unit) -> Type {
    match unit {
        Unit::Count => Type::Count,
        Unit::Money => Type::Money,
        Unit::Number => Type::Number,
        Unit::Percent => Type::Percent,
    }
}

/// What is known of a programme's figure, or of one of its lists, as it stands behind `program.`. All may be missing: none is known
/// before the first day of a programme is closed.
pub(crate) fn of_program(name: &str) -> Option<Variable> {
    if sold::is_list(name) {
        return Some(Variable::of(Type::List).or_missing());
    }
    let figure = ProgramFigure::parse(name).or_else(|| Cut::parse(name).map(|(_, figure)| figure))?;
    let variable = Variable::of(ty(figure.unit())).or_missing();
    Some(if figure.may_be_negative() { variable.or_negative() } else { variable })
}

/// The cuts that files name: `program.by_type.coupon.revenue_28d` asks for `by_type.coupon`. Read from the plain texts, so that none is
/// overlooked wherever it may be named.
pub(crate) fn cuts<'a>(texts: impl Iterator<Item = &'a str>) -> BTreeMap<Cut, BTreeSet<ProgramFigureName>> {
    let mut all: BTreeMap<Cut, BTreeSet<ProgramFigureName>> = BTreeMap::new();
    for text in texts {
        for (at, _) in text.match_indices("program.by_") {
            let rest = text.get(at + "program.".len()..).unwrap_or_default();
            let name = rest.split(|letter: char| !letter.is_alphanumeric() && !"_.".contains(letter)).next();
            if let Some((cut, figure)) = name.map(|name| name.trim_end_matches('.')).and_then(Cut::parse) {
                all.entry(cut).or_default().insert(figure.to_string().into());
            }
        }
    }
    all
}

/// A programme figure by its name, `revenue_28d`.
pub(crate) type ProgramFigureName = Arc<str>;

/// Names of a programme's figures and lists.
pub(crate) fn program_proposals() -> Vec<String> {
    let lists = sold::LISTS.iter().map(|(list, _)| (*list).to_owned());
    ProgramFigure::all().map(|figure| figure.to_string()).chain(lists).collect()
}

/// Whether a figure counts from a journey's start.
pub(crate) fn needs_journey(name: &str) -> bool {
    Figure::parse(name).is_ok_and(|figure| figure.needs_start())
}

/// Names worth proposing.
pub(crate) fn proposals() -> Vec<String> {
    Figure::examples()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_found_wherever_they_are_named() {
        let texts = [
            "if: program.by_type.coupon.revenue_28d > 5",
            "text: \"{{program.by_type.coupon.reversal_rate_90d}} and {{money program.by_country.NO.revenue_28d}}.\"",
            "# program.by_type.coupon.nothing_28d, program.by_day.x.revenue_28d, program.by_type.",
        ];
        let found: Vec<String> = cuts(texts.into_iter())
            .into_iter()
            .flat_map(|(cut, names)| names.into_iter().map(move |name| format!("{cut}.{name}")))
            .collect();
        assert_eq!(
            found,
            ["by_type.coupon.revenue_28d", "by_type.coupon.reversal_rate_90d", "by_country.NO.revenue_28d"]
        );
    }
}
