//! Who writes, to whom, for whom: what the mailer adds when it renders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::escape::clean;

/// The person written to, from the `person` table. Never part of a planned context.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// As given: `Ada Lovelace`, `Reisefuchs GmbH`.
    pub name: Option<String>,
    /// What to say after "Hi"; derived from `name` when not given, see [`Person::first_name`].
    #[serde(default)]
    pub first_name: Option<String>,
    /// The address, as given.
    pub email: String,
}

impl Person {
    /// The name to greet with: the one given, else the first word of a name that looks like a person's. "Hi Reisefuchs"
    /// is worse than "Hi there", so anything with digits, a legal form or more than four words gives none.
    pub fn first_name(&self) -> Option<String> {
        if let Some(given) = self.first_name.as_deref().map(clean).filter(|name| !name.is_empty()) {
            return Some(given);
        }
        let name = clean(self.name.as_deref()?);
        let words: Vec<&str> = name.split(' ').collect();
        let looks_like_a_person = (1..=4).contains(&words.len())
            && words.iter().all(|word| is_name_word(word) && !LEGAL_FORMS.contains(&word.to_lowercase().as_str()));
        let first = words.first().copied()?;
        (looks_like_a_person && first.chars().count() > 1 && !first.ends_with('.')).then(|| first.to_owned())
    }
}

const LEGAL_FORMS: [&str; 24] = [
    "gmbh", "ag", "kg", "ug", "ohg", "ev", "inc", "inc.", "llc", "ltd", "ltd.", "as", "ab", "oy", "aps", "bv", "b.v.",
    "sarl", "sas", "srl", "blog", "media", "deals", "coupons",
];

fn is_name_word(word: &str) -> bool {
    word.chars()
        .all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’' | '.' | '\u{200c}' | '\u{200d}') || is_mark(c))
}

/// Combining marks of the scripts names come in; `char::is_alphabetic` has most, not all.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{094D}' | '\u{0E31}' | '\u{0E34}'..='\u{0E4E}')
}

/// Who signs a mail and reads the replies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// `Ines Dahl`.
    pub name: String,
    /// `Partner manager`.
    pub role: String,
    /// The address in From.
    pub email: String,
    /// Where replies go; a person reads it.
    pub reply_to: String,
}

/// The programme as a partner knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its id in events.
    pub id: String,
    /// `Acme Partners`.
    pub name: String,
    /// Its pages for partners, without a slash at the end.
    pub url: String,
}

/// What the law wants to know about the company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imprint {
    /// The company with its legal form.
    pub company: String,
    /// Street and town.
    pub address: String,
    /// Register and number.
    #[serde(default)]
    pub register: Option<String>,
    /// VAT number.
    #[serde(default)]
    pub vat: Option<String>,
    /// Who represents it.
    #[serde(default)]
    pub representative: Option<String>,
    /// Where it is written to.
    pub email: String,
    /// The full imprint.
    #[serde(default)]
    pub url: Option<String>,
}

/// What the mail is about, in its language: what a partner can opt out of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Its id in the configuration.
    pub id: String,
    /// Its name in the mail's language.
    pub name: String,
    /// One sentence, in the mail's language.
    pub about: String,
    /// Whether such mails are notices without a way out.
    pub service: bool,
}

/// The signed addresses of one mail; see [`crate::link`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Ends mails of this topic; none for service mails.
    pub unsubscribe: Option<String>,
    /// Why this mail was written.
    pub why: String,
    /// The preference page, if there is one.
    pub preferences: Option<String>,
    /// Per choice of the survey the address that answers with it.
    pub answers: BTreeMap<String, String>,
    /// Per proposal of a goal that the mail names the address where it is answered.
    pub goals: BTreeMap<String, String>,
    /// Per event the mail names the certificate of the award it gave, if it gave one.
    #[serde(default)]
    pub certificates: BTreeMap<String, String>,
    /// Per length of a period the review of the last one that was over when the mail was planned.
    #[serde(default)]
    pub reviews: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_people_are_greeted_by_name() {
        let greeted = |name: &str| Person { name: Some(name.into()), ..Person::default() }.first_name();
        assert_eq!(greeted("Ada Lovelace").as_deref(), Some("Ada"));
        assert_eq!(greeted("فاطمة الزهراء").as_deref(), Some("فاطمة"));
        assert_eq!(greeted("Jean-Luc O'Neill").as_deref(), Some("Jean-Luc"));
        assert_eq!(greeted("Ada").as_deref(), Some("Ada"));
        for nobody in ["Reisefuchs GmbH", "deals4you", "J. Smith", "The Very Best Of Oslo Shoes", "  ", "a@b.c"] {
            assert_eq!(greeted(nobody), None, "{nobody}");
        }
    }
}
