//! Kinds a programme declares for itself in `config/events.yaml`. This crate takes them as data; reading YAML is `workflow`'s job.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::FieldType;
use crate::kind::{Kind, is_name};

/// All declared kinds.
#[derive(Debug, Clone, Default)]
pub struct CustomKinds {
    kinds: BTreeMap<Arc<str>, CustomKind>,
}

/// One declared kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomKind {
    /// Its name, such as `webinar.attended`.
    pub name: Arc<str>,
    /// One sentence for people.
    pub about: String,
    /// The fields of its data. Others are kept but cannot be named in workflows.
    pub fields: Vec<CustomField>,
}

/// One field of a declared kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CustomField {
    /// Its name.
    pub name: Arc<str>,
    /// What it holds.
    pub ty: FieldType,
    /// Whether every event must have it.
    pub required: bool,
    /// Whether it says something about a person, and is therefore kept out of the log.
    pub personal: bool,
    /// The values allowed; empty for any.
    pub values: Vec<Arc<str>>,
}

/// Why a kind cannot be declared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeclareError {
    /// The name has other characters than the catalogue's names.
    #[error("`{0}` is not a kind's name: segments of lower case letters, digits and `_`, separated by dots")]
    BadName(String),
    /// The catalogue has this kind already.
    #[error("`{0}` is a kind of the catalogue already")]
    Taken(String),
    /// Declared twice.
    #[error("`{0}` is declared twice")]
    Twice(String),
    /// A field's name has other characters than allowed, or is one of the envelope's.
    #[error("`{field}` cannot be a field of `{kind}`")]
    BadField {
        /// The kind.
        kind: String,
        /// The field.
        field: String,
    },
}

/// Names of envelope fields, which the data of a flat event therefore cannot use.
pub const ENVELOPE_FIELDS: &[&str] = &[
    "id",
    "kind",
    "type",
    "program",
    "partner",
    "occurred_at",
    "time",
    "data",
    "specversion",
    "source",
    "subject",
    "datacontenttype",
    "dataschema",
    "data_base64",
];

impl CustomKinds {
    /// No declared kinds.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a kind.
    pub fn declare(&mut self, kind: CustomKind) -> Result<(), DeclareError> {
        let name = kind.name.to_string();
        if !name.split('.').all(is_name) || name.len() > 120 {
            return Err(DeclareError::BadName(name));
        }
        if Kind::parse(&name).is_some() {
            return Err(DeclareError::Taken(name));
        }
        if let Some(field) =
            kind.fields.iter().find(|field| !is_name(&field.name) || ENVELOPE_FIELDS.contains(&&*field.name))
        {
            return Err(DeclareError::BadField { kind: name, field: field.name.to_string() });
        }
        if self.kinds.contains_key(&*kind.name) {
            return Err(DeclareError::Twice(name));
        }
        self.kinds.insert(kind.name.clone(), kind);
        Ok(())
    }

    /// The declaration of a name.
    pub fn get(&self, name: &str) -> Option<&CustomKind> {
        self.kinds.get(name)
    }

    /// All declarations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &CustomKind> {
        self.kinds.values()
    }
}
