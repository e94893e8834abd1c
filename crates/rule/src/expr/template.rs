//! Texts with `{{path}}` in them: `with` values, tasks, webhooks, names of mails.

use std::sync::Arc;

use super::{Environment, Scope, Variable};
use crate::finding::Findings;
use crate::source::Span;
use crate::suggest;

/// A compiled text.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: Arc<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Arc<str>),
    Name { path: Arc<str>, variable: Variable },
}

/// Whether a text is a dotted path of names: `partner.answers.motivation`.
pub fn is_path(text: &str) -> bool {
    let segment = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    !text.is_empty() && text.split('.').all(segment)
}

impl Template {
    /// A text without names.
    pub fn literal(text: &str) -> Template {
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Literal(Arc::from(text))] };
        Template { text: Arc::from(text), parts }
    }

    /// Compiles a text; `span` as in [`super::compile`]. Findings: R0220 for braces that do not match or hold no name,
    /// R0201 for an unknown name, R0216 for a text that is nothing but a name in scope, its braces forgotten.
    pub fn compile(
        text: &str,
        span: Span,
        path: &str,
        env: &dyn Environment,
        findings: &mut Findings,
    ) -> Option<Template> {
        let place = super::Place { path, span, exact: span.len() == text.len() };
        let before = findings.errors();
        if is_path(text) && env.lookup(text).is_some() {
            findings
                .error(
                    "R0216",
                    path,
                    place.at(Span::new(0, text.len())),
                    format!("`{text}` is a name, but stands here as a text"),
                )
                .label(format!("write \"{{{{{text}}}}}\""))
                .hint("Its value is only put in between {{ and }}.");
            return None;
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..) {
            let Some(open) = rest.find("{{") else {
                if let Some(stray) = rest.find("}}") {
                    let stray = Span::new(at + stray, at + stray + 2);
                    findings.error("R0220", path, place.at(stray), "`}}` closes nothing");
                }
                if !rest.is_empty() {
                    parts.push(Part::Literal(Arc::from(rest)));
                }
                break;
            };
            let (before_open, after_open) =
                (rest.get(..open).unwrap_or_default(), rest.get(open + 2..).unwrap_or_default());
            if !before_open.is_empty() {
                parts.push(Part::Literal(Arc::from(before_open)));
            }
            let inside_at = at + open + 2;
            let Some(close) = after_open.find("}}") else {
                findings
                    .error("R0220", path, place.at(Span::new(at + open, at + open + 2)), "`{{` is not closed")
                    .label("close it with `}}`");
                break;
            };
            let inside = after_open.get(..close).unwrap_or_default();
            let name = inside.trim();
            let name_at = inside_at + (inside.len() - inside.trim_start().len());
            let name_span = place.at(Span::new(name_at, name_at + name.len()));
            if is_path(name) {
                match env.lookup(name) {
                    Some(variable) => parts.push(Part::Name { path: Arc::from(name), variable }),
                    None => super::check::unknown_name(name, name_span, path, env, findings),
                }
            } else {
                let shown =
                    if name.is_empty() { "there is no name".to_owned() } else { format!("`{name}` is no name") };
                findings
                    .error("R0220", path, name_span, format!("{shown} between {{{{ and }}}}"))
                    .hint("Only names with dots, like {{partner.name}}; helpers belong in the mail itself.");
            }
            at = inside_at + close + 2;
        }
        (findings.errors() == before).then(|| Template { text: Arc::from(text), parts })
    }

    /// The text as written.
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The one name if the text is nothing but that: `{{partner.country}}`.
    pub fn as_name(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Name { path, .. }] => Some(path),
            _ => None,
        }
    }

    /// The names in it and what is known of them, in order, repetitions included.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &Variable)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name { path, variable } => Some((&**path, variable)),
            Part::Literal(_) => None,
        })
    }

    /// The names in it, each once, in order of first use.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for (name, _) in self.variables() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The text with every value put in; a missing value is nothing.
    pub fn render(&self, scope: &dyn Scope) -> String {
        self.render_keeping(scope, &|_| false)
    }

    /// Like [`Template::render`], but names that `keep` picks stay as `{{name}}` for somebody who knows them later:
    /// personal fields, which the engine never sees.
    pub fn render_keeping(&self, scope: &dyn Scope, keep: &dyn Fn(&str) -> bool) -> String {
        let mut text = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Name { path, .. } if keep(path) => {
                    text.push_str("{{");
                    text.push_str(path);
                    text.push_str("}}");
                }
                Part::Name { path, .. } => match scope.value(path) {
                    super::Value::Missing => {}
                    value => text.push_str(&value.to_string()),
                },
            }
        }
        text
    }

    /// Every text it can become, if all its names have closed sets (R0420 is the caller's); at most `most` of them.
    pub fn expansions(&self, most: usize) -> Option<Vec<String>> {
        let mut all = vec![String::new()];
        for part in &self.parts {
            match part {
                Part::Literal(literal) => all.iter_mut().for_each(|text| text.push_str(literal)),
                Part::Name { variable, .. } => {
                    let set = variable.closed_set.as_ref()?;
                    if all.len().saturating_mul(set.len()) > most {
                        return None;
                    }
                    all = all.iter().flat_map(|text| set.iter().map(move |value| format!("{text}{value}"))).collect();
                }
            }
        }
        Some(all)
    }
}

/// Names that a text looks like it wants but has not in scope are found by this in other crates too.
pub(super) fn known_after(prefix: &str, names: &[String]) -> Option<String> {
    let dotted = format!("{prefix}.");
    let mut fields: Vec<&str> = names
        .iter()
        .filter_map(|name| name.strip_prefix(&dotted))
        .map(|rest| rest.split('.').next().unwrap_or(rest))
        .collect();
    fields.sort_unstable();
    fields.dedup();
    (!fields.is_empty()).then(|| suggest::listed(fields, 8))
}
