//! What identifies a person or was written by one: it lives in the `person` table only, never in the log, state or snapshots.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::extra::Extra;

/// Personal fields an event brought.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonalData {
    /// How the partner is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// How the partner is greeted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Box<str>>,
    /// The mail address, checked, its domain in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Box<str>>,
    /// A telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Box<str>>,
    /// A postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Box<str>>,
    /// Free text and undeclared fields with the name of a personal one, by field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub free: BTreeMap<String, Value>,
}

/// Undeclared fields of these names are taken for personal, wherever they stand.
pub const PERSONAL_NAMES: &[&str] = &[
    "name",
    "first_name",
    "last_name",
    "full_name",
    "email",
    "e_mail",
    "mail_address",
    "phone",
    "mobile",
    "address",
    "street",
    "birthday",
    "date_of_birth",
    "iban",
    "tax_id",
    "ip",
    "ip_address",
    "comment",
    "text",
    "free_text",
    "body",
    "note",
    "notes",
];

impl PersonalData {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// This on top of what was known before: what is not named stays as it was. Free text is replaced as a whole field.
    #[must_use]
    pub fn over(self, before: PersonalData) -> PersonalData {
        // A new name makes the old greeting wrong.
        let first_name = if self.name.is_some() { self.first_name } else { self.first_name.or(before.first_name) };
        let mut free = before.free;
        free.extend(self.free);
        PersonalData {
            name: self.name.or(before.name),
            first_name,
            email: self.email.or(before.email),
            phone: self.phone.or(before.phone),
            address: self.address.or(before.address),
            free,
        }
    }

    /// How to greet: the given first name, else the first word of a name of two or more words.
    pub fn greeting(&self) -> Option<&str> {
        if let Some(first) = &self.first_name {
            return Some(first);
        }
        let name = self.name.as_deref()?;
        let mut words = name.split_whitespace();
        let first = words.next()?;
        words.next().map(|_| first)
    }

    /// Moves undeclared fields with personal names out of `extra`.
    pub(crate) fn take_named(&mut self, extra: &mut Extra) {
        if extra.is_empty() {
            return;
        }
        for name in PERSONAL_NAMES {
            if let Some(value) = extra.remove(name) {
                self.free.insert((*name).to_owned(), value);
            }
        }
    }
}
