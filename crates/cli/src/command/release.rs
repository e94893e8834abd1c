//! `rapport release`: partners in quarantine, and how they come out.

use rapport_engine::ports::rows::QuarantineRow;
use rapport_engine::records;
use rapport_event::id::shard_of;
use serde_json::json;

use super::{explain, login_name};
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::printed::{count, harmless, line};
use crate::settings::Settings;

/// Lists who is in quarantine.
pub async fn list(settings: &Settings, as_data: bool) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let rows = desk.store.quarantines().await.doing("reading who is in quarantine");
    desk.close().await;
    let rows = rows?;
    if as_data {
        let row = |row: &QuarantineRow| {
            json!({ "partner": row.key.to_string(), "reason": row.reason, "since": row.at.to_string(),
                "records": row.parked })
        };
        line(json!(rows.iter().map(row).collect::<Vec<_>>()).to_string());
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        line("nobody is in quarantine");
    }
    for QuarantineRow { key, reason, at, parked } in &rows {
        let since = at.strftime("%Y-%m-%d %H:%M");
        line(format!("{key}  since {since}, {}: {}", waiting(*parked), harmless(reason)));
    }
    if !rows.is_empty() {
        line("When the cause is mended: rapport release PROGRAM/PARTNER");
    }
    Ok(exit::OK)
}

/// Asks the partner's shard to let it out.
pub async fn run(settings: &Settings, partner: &str, by: Option<String>) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let result = release(&desk, partner, by.unwrap_or_else(login_name)).await;
    desk.close().await;
    result
}

async fn release(desk: &Desk, partner: &str, by: String) -> Result<u8, Failure> {
    let key = explain::find(&desk.database, partner).await?;
    let rows = desk.store.quarantines().await.doing("reading who is in quarantine")?;
    let Some(row) = rows.into_iter().find(|row| row.key == key) else {
        return Err(Failure::input(format!("{key} is not in quarantine")).help("`rapport release` lists who is"));
    };
    let now = desk.now().await?;
    let command = records::command(key.clone(), records::RELEASE, &by, now);
    let row_to_append = records::outbox(shard_of(&key, desk.shards), command);
    desk.store.add_outbox(&[row_to_append]).await.doing("asking for the release")?;
    line(format!("{key} comes out as soon as its shard reads this ({}).", waiting(row.parked)));
    line(format!("If it fails again, {key} stays in quarantine; `rapport release` tells."));
    Ok(exit::OK)
}

fn waiting(records: i64) -> String {
    format!("{} waiting", count(records, "record"))
}
