//! The record of `rapport.events`: plain JSON, one object, without personal fields.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::event::{Event, Payload};

/// The bytes of an event's record. [`crate::decode_record`] gives back the same event.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(384);
    encode_into(event, &mut bytes);
    bytes
}

/// Appends the bytes of an event's record to a buffer, for producers that reuse one.
pub fn encode_into(event: &Event, bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    if serde_json::to_writer(&mut *bytes, &Record(event)).is_err() {
        // Writing into memory fails only for maps whose keys are no texts, and there are none; never half a record.
        bytes.truncate(begin);
    }
}

struct Record<'a>(&'a Event);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Event { id, key, kind, occurred_at, payload, person_version } = self.0;
        let mut record = serializer.serialize_map(None)?;
        record.serialize_entry("id", id)?;
        record.serialize_entry("kind", kind)?;
        record.serialize_entry("program", &key.program)?;
        record.serialize_entry("partner", &key.partner)?;
        record.serialize_entry("occurred_at", occurred_at)?;
        if let Some(version) = person_version {
            record.serialize_entry("person_version", version)?;
        }
        match payload {
            Payload::Partner(data) => record.serialize_entry("data", data)?,
            Payload::Conversion(data) => record.serialize_entry("data", data)?,
            Payload::Activity(data) => record.serialize_entry("data", data)?,
            Payload::Engine(data) => record.serialize_entry("data", data)?,
        }
        record.end()
    }
}
