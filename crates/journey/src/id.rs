//! Ids in the core are hashes: the same decision made twice has the same id.

use std::fmt;
use std::sync::Arc;

use rapport_event::PartnerKey;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id read back from where it was stored.
            pub fn from_stored(text: &str) -> Self {
                Self(text.into())
            }

            /// The id as 32 hexadecimal digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A journey: hash of workflow, programme, partner, key and which run of that key it is.
    JourneyId
}
id! {
    /// A message: hash of journey, step and occurrence.
    MessageId
}
id! {
    /// A call of another system: hash of journey and step, the same for every try.
    CallId
}
id! {
    /// A task: hash of journey and step.
    TaskId
}

impl JourneyId {
    /// The id of the `run`-th journey (0 first) of this workflow, partner and key. Only `once: every …` and journeys that
    /// stopped before they acted have a second run.
    pub fn new(workflow: &str, partner: &PartnerKey, key: &str, run: u32) -> Self {
        let run = run.to_string();
        Self(hash(&["journey", workflow, partner.program.as_str(), partner.partner.as_str(), key, &run]))
    }
}

impl MessageId {
    /// The id of the message a journey plans at a step.
    pub fn new(journey: &JourneyId, step: &str, occurrence: u32) -> Self {
        Self(hash(&["message", journey.as_str(), step, &occurrence.to_string()]))
    }
}

impl CallId {
    /// The id of the call a journey makes at a step.
    pub fn new(journey: &JourneyId, step: &str) -> Self {
        Self(hash(&["call", journey.as_str(), step]))
    }
}

impl TaskId {
    /// The id of the task a journey makes at a step.
    pub fn new(journey: &JourneyId, step: &str) -> Self {
        Self(hash(&["task", journey.as_str(), step]))
    }
}

/// The id of an event a journey emits, or of the start it asks for, at a step.
pub fn emitted_id(journey: &JourneyId, step: &str) -> String {
    hash(&["emit", journey.as_str(), step]).to_string()
}

fn hash(parts: &[&str]) -> Arc<str> {
    // Each part is preceded by its length, so that no two lists of parts read alike.
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    format!("{:032x}", xxh3_128(&bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_wherever_a_part_differs() {
        let ada = PartnerKey::new("acme", "ada").unwrap();
        let id = JourneyId::new("welcome", &ada, "partner", 0);
        assert_eq!(id, JourneyId::new("welcome", &ada, "partner", 0));
        assert_ne!(id, JourneyId::new("welcome", &ada, "partner", 1));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(id.as_str().len(), 32);
    }
}
