//! Personal fields: kept by version, merged when read.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rapport_contact::hashed;
use rapport_engine::ports::{
    rows::{MessageState, PersonRow},
    store::StoreError,
};
use rapport_event::id::PartnerKey;
use serde_json::{Map, Value};

use super::{StoredMessage, Tables};

impl Tables {
    pub(crate) fn store_persons(&mut self, persons: &[PersonRow]) -> Result<(), StoreError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged(error.to_string());
        for row in PersonRow::one_of_each(persons).map_err(damaged)? {
            if self.erased.get(&row.key).is_some_and(|at| at.as_millisecond() >= row.version) {
                continue;
            }
            if let Some(address) = &row.address {
                self.recipients.entry(address.clone()).or_default();
            }
            let id = (row.key.clone(), row.version);
            let row = match self.persons.get(&id) {
                Some(known) => known.told_again(&row).map_err(damaged)?,
                None => row,
            };
            let key = id.0.clone();
            self.persons.insert(id, row);
            self.keep_merged(key);
        }
        Ok(())
    }

    /// Persons are told of now and then, and asked for with every look at a mail. Versions that cannot be merged are asked for as they
    /// are, so that whoever asks hears of it.
    fn keep_merged(&mut self, key: PartnerKey) {
        match self.merged(&key) {
            Ok(Some(fields)) => self.merged_persons.insert(key, fields),
            Ok(None) | Err(_) => self.merged_persons.remove(&key),
        };
    }

    /// What a record of an erasure changes beside the shard.
    pub(crate) fn erase(&mut self, key: &PartnerKey, at: Timestamp) {
        let told = self.erased.entry(key.clone()).or_insert(at);
        *told = at.max(*told);
        let messages = &self.messages;
        self.clicks.retain(|(id, ..), _| messages.get(id).is_none_or(|message| message.row.key != *key));
        let of_them = |message: &StoredMessage| message.row.key == *key;
        let mut addresses: BTreeSet<String> = self.versions(key).filter_map(|row| row.address.clone()).collect();
        addresses.extend(self.messages.values().filter(|message| of_them(message)).filter_map(|m| m.address.clone()));
        addresses.retain(|address| !address.starts_with("sha256:"));
        self.persons.retain(|(of, version), _| of != key || *version > at.as_millisecond());
        self.keep_merged(key.clone());
        for (id, message) in self.messages.iter_mut().filter(|(_, message)| message.row.key == *key) {
            match message.state {
                MessageState::Queued => {
                    message.state = MessageState::Cancelled;
                    (message.reason, message.changed_at) = (Some("erased".to_owned()), at);
                    self.open.remove(id);
                }
                MessageState::Attempting => {
                    message.cancel_code = Some("erased".to_owned());
                    continue;
                }
                MessageState::InDoubt => message.cancel_code = Some("erased".to_owned()),
                _ => {}
            }
            message.row.context = "{}".to_owned();
            message.address = message.address.as_deref().map(hashed);
            self.sent.hide(id);
        }
        for address in addresses {
            let hash = hashed(&address);
            self.suppressions.entry((hash.clone(), String::new(), "erased".to_owned())).or_insert(at);
            let of_it: Vec<_> = self.suppressions.keys().filter(|(of, ..)| *of == address).cloned().collect();
            for id in of_it {
                if let Some(since) = self.suppressions.remove(&id) {
                    self.suppressions.entry((hash.clone(), id.1, id.2)).or_insert(since);
                }
            }
            let is_used = self.persons.values().any(|row| row.address.as_ref() == Some(&address))
                || self.recipients.get(&address).is_some_and(Option::is_some);
            if !is_used {
                self.recipients.remove(&address);
            }
        }
    }

    fn versions(&self, key: &PartnerKey) -> impl DoubleEndedIterator<Item = &PersonRow> {
        self.persons.range((key.clone(), i64::MIN)..=(key.clone(), i64::MAX)).map(|(_, row)| row)
    }

    /// The newest address of a partner.
    pub(crate) fn address_of(&self, key: &PartnerKey) -> Option<String> {
        self.versions(key).rev().find_map(|row| row.address.clone())
    }

    /// All versions in one, the later winning field by field.
    pub(crate) fn person(&self, key: &PartnerKey) -> Result<Option<String>, StoreError> {
        self.merged_persons.get(key).map_or_else(|| self.merged(key), |fields| Ok(Some(fields.clone())))
    }

    fn merged(&self, key: &PartnerKey) -> Result<Option<String>, StoreError> {
        let mut merged: Option<Map<String, Value>> = None;
        for row in self.versions(key) {
            let fields: Map<String, Value> =
                serde_json::from_str(&row.fields).map_err(|error| StoreError::Damaged(error.to_string()))?;
            merged.get_or_insert_default().extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Ok(merged.map(|fields| Value::Object(fields).to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(partner: &str, version: i64, fields: &str) -> PersonRow {
        let key = PartnerKey::new("acme", partner).unwrap();
        PersonRow { key, version, address: Some(format!("{partner}@x.example")), fields: fields.to_owned() }
    }

    /// Whatever is told, and in whatever order, what is kept beside the versions is what they come to.
    #[test]
    fn what_is_kept_of_a_person_is_what_the_versions_come_to() {
        let ada = PartnerKey::new("acme", "ada").unwrap();
        let mut tables = Tables::default();
        assert_eq!(tables.person(&ada).unwrap(), None);
        let told = [
            row("ada", 20, r#"{"name":"Ada","language":"en"}"#),
            row("bob", 20, r#"{"name":"Bob"}"#),
            row("ada", 10, r#"{"name":"A.","zone":"UTC"}"#),
            row("ada", 30, r#"{"name":null,"language":"de"}"#),
            row("ada", 20, r#"{"country":"NO"}"#),
        ];
        for row in told {
            tables.store_persons(std::slice::from_ref(&row)).unwrap();
            assert_eq!(tables.person(&row.key).unwrap(), tables.merged(&row.key).unwrap(), "{row:?}");
        }
        let fields: Value = serde_json::from_str(&tables.person(&ada).unwrap().unwrap()).unwrap();
        let known = serde_json::json!({ "name": "Ada", "language": "de", "zone": "UTC", "country": "NO" });
        assert_eq!(fields, known);
        tables.erase(&ada, Timestamp::from_millisecond(25).unwrap());
        assert_eq!(tables.person(&ada).unwrap(), tables.merged(&ada).unwrap());
        assert!(!tables.person(&ada).unwrap().unwrap().contains("UTC"), "only what came later is left");
        tables.erase(&ada, Timestamp::from_millisecond(40).unwrap());
        assert_eq!(tables.person(&ada).unwrap(), None);
    }
}
