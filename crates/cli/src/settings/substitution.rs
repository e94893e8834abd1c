//! `${NAME}` in settings.

use std::collections::BTreeMap;

/// Environment variables, read once.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The process's. Variables that are not Unicode are none of ours.
    pub fn of_process() -> Self {
        let all = std::env::vars_os();
        Self(all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
    }

    /// These.
    #[cfg(test)]
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// A variable that says something.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// Why a text cannot be filled in. Names the variable, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such variable.
    Missing(String),
    /// `${` without `}`.
    Open,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::Missing(name) => write!(f, "the environment has no {name}"),
            Problem::Open => f.write_str("`${` without `}`"),
        }
    }
}

/// Puts variables in the place of `${NAME}`.
pub fn fill(text: &str, environment: &Environment) -> Result<String, Problem> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').ok_or(Problem::Open)?;
        filled.push_str(before);
        filled.push_str(environment.get(name).ok_or_else(|| Problem::Missing(name.to_owned()))?);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_once() {
        let environment = Environment::of(&[("A", "x"), ("B", "${A}")]);
        assert_eq!(fill("1${A}2${B}3", &environment).unwrap(), "1x2${A}3");
        assert_eq!(fill("${C}", &environment), Err(Problem::Missing("C".into())));
        assert_eq!(fill("${A", &environment), Err(Problem::Open));
    }
}
