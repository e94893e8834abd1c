//! `rapport dead-letters`.

use rapport_engine::ports::log::SourceRecord;
use rapport_engine::ports::rows::DeadLetterRow;
use rapport_event::{CustomKinds, Headers, Limits, decode_with};
use serde_json::{Map, Value, json};

use crate::command_line::{ClockKind, DeadLetterAction};
use crate::exit::{self, Doing, Failure};
use crate::layout::Layout;
use crate::printed;
use crate::services::ingest;
use crate::settings::Settings;

/// Lists or replays.
pub async fn run(settings: &Settings, action: Option<DeadLetterAction>) -> Result<u8, Failure> {
    let action = action.unwrap_or(DeadLetterAction::List { code: None, limit: 50, json: false });
    let layout = Layout::open(settings, ClockKind::Live).await?;
    let result = match action {
        DeadLetterAction::List { code, limit, json } => list(&layout, code.as_deref(), limit, json).await,
        DeadLetterAction::Replay { code, limit } => replay(&layout, code.as_deref(), limit).await,
    };
    layout.close().await;
    result
}

async fn list(layout: &Layout, code: Option<&str>, limit: usize, as_data: bool) -> Result<u8, Failure> {
    let letters = layout.store.list_dead_letters(code, limit).await.doing("reading dead letters")?;
    if as_data {
        let data = letters.iter().map(|letter| {
            json!({ "source": letter.source, "partition": letter.partition, "offset": letter.offset, "code": letter.code,
                "detail": letter.detail, "at": letter.at.to_string(), "bytes": letter.raw.len(),
                "replayed_at": letter.replayed_at.map(|at| at.to_string()) })
        });
        printed::line(Value::Array(data.collect()).to_string());
        return Ok(exit::OK);
    }
    if letters.is_empty() {
        printed::line("no dead letters");
    }
    for letter in &letters {
        let DeadLetterRow { source, partition, offset, code, detail, at, .. } = letter;
        let again =
            letter.replayed_at.map(|at| format!(" (replayed {})", at.strftime("%Y-%m-%d %H:%M"))).unwrap_or_default();
        let at = at.strftime("%Y-%m-%d %H:%M");
        printed::line(format!("{at}  {source}/{partition}@{offset}  {code}: {}{again}", printed::harmless(detail)));
    }
    Ok(exit::OK)
}

/// Reads what was refused again. What is refused again stays as it is; what is accepted is appended without a position.
async fn replay(layout: &Layout, code: Option<&str>, limit: usize) -> Result<u8, Failure> {
    let letters = layout.store.list_dead_letters(code, limit).await.doing("reading dead letters")?;
    let rulebook = layout.rulebooks.current().await.doing("reading the applied files")?;
    let custom = rulebook.map_or_else(CustomKinds::none, |rulebook| rulebook.custom_kinds.clone());
    let service = ingest(layout);
    let (mut accepted, mut refused) = (0, 0);
    for letter in letters.into_iter().rev().filter(|letter| letter.replayed_at.is_none()) {
        let headers: Map<String, Value> = serde_json::from_str(&letter.headers).unwrap_or_default();
        let headers: Vec<(String, Vec<u8>)> =
            headers.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.as_bytes().to_vec()))).collect();
        let now = layout.store.server_time().await.doing("asking for the time")?;
        let borrowed: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        if decode_with(&Limits::default(), &letter.raw, &Headers(&borrowed), &custom, now).is_err() {
            refused += 1;
            continue;
        }
        let record = SourceRecord {
            topic: letter.source.clone(),
            partition: letter.partition,
            offset: letter.offset,
            timestamp: None,
            headers,
            key: None,
            value: Some(letter.raw),
        };
        let taken = service.take_again(record).await.doing("appending")?;
        if taken.events == 0 {
            refused += 1;
            continue;
        }
        let marked = layout.store.dead_letter_replayed(&letter.source, letter.partition, letter.offset, now).await;
        marked.doing("marking a dead letter")?;
        accepted += 1;
    }
    printed::line(format!("{} accepted now, {} still refused", printed::number(accepted), printed::number(refused)));
    Ok(exit::OK)
}
