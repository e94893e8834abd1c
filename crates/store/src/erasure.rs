//! Erasing a partner's personal data, looking for what is left of them, and exporting what is kept.
//!
//! An erasure is made twice: at once by whoever asks for it, and again when the partner's shard folds `partner.erased`, so that a
//! restored database, or a message that was in hand, does not bring anything back. The second time it is the rows of persons,
//! mails, tasks, calls and holds, which change nothing when they were erased; dead letters and the audit are looked through the
//! first time alone, because by then nobody knows the addresses any more.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rapport_contact::{hashed, normalise};
use rapport_engine::personal::SAID;
use rapport_engine::ports::operating::AuditRow;
use rapport_engine::ports::rows::OutboxRow;
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;
use serde_json::{Map, Value, json};

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::operate::write_audit;
use crate::sql::queries::{erasure as sql, person};
use crate::sql::{Row, Session, cells};

/// Dead letters read at a time.
const LETTERS: usize = 500;
/// Shorter values name too many people to be looked for outside a partner's own rows.
const TELLING: usize = 4;
/// Fields of a person that say nothing about who they are; everything else is looked for.
const COMMON: [&str; 22] = [
    "language",
    "zone",
    "country",
    "type",
    "status",
    "manager",
    "tags",
    "currency",
    "consent",
    "pace",
    "channel",
    "topics",
    "joined_at",
    "approved_at",
    "contract_ends",
    "referred_by",
    "objects_to_profiling",
    "reason",
    "chosen_language",
    "chosen_pace",
    "paused_from",
    "paused_until",
];

/// Exported fields that are instants, beside those whose names say so.
const INSTANTS: [&str; 3] = ["version", "due", "as_of"];

/// What an erasure changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Versions of personal fields that are gone.
    pub versions: u64,
    /// Addresses that live on as hashes.
    pub addresses: usize,
    /// Queued mails that do not leave.
    pub cancelled: u64,
    /// Dead letters that are gone.
    pub dead_letters: usize,
    /// Mails a mailer has in hand, which are settled within seconds: as long as there are any nothing is erased.
    pub in_hand: i64,
    /// Other partners with one of the addresses: not erased, and not written to any more.
    pub shared_with: Vec<PartnerKey>,
}

/// Values of a person found where they must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// In how many rows.
    pub rows: i64,
    /// An address, or in a row of the partner. Otherwise a word that may name somebody else, or nobody.
    pub is_theirs: bool,
}

impl SqlStore {
    /// Erases what is kept of a partner up to an instant, with a line of the audit and the records that tell of it, all or nothing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn erase(
        &self,
        key: &PartnerKey,
        at: Timestamp,
        audit: &AuditRow,
        told: &[OutboxRow],
    ) -> Result<Erased, StoreError> {
        let mut session = self.begin().await?;
        let values = personal_values(&mut session, key).await?;
        let mut erased = erase_rows(&mut session, key, at).await?;
        if erased.in_hand > 0 {
            session.rollback().await?;
            return Ok(Erased { in_hand: erased.in_hand, ..Erased::default() });
        }
        erased.dead_letters = erase_letters(&mut session, key, &values).await?;
        erase_reasons(&mut session, key, &values).await?;
        write_audit(&mut session, audit).await?;
        write_outbox(&mut session, told).await?;
        session.about().concluded = true;
        session.commit().await?;
        Ok(erased)
    }

    /// What says who a partner is: addresses, names and every other personal field. To be asked before an erasure, and looked for
    /// after it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn personal_values(&self, key: &PartnerKey) -> Result<BTreeSet<String>, StoreError> {
        personal_values(&mut self.reader().await?, key).await
    }

    /// As of when a partner is erased.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn erased_at(&self, key: &PartnerKey) -> Result<Option<Timestamp>, StoreError> {
        let cells = cells![key.program.as_str(), key.partner.as_str()];
        self.reader().await?.fetch(&sql::AT, &cells).await?.first().map(|row| row.instant(0)).transpose()
    }

    /// Looks for the values in every column of every table that can hold text: addresses everywhere, other values in the rows of the
    /// partner, and from four characters on in tables that have no partners. Names in files people wrote are found too: those only
    /// their writers can change. Reads the whole database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn remains(&self, key: &PartnerKey, values: &BTreeSet<String>) -> Result<Vec<Remains>, StoreError> {
        let mut session = self.snapshot().await?;
        session.execute(&sql::UNHURRIED, &[]).await?;
        let (addresses, words): (Vec<&str>, Vec<&str>) =
            values.iter().map(String::as_str).partition(|value| is_address(value));
        let telling: Vec<&str> = words.iter().copied().filter(|word| word.len() >= TELLING).collect();
        let columns = session.fetch(&sql::COLUMNS, &[]).await?;
        let mut remains = Vec::new();
        for row in columns {
            let (table, column, is_bytes, of_partners) = (row.text(0)?, row.text(1)?, row.flag(2)?, row.flag(3)?);
            let looks: [(&[&str], Option<&PartnerKey>, bool); 2] = [
                (&addresses, None, true),
                if of_partners { (&words, Some(key), true) } else { (&telling, None, false) },
            ];
            for (values, of, is_theirs) in looks {
                if values.is_empty() {
                    continue;
                }
                let place = (table.as_str(), column.as_str(), is_bytes);
                let rows = if is_theirs && of.is_none() {
                    // Everywhere an address is looked for as a whole; another one may end with it.
                    let found = session.containing(place, of, values).await?;
                    found.iter().filter(|text| values.iter().any(|value| names_address(text, value))).count() as i64
                } else {
                    session.count_containing(place, of, values).await?
                };
                if rows > 0 {
                    remains.push(Remains { table: table.clone(), column: column.clone(), rows, is_theirs });
                }
            }
        }
        Ok(remains)
    }

    /// Writes a SQLite file anew, so that what was erased is not in its unused pages either; while that lasts, nobody else can write.
    /// `false`: its write-ahead log is being read, and keeps old pages until this is done again. On PostgreSQL that is `VACUUM`'s.
    ///
    /// # Errors
    /// When the database cannot be reached, or others kept it locked.
    pub async fn rewrite_file(&self) -> Result<bool, StoreError> {
        self.writer().await?.rewrite_file().await
    }

    /// Everything kept of a partner beside the packed state: by table, in order of time. Texts that are JSON are given as such.
    ///
    /// # Errors
    /// When the database cannot be reached, or holds what cannot be read.
    pub async fn export(&self, key: &PartnerKey) -> Result<Map<String, Value>, StoreError> {
        let cells = cells![key.program.as_str(), key.partner.as_str(), key.to_string()];
        let rows = self.reader().await?.fetch(&sql::EXPORT, &cells).await?;
        let mut tables = Map::new();
        for row in rows {
            let value: Value = serde_json::from_str(&row.text(1)?)
                .map_err(|error| StoreError::Damaged(format!("an exported row: {error}")))?;
            let rows = tables.entry(row.text(0)?).or_insert_with(|| json!([]));
            if let Value::Array(rows) = rows {
                rows.push(unpacked(value));
            }
        }
        Ok(tables)
    }
}

/// A row as a person reads it: texts that hold JSON as that, and instants as such.
fn unpacked(row: Value) -> Value {
    let Value::Object(fields) = row else { return row };
    let unpack = |name: &str, value: Value| match value {
        Value::String(text) if text.starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        Value::Number(number) if name == "at" || name.ends_with("_at") || INSTANTS.contains(&name) => {
            let at = number.as_i64().and_then(|at| Timestamp::from_millisecond(at).ok());
            at.map_or(Value::Number(number), |at| Value::String(at.to_string()))
        }
        other => other,
    };
    let unpacked = fields.into_iter().map(|(name, value)| {
        let value = unpack(&name, value);
        (name, value)
    });
    Value::Object(unpacked.collect())
}

async fn personal_values(session: &mut Session, key: &PartnerKey) -> Result<BTreeSet<String>, StoreError> {
    let mut values = BTreeSet::new();
    let cells = cells![key.program.as_str(), key.partner.as_str()];
    for row in session.fetch(&sql::ADDRESSES, &cells).await? {
        values.insert(row.text(0)?);
    }
    for row in session.fetch_rows(&person::VERSIONS, &[], &crate::load::key_rows(std::slice::from_ref(key))).await? {
        let fields: Value = serde_json::from_str(&row.text(3)?).unwrap_or_default();
        let Value::Object(fields) = fields else { continue };
        for (name, value) in fields.into_iter().filter(|(name, _)| !COMMON.contains(&name.as_str())) {
            if !is_one_word_said(&name, &value) {
                gather(value, &mut values);
            }
        }
    }
    Ok(values)
}

/// One word written to a survey says nothing about who wrote it: it is any word, or the address of somebody else, whom nobody erases.
fn is_one_word_said(name: &str, value: &Value) -> bool {
    name.starts_with(SAID) && value.as_str().is_some_and(|said| !said.trim().contains(char::is_whitespace))
}

fn gather(value: Value, values: &mut BTreeSet<String>) {
    match value {
        // One or two characters are a code, and are in every row there is.
        Value::String(text) if text.trim().chars().count() > 2 => {
            values.insert(text);
        }
        Value::Array(items) => items.into_iter().for_each(|item| gather(item, values)),
        Value::Object(fields) => fields.into_iter().for_each(|(_, value)| gather(value, values)),
        _ => {}
    }
}

/// The part of an erasure that is made again when its record is folded.
pub(crate) async fn erase_rows(session: &mut Session, key: &PartnerKey, at: Timestamp) -> Result<Erased, StoreError> {
    let (program, partner) = (key.program.as_str(), key.partner.as_str());
    let mut erased = Erased::default();
    session.execute(&sql::NOTE, &cells![program, partner, at]).await?;
    let addresses = session.fetch(&sql::ADDRESSES, &cells![program, partner]).await?;
    let addresses = addresses.iter().map(|row| row.text(0)).collect::<Result<BTreeSet<_>, _>>()?;
    // Recipient before message, as everywhere.
    for address in &addresses {
        session.execute(&sql::LOCK, &cells![address]).await?;
    }
    erased.versions = session.execute(&sql::PERSONS, &cells![program, partner, at]).await?;
    for row in session.fetch(&sql::CANCEL, &cells![program, partner, at]).await? {
        erased.cancelled += u64::from(row.text(0)? == "cancelled");
    }
    session.execute(&sql::CONTEXTS, &cells![program, partner]).await?;
    session.execute(&sql::CLICKS, &cells![program, partner]).await?;
    session.execute(&sql::REASONS, &cells![program, partner]).await?;
    session.execute(&sql::TASKS, &cells![program, partner]).await?;
    session.execute(&sql::CALLS, &cells![program, partner, at]).await?;
    session.execute(&sql::PAUSES, &cells![program, partner]).await?;
    let mut others = BTreeSet::new();
    for address in &addresses {
        let hash = hashed(address);
        session.execute(&sql::MAILS, &cells![program, partner, address, &hash]).await?;
        session.execute(&sql::COUNTS, &cells![program, partner, address, &hash]).await?;
        session.execute(&sql::SUPPRESS, &cells![&hash, at]).await?;
        session.execute(&sql::REHASH, &cells![address, &hash]).await?;
        session.execute(&sql::UNSUPPRESS, &cells![address]).await?;
        session.execute(&sql::RECIPIENT, &cells![address]).await?;
        for row in session.fetch(&person::AT_ADDRESS, &cells![address]).await? {
            others.insert(row.key(0)?);
        }
    }
    others.remove(key);
    erased.addresses = addresses.len();
    erased.shared_with = others.into_iter().collect();
    let in_hand = session.fetch(&sql::IN_HAND, &cells![program, partner]).await?;
    erased.in_hand = in_hand.first().map_or(Ok(0), |row| row.int(0))?;
    Ok(erased)
}

/// Reasons in the audit that name the partner: an address in any of them, another value in those about the partner.
async fn erase_reasons(session: &mut Session, key: &PartnerKey, values: &BTreeSet<String>) -> Result<(), StoreError> {
    for value in values.iter().filter(|value| value.len() >= TELLING) {
        for row in session.fetch(&sql::REASONS_WITH, &cells![value, key.to_string()]).await? {
            let (id, because, is_about) = (row.text(0)?, row.text(1)?, row.flag(2)?);
            if is_about || is_address(value) && names_address(&because, value) {
                session.execute(&sql::REASON, &cells![id]).await?;
            }
        }
    }
    Ok(())
}

/// Dead letters about the partner, or with one of their addresses: nothing of those was ever taken in, and a replay would take in
/// what others are told of, so a name alone, which may be a word, takes none away.
async fn erase_letters(
    session: &mut Session,
    key: &PartnerKey,
    values: &BTreeSet<String>,
) -> Result<usize, StoreError> {
    let mut gone = 0;
    let mut after = (String::new(), i64::MIN, i64::MIN);
    loop {
        let cells = cells![&after.0, after.1, after.2, LETTERS];
        let rows = session.fetch(&sql::LETTERS, &cells).await?;
        for row in &rows {
            after = (row.text(0)?, row.int(1)?, row.int(2)?);
            if is_about(row, key, values)? {
                session.execute(&sql::LETTER, &cells![&after.0, after.1, after.2]).await?;
                gone += 1;
            }
        }
        if rows.len() < LETTERS {
            return Ok(gone);
        }
    }
}

fn is_about(row: &Row, key: &PartnerKey, values: &BTreeSet<String>) -> Result<bool, StoreError> {
    let raw = row.bytes(3)?;
    let raw = String::from_utf8_lossy(&raw);
    let (headers, detail) = (row.text(4)?, row.text(5)?);
    let mut addresses = values.iter().filter(|value| is_address(value));
    let has_address =
        addresses.any(|address| [&*raw, &headers, &detail].iter().any(|text| names_address(text, address)));
    Ok(has_address || tells_of(&raw, key) || tells_of(&headers, key))
}

/// Whether a personal value is an address, and not a name with an `@` on some platform.
#[must_use]
pub fn is_address(value: &str) -> bool {
    normalise(value).is_some()
}

/// Whether an address stands in a text, in upper or lower case, and not as a part of another one.
#[must_use]
pub fn names_address(text: &str, address: &str) -> bool {
    let (text, address) = (text.to_lowercase(), address.to_lowercase());
    let continues = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "._%+-@".contains(c));
    text.match_indices(&address).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut after = text.get(at + address.len()..).unwrap_or_default().chars();
        let (next, one_more, third) = (after.next(), after.next(), after.next());
        let is_hex = |c: Option<char>| c.is_some_and(|c| c.is_ascii_hexdigit());
        // A full stop ends a sentence, and an escape a word in a link.
        let ends = match next {
            Some('.') => !one_more.is_some_and(char::is_alphanumeric),
            Some('%') => is_hex(one_more) && is_hex(third),
            next => !continues(next),
        };
        let begins = !continues(before) || ends_in_escape(text.get(..at).unwrap_or_default());
        begins && ends
    })
}

/// Whether a text in lower case ends with a character written as an escape: of JSON (`\n`, `\u003c`), a quoted-printable mail (`=3d`)
/// or a link (`%3c`). Its letters are no part of a word.
fn ends_in_escape(text: &str) -> bool {
    let tail: Vec<char> = text.chars().rev().take(6).collect();
    let is_hex = |count: usize| tail.get(..count).is_some_and(|tail| tail.iter().all(char::is_ascii_hexdigit));
    match tail.as_slice() {
        ['n' | 'r' | 't' | 'b' | 'f', '\\', ..] => true,
        [_, _, '=' | '%', ..] => is_hex(2),
        [_, _, _, _, 'u', '\\'] => is_hex(4),
        _ => false,
    }
}

/// Whether a record says that it is about a partner. What is no JSON, which is why it may be a dead letter, is read as text.
fn tells_of(text: &str, key: &PartnerKey) -> bool {
    let (program, partner) = (key.program.as_str(), key.partner.as_str());
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        let dense: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        return dense.contains(&format!("\"partner\":\"{partner}\""))
            || dense.contains(&format!("\"partner\":{partner},"));
    };
    let (mut partners, mut programs) = (Vec::new(), Vec::new());
    told(&value, &mut partners, &mut programs);
    partners.iter().any(|told| told == partner) && (programs.is_empty() || programs.iter().any(|told| told == program))
}

/// Collects what stands under `partner` and `program` at any depth, as attributes of CloudEvents too (`ce_partner`).
fn told(value: &Value, partners: &mut Vec<String>, programs: &mut Vec<String>) {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_lowercase();
                match name.trim_start_matches("ce_").trim_start_matches("ce-") {
                    "partner" | "partner_id" => partners.extend(text(value)),
                    "program" => programs.extend(text(value)),
                    _ => {}
                }
                told(value, partners, programs);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| told(item, partners, programs)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_partners_by_what_it_says_not_by_words_it_holds() {
        let key = PartnerKey::new("acme", "42").unwrap();
        for (text, about) in [
            (r#"{"program":"acme","partner":"42","kind":"login"}"#, true),
            (r#"{"program":"acme","partner":42}"#, true),
            (r#"{"partner":"42","data":{}}"#, true),
            (r#"{"ce_partner":"42","ce_program":"acme"}"#, true),
            (r#"{"program":"other","partner":"42"}"#, false),
            (r#"{"program":"acme","partner":"7","data":{"amount":"42","order":"42"}}"#, false),
            (r#"{"program":"acme","partner" : "42", "data": "#, true),
            (r#"{"program":"acme","partner":"421", "note":"42" "#, false),
        ] {
            assert_eq!(tells_of(text, &key), about, "{text}");
        }
    }

    #[test]
    fn an_address_is_not_found_in_another_one() {
        let has = |text: &str| names_address(text, "mark@shop.example");
        assert!(has("\"Mark@shop.example\"") && has("to <mark@shop.example>.") && has("mark@shop.example"));
        for escaped in [
            "\\u003cMark@shop.example\\u003e",
            "Contact:\\nmark@shop.example",
            "email=3Dmark@shop.example",
            "mailto:%3Cmark@shop.example%3E",
        ] {
            assert!(has(escaped), "{escaped}");
        }
        assert!(!has("denmark@shop.example") && !has("mark@shop.example.org") && !has("mark@shop.examples"));
    }
}
