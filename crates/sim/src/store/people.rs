//! Personal fields: kept by version, merged when read.

use rapport_engine::ports::{rows::PersonRow, store::StoreError};
use rapport_event::id::PartnerKey;
use serde_json::{Map, Value};

use super::Tables;

impl Tables {
    pub(crate) fn store_persons(&mut self, persons: &[PersonRow]) -> Result<(), StoreError> {
        let damaged = |error: serde_json::Error| StoreError::Damaged(error.to_string());
        for row in PersonRow::one_of_each(persons).map_err(damaged)? {
            if let Some(address) = &row.address {
                self.recipients.entry(address.clone()).or_default();
            }
            let id = (row.key.clone(), row.version);
            let row = match self.persons.get(&id) {
                Some(known) => known.told_again(&row).map_err(damaged)?,
                None => row,
            };
            self.persons.insert(id, row);
        }
        Ok(())
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
        let mut merged: Option<Map<String, Value>> = None;
        for row in self.versions(key) {
            let fields: Map<String, Value> =
                serde_json::from_str(&row.fields).map_err(|error| StoreError::Damaged(error.to_string()))?;
            merged.get_or_insert_default().extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Ok(merged.map(|fields| Value::Object(fields).to_string()))
    }
}
