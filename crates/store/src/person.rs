//! Personal fields: the one place they are kept. Versions stay apart and are merged when read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_contact::hashed;
use rapport_engine::ports::rows::{OutboxRow, PersonRow};
use rapport_engine::ports::store::{StoreError, SuppressionChange};
use rapport_event::id::PartnerKey;
use serde_json::{Map, Value};

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::load::key_rows;
use crate::sql::queries::person as sql;
use crate::sql::{Rows, Session, cells};

impl SqlStore {
    /// Every version of partners' personal fields, oldest first: what was known when, for a replay.
    ///
    /// # Errors
    /// When the database cannot be reached, or holds what is no version.
    pub async fn person_versions(&self, keys: &[PartnerKey]) -> Result<Vec<PersonRow>, StoreError> {
        let mut session = self.reader().await?;
        let mut all = Vec::new();
        for row in session.fetch_rows(&sql::VERSIONS, &[], &key_rows(keys)).await? {
            all.push(PersonRow {
                key: row.key(0)?,
                version: row.int(2)?,
                address: row.opt_text(4)?,
                fields: row.text(3)?,
            });
        }
        Ok(all)
    }

    pub(crate) async fn write_persons(&self, persons: &[PersonRow]) -> Result<(), StoreError> {
        if persons.is_empty() {
            return Ok(());
        }
        let mut session = self.begin().await?;
        store_versions(&mut session, persons).await?;
        session.commit().await
    }

    pub(crate) async fn read_person(&self, key: &PartnerKey) -> Result<Option<String>, StoreError> {
        let mut merged = merged(&mut self.reader().await?, std::slice::from_ref(key)).await?;
        Ok(merged.remove(key))
    }

    pub(crate) async fn write_suppressions(
        &self,
        changes: &[SuppressionChange],
        told: &[OutboxRow],
    ) -> Result<(), StoreError> {
        let mut session = self.begin().await?;
        write_changes(&mut session, changes).await?;
        write_outbox(&mut session, told).await?;
        session.commit().await
    }

    pub(crate) async fn read_partners_at(&self, address: &str) -> Result<Vec<PartnerKey>, StoreError> {
        self.reader().await?.fetch(&sql::AT_ADDRESS, &cells![address]).await?.iter().map(|row| row.key(0)).collect()
    }

    pub(crate) async fn read_suppressions(&self, address: &str) -> Result<Vec<(Option<String>, String)>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::SUPPRESSED, &cells![address, hashed(address)]).await?;
        rows.iter().map(|row| Ok((Some(row.text(0)?).filter(|topic| !topic.is_empty()), row.text(1)?))).collect()
    }
}

/// Adds and lifts suppressions inside a transaction.
pub(crate) async fn write_changes(session: &mut Session, changes: &[SuppressionChange]) -> Result<(), StoreError> {
    for SuppressionChange { address, topic, reason, since } in changes {
        let topic = topic.as_deref().unwrap_or_default();
        match since {
            Some(at) => session.execute(&sql::SUPPRESS, &cells![address, topic, reason, *at, hashed(address)]).await?,
            None => {
                session.execute(&sql::LIFT, &cells![address, topic, reason, Timestamp::MAX, hashed(address)]).await?
            }
        };
    }
    Ok(())
}

/// Stores versions of personal fields inside a transaction.
pub(crate) async fn store_versions(session: &mut Session, persons: &[PersonRow]) -> Result<(), StoreError> {
    let persons =
        PersonRow::one_of_each(persons).map_err(|error| StoreError::Refused(format!("personal fields: {error}")))?;
    let rows = Rows::last_of(persons.iter().map(|row| {
        let (program, partner) = (row.key.program.as_str(), row.key.partner.as_str());
        let cells = cells![program, partner, row.version, row.address.as_deref(), &row.fields];
        ((&row.key, row.version), cells)
    }));
    let addresses = Rows::of(persons.iter().filter_map(|row| {
        let address = row.address.as_ref()?;
        Some(cells![row.key.program.as_str(), row.key.partner.as_str(), row.version, address])
    }));
    session.execute_rows(&sql::STORE, &[], &rows).await?;
    session.execute_rows(&sql::RECIPIENTS, &[], &addresses).await?;
    Ok(())
}

/// What all versions of a person's fields come to.
pub(crate) struct Known {
    /// The merged fields as a JSON object.
    pub(crate) fields: String,
    /// The newest address, normalised.
    pub(crate) address: Option<String>,
}

/// What is known of each of these partners of whom anything is.
pub(crate) async fn known(
    session: &mut Session,
    keys: &[PartnerKey],
) -> Result<BTreeMap<PartnerKey, Known>, StoreError> {
    let mut versions: BTreeMap<PartnerKey, Vec<(i64, String, Option<String>)>> = BTreeMap::new();
    for row in session.fetch_rows(&sql::VERSIONS, &[], &key_rows(keys)).await? {
        versions.entry(row.key(0)?).or_default().push((row.int(2)?, row.text(3)?, row.opt_text(4)?));
    }
    versions
        .into_iter()
        .map(|(key, mut versions)| {
            versions.sort_by_key(|(version, ..)| *version);
            let fields = merge(versions.iter().map(|(_, fields, _)| fields.as_str()))?;
            let address = versions.into_iter().rev().find_map(|(.., address)| address);
            Ok((key, Known { fields, address }))
        })
        .collect()
}

/// The merged fields of each of these partners that has any.
pub(crate) async fn merged(
    session: &mut Session,
    keys: &[PartnerKey],
) -> Result<BTreeMap<PartnerKey, String>, StoreError> {
    Ok(known(session, keys).await?.into_iter().map(|(key, known)| (key, known.fields)).collect())
}

/// Later versions win field by field. A null says nothing about its field: trackers send it for "not known here".
fn merge<'a>(versions: impl Iterator<Item = &'a str>) -> Result<String, StoreError> {
    let mut fields = Map::new();
    for version in versions {
        let version: Map<String, Value> =
            serde_json::from_str(version).map_err(|error| StoreError::Damaged(format!("personal fields: {error}")))?;
        fields.extend(version.into_iter().filter(|(_, value)| !value.is_null()));
    }
    Ok(Value::Object(fields).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_version_wins_field_by_field_and_null_says_nothing() {
        let versions = [r#"{"name":"Ada","zone":"UTC"}"#, r#"{"name":"Ada L.","zone":null,"email":"a@x.example"}"#];
        assert_eq!(merge(versions.into_iter()).unwrap(), r#"{"name":"Ada L.","zone":"UTC","email":"a@x.example"}"#);
    }

    #[test]
    fn fields_that_are_no_object_are_damage() {
        assert!(matches!(merge(["[]"].into_iter()), Err(StoreError::Damaged(_))));
    }
}
