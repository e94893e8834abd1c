//! Partners whose turn failed since the owner began: tried once more from what is stored, then given up.

use std::collections::BTreeMap;

use rapport_event::PartnerKey;

/// Why a partner whose reaction panics is given up.
const PANICKED: &str = "reacting to this record panicked";

/// What is known against partners. Survives the throwing away of memory, ends with the owner.
#[derive(Debug, Default)]
pub struct Suspects {
    partners: BTreeMap<PartnerKey, Suspect>,
    /// The release that is being tried, by the offset of its record.
    releasing: BTreeMap<PartnerKey, i64>,
}

#[derive(Debug)]
struct Suspect {
    given_up: bool,
    why: String,
}

impl Suspects {
    /// The partner's reaction panicked: the first time it is tried again, the second time it is given up. Returns the reason.
    pub fn panicked(&mut self, key: &PartnerKey) -> String {
        let given_up = self.partners.contains_key(key);
        self.partners.insert(key.clone(), Suspect { given_up, why: PANICKED.to_owned() });
        PANICKED.to_owned()
    }

    /// Trying again would only lead there again.
    pub fn give_up(&mut self, key: &PartnerKey, why: &str) {
        self.partners.insert(key.clone(), Suspect { given_up: true, why: why.to_owned() });
    }

    /// Why the partner was given up, if it was.
    #[must_use]
    pub fn given_up(&self, key: &PartnerKey) -> Option<String> {
        self.partners.get(key).filter(|suspect| suspect.given_up).map(|suspect| suspect.why.clone())
    }

    /// A release begins, or begins again after a failure: at its first attempt the partner has a clean sheet.
    pub fn release(&mut self, key: &PartnerKey, offset: i64) {
        if self.releasing.insert(key.clone(), offset) != Some(offset) {
            self.partners.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_panic_is_forgiven_and_a_release_begins_anew() {
        let key = PartnerKey::new("p", "ada").unwrap();
        let mut suspects = Suspects::default();
        suspects.panicked(&key);
        assert_eq!(suspects.given_up(&key), None);
        suspects.panicked(&key);
        assert!(suspects.given_up(&key).is_some());
        suspects.release(&key, 7);
        assert_eq!(suspects.given_up(&key), None);
        suspects.give_up(&key, "too deep");
        suspects.release(&key, 7);
        assert_eq!(suspects.given_up(&key).as_deref(), Some("too deep"), "the same release failed before");
        suspects.release(&key, 9);
        assert_eq!(suspects.given_up(&key), None, "another release is another attempt");
    }
}
