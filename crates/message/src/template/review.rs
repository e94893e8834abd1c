//! `{{review_link "quarter"}}`: which period it looks back on is a word, so that `check` knows there is a page.

use handlebars::template::{HelperTemplate, Parameter};
use rapport_rule::suggest::{listed, nearest};
use serde_json::Value as Json;

use super::Walk;
use crate::helper::{REVIEW_LINK, REVIEW_PERIODS};

impl Walk<'_> {
    /// Whether the call names a period there are reviews of; tells what is wrong if not.
    pub(super) fn names_a_period(&mut self, call: &HelperTemplate) -> bool {
        let possible = format!("Possible: {}.", listed(REVIEW_PERIODS, 12));
        let Some(Parameter::Literal(Json::String(word))) = call.params.first() else {
            self.refuse("R0597", REVIEW_LINK, format!("`{REVIEW_LINK}` takes a word in quotes")).hint(possible);
            return false;
        };
        let known = REVIEW_PERIODS.contains(&word.as_str());
        if !known {
            self.refuse("R0597", word, format!("`{REVIEW_LINK}` knows no period `{word}`"))
                .did_you_mean(nearest(word, REVIEW_PERIODS))
                .hint(possible);
        }
        known
    }
}
