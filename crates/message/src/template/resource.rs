//! The names inside `{{#next_resource}}`: those of the resource, like those of what `with` is given.

use handlebars::template::{BlockParam, HelperTemplate, Parameter};
use rapport_rule::suggest::{listed, nearest};
use serde_json::Value as Json;

use super::{Role, Scope, Walk};
use crate::next_resource::{self, Level, ResourceType, Wanted};
use crate::variable;

impl Walk<'_> {
    pub(super) fn next_resource(&mut self, call: &HelperTemplate) {
        // Of words that are none of its own nobody knows what the names inside are names of.
        let Some(wanted) = self.wanted(call) else { return };
        let base = wanted.path();
        let span = self.find(next_resource::NAME);
        self.used(base.clone(), span, Role::Asked, true);
        let names = match &call.block_param {
            Some(BlockParam::Single(item)) => {
                item.as_name().map(|name| (name.to_owned(), base.clone())).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let depth = self.guarded.len();
        // Not every resource says for whom it is made; one that was asked for by that does.
        let is_there = |field: &&str| wanted.level.is_some() || *field != variable::LEVEL;
        self.guarded.extend(variable::resource_fields().filter(is_there).map(|field| format!("{base}.{field}")));
        self.scopes.push(Scope { base, names });
        if let Some(template) = &call.template {
            self.template(template);
        }
        self.scopes.pop();
        self.guarded.truncate(depth);
        if let Some(template) = &call.inverse {
            self.template(template);
        }
    }

    /// What the options say; none with a finding for what is none of their words.
    fn wanted(&mut self, call: &HelperTemplate) -> Option<Wanted> {
        let of_type = self.option(call, "type", &ResourceType::CODES)?;
        let level = self.option(call, "level", &Level::CODES)?;
        Wanted::of_words(of_type, level)
    }

    /// The word of an option, `None` within when it is not written.
    fn option<'c>(&mut self, call: &'c HelperTemplate, option: &str, words: &[&str]) -> Option<Option<&'c str>> {
        let Some(given) = call.hash.get(option) else { return Some(None) };
        let Parameter::Literal(Json::String(word)) = given else {
            self.refuse("R0443", option, format!("`{option}` of `{}` is a word in quotes", next_resource::NAME))
                .hint(format!("Possible: {}.", listed(words.iter().copied(), 12)));
            return None;
        };
        if !words.contains(&word.as_str()) {
            self.refuse("R0443", word, format!("`{}` knows no {option} `{word}`", next_resource::NAME))
                .did_you_mean(nearest(word, words.iter().copied()))
                .hint(format!("Possible: {}.", listed(words.iter().copied(), 12)));
            return None;
        }
        Some(Some(word.as_str()))
    }
}
