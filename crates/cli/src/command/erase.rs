//! `rapport erase` and `rapport export`: what a partner may ask for.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use rapport_engine::ports::operating::AuditRow;
use rapport_engine::records;
use rapport_event::PartnerKey;
use rapport_event::id::shard_of;
use rapport_store::{Erased, Remains, is_address, names_address};
use serde_json::{Map, Value, json};

use super::health::standing_now;
use super::{explain, login_name};
use crate::command_line::EraseArguments;
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::printed::{count, line};
use crate::settings::{MailWay, Settings};

/// Mail in hand is settled within a mailer's deadline, or given up by the others within a minute more.
const TRIES: u32 = 90;
const BETWEEN: Duration = Duration::from_secs(1);

/// `rapport erase`: says what would be erased, and with `--yes` erases it and looks for what is left.
pub async fn erase(settings: &Settings, arguments: EraseArguments) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = erase_in(&desk, settings, arguments).await;
    desk.close().await;
    done
}

async fn erase_in(desk: &Desk, settings: &Settings, arguments: EraseArguments) -> Result<u8, Failure> {
    let EraseArguments { partner, yes, because, by, json: as_data } = arguments;
    let key = find(desk, &partner).await?;
    let store = &desk.database;
    let values = store.personal_values(&key).await.doing("reading what is known of the partner")?;
    let addresses = values.iter().filter(|value| is_address(value)).count() as i64;
    if !yes {
        line(format!(
            "{key}: {} and {} would be erased, queued mail cancelled, and nothing sent to these addresses ever again.",
            count(addresses, "address"),
            count(values.len() as i64 - addresses, "other personal value")
        ));
        line(
            "This cannot be undone. Tell with --yes and --because that you mean it; `rapport export` first keeps a copy.",
        );
        return Ok(exit::OK);
    }
    let because = because.ok_or_else(|| {
        Failure::input("say why: the audit asks").help("--because \"asked by mail on 12 May\"; name nobody")
    })?;
    let by = by.unwrap_or_else(login_name);
    let erased = until_nothing_is_in_hand(desk, &key, &by, &because).await?;
    let captured = match &settings.mail.way {
        MailWay::Capture { folder } => {
            let story = desk.store.story(&key).await.doing("reading the partner's mails")?;
            let mails = story.into_iter().flat_map(|story| story.messages).map(|told| told.message.id);
            remove_captured(folder, &values, mails.collect()).doing("removing captured mail")?
        }
        MailWay::Smtp(_) => 0,
    };
    // An address that somebody else has is theirs.
    let mut sought = BTreeSet::new();
    for value in values {
        let is_others = is_address(&value)
            && !desk.store.partners_at(&value.to_lowercase()).await.doing("asking whose address it is")?.is_empty();
        if !is_others {
            sought.insert(value);
        }
    }
    let remains = store.remains(&key, &sought).await.doing("looking for what is left")?;
    let is_left = remains.iter().any(|remains| remains.is_theirs);
    let rewritten = store.rewrite_file().await;
    if as_data {
        line(told_as_data(&key, &erased, captured, &remains, matches!(rewritten, Ok(true))).to_string());
    } else {
        told(&key, &erased, captured, sought.len(), &remains);
        if !matches!(rewritten, Ok(true)) {
            line("the file was in use: its unused pages may keep what was erased until `rapport erase` is given again");
        }
    }
    Ok(if is_left { exit::FAILURE } else { exit::OK })
}

/// A partner, also one of whom only personal fields are known yet, or who was erased before.
async fn find(desk: &Desk, partner: &str) -> Result<PartnerKey, Failure> {
    if let Some((program, id)) = partner.split_once('/')
        && let Ok(key) = PartnerKey::new(program, id)
    {
        let values = desk.database.personal_values(&key).await.doing("looking for the partner")?;
        let erased_at = desk.database.erased_at(&key).await.doing("looking for the partner")?;
        if !values.is_empty() || erased_at.is_some() {
            return Ok(key);
        }
    }
    explain::find(&desk.database, partner).await
}

async fn until_nothing_is_in_hand(desk: &Desk, key: &PartnerKey, by: &str, because: &str) -> Result<Erased, Failure> {
    for _ in 0..TRIES {
        let now = desk.now().await?;
        let subject = key.to_string();
        let audit = AuditRow { because: Some(because.to_owned()), ..AuditRow::done("erase", &subject, by, now) };
        let record = records::outbox(shard_of(key, desk.shards), records::erased(key.clone(), by, now));
        let erased = desk.database.erase(key, now, &audit, &[record]).await.doing("erasing")?;
        if erased.in_hand == 0 {
            return Ok(erased);
        }
        tokio::time::sleep(BETWEEN).await;
    }
    Err(Failure::new(format!("a mail to {key} is in a mailer's hand, and nothing was erased"))
        .help("see that a mailer runs, and try again"))
}

/// Removes mails from the folder that name one of the addresses: a captured mail is a copy of what would have left. The ids of the
/// partner's mails, which Message-IDs hold, find them also when the addresses are gone already: whoever erases may be interrupted.
fn remove_captured(folder: &Path, values: &BTreeSet<String>, mails: Vec<String>) -> std::io::Result<usize> {
    let addresses: Vec<&String> = values.iter().filter(|value| is_address(value)).collect();
    let ids: Vec<String> = mails.into_iter().map(|id| format!("<{id}@").to_lowercase()).collect();
    let mut removed = 0;
    for part in ["new", "cur", "tmp"] {
        let Ok(files) = std::fs::read_dir(folder.join(part)) else { continue };
        for file in files {
            let path = file?.path();
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            let names = addresses.iter().any(|address| names_address(&text, address));
            if names || ids.iter().any(|id| text.contains(id.as_str())) {
                std::fs::remove_file(&path)?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

fn told(key: &PartnerKey, erased: &Erased, captured: usize, sought: usize, remains: &[Remains]) {
    line(format!(
        "{key} is erased: {} of personal fields, {} (each a hash now, to which nothing is sent), {} cancelled, {} and {} removed",
        count(erased.versions as i64, "version"),
        count(erased.addresses as i64, "address"),
        count(erased.cancelled as i64, "queued mail"),
        count(erased.dead_letters as i64, "dead letter"),
        count(captured as i64, "captured mail"),
    ));
    for other in &erased.shared_with {
        line(format!("{other} has one of the addresses: not erased, and not written to any more"));
    }
    for Remains { table, column, rows, is_theirs } in remains {
        let whose = if *is_theirs { "LEFT" } else { "a like word, perhaps somebody else's" };
        line(format!("{whose}: {table}.{column}, {}", count(*rows, "row")));
    }
    if sought == 0 {
        line("nothing personal was known of them any more, so there was nothing to look for");
    } else if !remains.iter().any(|remains| remains.is_theirs) {
        line(format!("looked for {} in every table: none is left", count(sought as i64, "value")));
    }
}

fn told_as_data(key: &PartnerKey, erased: &Erased, captured: usize, remains: &[Remains], rewritten: bool) -> Value {
    json!({
        "partner": key.to_string(), "versions": erased.versions, "addresses": erased.addresses,
        "cancelled": erased.cancelled, "dead_letters": erased.dead_letters, "captured": captured, "file_rewritten": rewritten,
        "shared_with": erased.shared_with.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "remains": remains.iter().map(|remains| json!({
            "table": remains.table, "column": remains.column, "rows": remains.rows, "theirs": remains.is_theirs,
        })).collect::<Vec<_>>(),
    })
}

/// `rapport export`: everything kept of a partner as one JSON object, to the screen or into a file that is not there yet.
pub async fn export(settings: &Settings, partner: &str, out: Option<&Path>) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let exported = export_in(&desk, partner).await;
    desk.close().await;
    let (key, exported) = exported?;
    let text = serde_json::to_string_pretty(&exported).doing("writing JSON")?;
    let Some(path) = out else {
        line(text);
        return Ok(exit::OK);
    };
    let mut file = std::fs::File::create_new(path).doing("making the file")?;
    std::io::Write::write_all(&mut file, text.as_bytes()).doing("writing the file")?;
    line(format!("{}: everything kept of {key}", path.display()));
    Ok(exit::OK)
}

async fn export_in(desk: &Desk, partner: &str) -> Result<(PartnerKey, Value), Failure> {
    let key = find(desk, partner).await?;
    let store = &desk.database;
    let story = desk.store.story(&key).await.doing("reading the partner's story")?;
    let standing = standing_now(store, &key, story.as_ref()).await;
    let person = desk.store.person(&key).await.doing("reading the partner's fields")?;
    let person = person.and_then(|fields| serde_json::from_str::<Value>(&fields).ok()).unwrap_or(json!({}));
    let erased_at = store.erased_at(&key).await.doing("asking for an erasure")?;
    let tables: Map<String, Value> = store.export(&key).await.doing("reading what is kept")?;
    let exported = json!({
        "partner": key.to_string(), "exported_at": desk.now().await?.to_string(), "erased_at": erased_at.map(|at| at.to_string()),
        "person": person, "standing": standing, "kept": tables,
    });
    Ok((key, exported))
}
