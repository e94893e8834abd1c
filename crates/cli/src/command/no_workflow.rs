//! A workflow that is named and not there: every command says so in the same words, with the nearest name there is.

use rapport_rule::suggest::{listed, nearest};

use crate::exit::Failure;
use crate::printed::harmless;

/// Where none is near, so many are listed.
const LISTED_MAX: usize = 8;

/// There is none of this name among those that could be meant.
pub(super) fn named<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Failure {
    failure(format!("there is no workflow `{}`", harmless(name)), name, known)
}

/// None of this name is in force; the folder may well have one.
pub(super) fn in_force<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Failure {
    failure(format!("no workflow `{}` is in force", harmless(name)), name, known)
}

fn failure<'k>(message: String, name: &str, known: impl IntoIterator<Item = &'k str>) -> Failure {
    let known: Vec<&str> = known.into_iter().collect();
    Failure::input(message).help(match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is none".to_owned(),
        None => format!("there are {}", listed(known, LISTED_MAX)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit;

    #[track_caller]
    fn check(failure: &Failure, says: &str) {
        assert_eq!(failure.to_string(), says);
        assert_eq!(failure.code, exit::BAD_INPUT);
    }

    #[test]
    fn the_nearest_is_named_and_else_what_there_is() {
        let known = ["welcome", "newsletter"];
        check(&named("welcom", known), "error: there is no workflow `welcom`\n  help: did you mean `welcome`?");
        check(&named("zebra", known), "error: there is no workflow `zebra`\n  help: there are `welcome`, `newsletter`");
        check(&named("zebra", []), "error: there is no workflow `zebra`\n  help: there is none");
        check(&in_force("welcom", known), "error: no workflow `welcom` is in force\n  help: did you mean `welcome`?");
    }
}
