//! Files as sources of events: JSON lines, or a purchase log as CSV; gzip is unpacked.
//!
//! A file's name in positions is the hash of its content: reading it twice changes nothing, under whatever name.

mod purchase_log;

use std::borrow::Cow;
use std::io::Read as _;
use std::path::Path;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ingest::{FILE, LINE, ReplaySource};
use rapport_engine::ports::log::{LogError, Source, SourceRecord};
use serde::Deserialize;

use crate::exit::Failure;

/// A file's events, in its order.
pub struct FileSource {
    records: Vec<SourceRecord>,
    next: usize,
}

/// What a file holds.
pub struct EventFile {
    /// Its records.
    pub records: Vec<SourceRecord>,
    /// Whether a record's offset is its line, from 0.
    pub by_line: bool,
}

/// The fact that names the file whose content is the source.
pub fn name_fact(source: &str) -> String {
    format!("source.name:{source}")
}

/// A record's place in its file, for people.
pub fn place(file: &str, partition: i32, offset: i64) -> String {
    match partition {
        BY_TIME => format!("{file} (record {} in order of time)", offset + 1),
        _ => format!("{file}:{}", offset + 1),
    }
}

/// What helps with a file that holds no events.
const FORMS: &str = "write one JSON event a line, or a purchase log (customer_id,date,orders,spend)";

/// Reads a file. `program` is whose customers a purchase log holds.
pub fn read(path: &Path, program: &str) -> Result<EventFile, Failure> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        let failure = Failure::input(format!("{shown} cannot be read: {error}"));
        failure.help(FORMS)
    })?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut text)
            .map_err(|error| Failure::input(format!("{shown} is a broken gzip file: {error}")))?;
        text
    } else {
        bytes
    };
    let by_line = !purchase_log::is_one(&text);
    let mut hash = content_hash(CONTENT, &text);
    if !by_line {
        // The same log makes other events of another programme's.
        hash = content_hash(hash, program.as_bytes());
    }
    let topic = format!("{FILE}{hash:016x}");
    let values: Vec<Vec<u8>> = if by_line {
        refuse_other_forms(&text).map_err(|(what, help)| Failure::input(format!("{shown} {what}")).help(help))?;
        let marked = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let lines = marked.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        lines.map(<[u8]>::to_vec).collect()
    } else {
        purchase_log::events(&text, program).map_err(|problem| Failure::input(format!("{shown}:{problem}")))?
    };
    let record = |(line, value): (usize, Vec<u8>)| SourceRecord {
        topic: topic.clone(),
        partition: 0,
        offset: line as i64,
        timestamp: None,
        headers: Vec::new(),
        key: None,
        value: Some(value),
    };
    // Empty lines are no events; lines keep their numbers.
    let values = values.into_iter().enumerate().filter(|(_, value)| !value.trim_ascii().is_empty());
    Ok(EventFile { records: in_time(values.map(record).collect(), by_line), by_line })
}

/// Brings a file's records into the order of the events' own time, and gives them that time. What has none stays behind the
/// line before it, and becomes a dead letter there.
///
/// A shard drops what does not come after the highest position it folded, so positions must rise as records are told. Where
/// lines are not in the order of time the positions are places in time, live and in a replay alike: a file counts once however
/// it is read.
fn in_time(mut records: Vec<SourceRecord>, by_line: bool) -> Vec<SourceRecord> {
    let mut last = None;
    for record in &mut records {
        last = record.value.as_deref().and_then(event_time).or(last);
        record.timestamp = last;
    }
    let first = records.iter().find_map(|record| record.timestamp);
    for record in &mut records {
        record.timestamp = record.timestamp.or(first);
    }
    if records.is_sorted_by_key(|record| record.timestamp) {
        return records;
    }
    records.sort_by_key(|record| record.timestamp);
    for (place, record) in records.iter_mut().enumerate() {
        if by_line {
            // Whoever reads of a dead letter looks for it in the file.
            record.headers.push((LINE.to_owned(), (record.offset + 1).to_string().into_bytes()));
        }
        (record.partition, record.offset) = (BY_TIME, place as i64);
    }
    records
}

/// Files that look like something else altogether: a dead letter for each of their lines would help nobody.
fn refuse_other_forms(text: &[u8]) -> Result<(), (String, &'static str)> {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let Some(first) = lines.next() else { return Ok(()) };
    if first.starts_with(b"[") {
        return Err(("is a JSON array, not one event a line".to_owned(), "turn it: jq -c '.[]' FILE"));
    }
    let first = String::from_utf8_lossy(first);
    let is_name = |cell: &str| {
        let cell = cell.trim().trim_matches('"');
        !cell.is_empty() && cell.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ' ' | '-' | '.' | '\u{feff}'))
    };
    let is_header = |separator| first.contains(separator) && first.split(separator).all(is_name);
    if !first.starts_with('{') && [',', ';', '\t'].into_iter().any(is_header) {
        let columns: String = first.chars().filter(|c| !c.is_control()).take(60).collect();
        return Err((format!("holds no events but a table: its first line is `{columns}`"), FORMS));
    }
    Ok(())
}

/// What the hash of a content begins with.
const CONTENT: u64 = 0xCBF2_9CE4_8422_2325;

/// FNV-1a over the content: a name, not a proof.
fn content_hash(begin: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(begin, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The event's own time, as far as it can be read without judging the event.
pub fn event_time(value: &[u8]) -> Option<Timestamp> {
    // A text may be escaped, and is read then as the contract reads it.
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow)]
        occurred_at: Option<Cow<'a, str>>,
        #[serde(borrow)]
        time: Option<Cow<'a, str>>,
    }
    let outer: Outer<'_> = serde_json::from_slice(value).ok()?;
    outer.occurred_at.or(outer.time)?.parse().ok().filter(is_plausible)
}

/// Whether a replay goes by such a time: its present walks to every one, step by step. A record that says another is refused.
pub fn is_plausible(at: &Timestamp) -> bool {
    rapport_event::YEARS.contains(&at.to_zoned(jiff::tz::TimeZone::UTC).year())
}

/// The partition of a file's places in time; lines are in partition 0.
const BY_TIME: i32 = 1;

impl FileSource {
    /// One file's records as they were read.
    pub fn of(records: Vec<SourceRecord>) -> Self {
        Self { records, next: 0 }
    }

    /// Those of several files as one sequence in time.
    pub fn merged(files: impl IntoIterator<Item = Vec<SourceRecord>>) -> Self {
        let mut records: Vec<SourceRecord> = files.into_iter().flatten().collect();
        let first = records.iter().filter_map(|record| record.timestamp).min();
        records.sort_by_key(|record| record.timestamp.or(first));
        Self { records, next: 0 }
    }

    /// Whether any record says when it happened.
    pub fn has_times(&self) -> bool {
        self.records.iter().any(|record| record.timestamp.is_some())
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }
}

#[async_trait]
impl Source for FileSource {
    async fn next(&mut self, max: usize) -> Result<Vec<SourceRecord>, LogError> {
        let records: Vec<SourceRecord> = self.records.iter().skip(self.next).take(max).cloned().collect();
        self.next += records.len();
        Ok(records)
    }

    async fn commit(&mut self, _: &str, _: i32, _: i64) -> Result<bool, LogError> {
        // Positions are remembered by whoever folded the events.
        Ok(false)
    }

    fn ended(&self) -> bool {
        self.next >= self.records.len()
    }
}

#[async_trait]
impl ReplaySource for FileSource {
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        let due = |record: &&SourceRecord| record.timestamp.is_none_or(|at| at <= until);
        let records: Vec<SourceRecord> =
            self.records.iter().skip(self.next).take(1000).take_while(due).cloned().collect();
        self.next += records.len();
        Ok(records)
    }

    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        let rest = self.records.get(self.next..).unwrap_or_default();
        Ok(rest.iter().find_map(|record| record.timestamp))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(days: &[i32]) -> Vec<SourceRecord> {
        let line = |(offset, day): (usize, &i32)| SourceRecord {
            topic: "file:1".into(),
            partition: 0,
            offset: offset as i64,
            timestamp: None,
            headers: Vec::new(),
            key: None,
            value: Some(format!(r#"{{"id":"{day}","occurred_at":"2026-06-{day:02}T09:00:00Z"}}"#).into_bytes()),
        };
        days.iter().enumerate().map(line).collect()
    }

    #[test]
    fn positions_rise_in_the_order_of_time_and_are_lines_where_they_can_be() {
        let positions = |days: &[i32]| -> Vec<(i32, i64)> {
            in_time(records(days), true).iter().map(|record| (record.partition, record.offset)).collect()
        };
        assert_eq!(positions(&[1, 2, 2, 5]), [(0, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(positions(&[1, 9, 2, 5]), [(1, 0), (1, 1), (1, 2), (1, 3)]);
    }

    #[test]
    fn what_has_no_time_stays_where_it_stands() {
        let mut lines = records(&[1, 2, 3, 4]);
        for line in [0, 2] {
            lines[line].value = Some(b"no event".to_vec());
        }
        let told = in_time(lines, true);
        assert!(told.iter().map(|record| record.offset).eq(0..4));
        let day = |record: &SourceRecord| record.timestamp.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).day());
        assert_eq!(told.iter().map(day).collect::<Vec<_>>(), [Some(2), Some(2), Some(2), Some(4)]);
    }

    #[test]
    fn an_escaped_time_is_a_time() {
        let plain = event_time(br#"{"occurred_at":"2026-06-01T09:00:00+02:00"}"#);
        assert!(plain.is_some());
        assert_eq!(event_time(br#"{"occurred_at":"2026-06-01T09:00:00\u002B02:00"}"#), plain);
        assert_eq!(event_time(br#"{"time":"0001-01-01T00:00:00Z"}"#), None, "a replay would begin there");
        assert_eq!(event_time(br#"{"time":"2026\u002D06-01T09:00:00+02:00"}"#), plain);
    }
}
