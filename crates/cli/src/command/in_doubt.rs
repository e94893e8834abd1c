//! `rapport in-doubt`: mail of which nobody knows whether it was accepted, and what a person found out about it.

use jiff::{SignedDuration, Timestamp};
use rapport_engine::mailer::ended;
use rapport_engine::ports::rows::{ENDED_BY_ITSELF, MessageState};
use rapport_engine::ports::store::{Doubtful, Resolution, Store};
use serde_json::json;

use super::login_name;
use crate::command_line::FoundOut;
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::printed::{harmless, line};
use crate::settings::Settings;

/// So many are looked at; mailers leave at most two a connection.
const MAX: usize = 10_000;
/// Fewer characters of an id name nothing.
const ID_MIN: usize = 6;
/// A second try goes out within this time or not at all: nobody looks any more at what would stop its journey.
const AGAIN_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// Lists them, oldest first.
pub async fn list(settings: &Settings, as_data: bool) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let rows = desk.store.doubtful(MAX).await.doing("reading mail in doubt");
    desk.close().await;
    let rows = rows?;
    if as_data {
        let row = |row: &Doubtful| {
            json!({ "message": row.message.id, "partner": row.message.key.to_string(), "address": row.address,
                "workflow": row.message.workflow, "mail": row.message.mail, "since": row.since.to_string(),
                "reason": row.reason })
        };
        line(json!(rows.iter().map(row).collect::<Vec<_>>()).to_string());
        return Ok(exit::OK);
    }
    if rows.is_empty() {
        line("every mail's fate is known");
        return Ok(exit::OK);
    }
    for Doubtful { message, address, since, reason, .. } in &rows {
        let since = since.strftime("%Y-%m-%d %H:%M");
        let id = message.id.get(..12).unwrap_or(&message.id);
        line(format!(
            "{id}  {since}  {} to {} ({}): {}",
            format_args!("{}/{}", message.workflow, message.mail),
            message.key,
            harmless(address),
            harmless(reason)
        ));
    }
    line("They count as sent. The mail server's log knows: look for the Message-ID `<MESSAGE@…>`, then");
    line("  rapport in-doubt MESSAGE --sent | --not-sent | --send-again");
    Ok(exit::OK)
}

/// Writes down what was found out about one.
pub async fn resolve(settings: &Settings, message: &str, found: FoundOut, by: Option<String>) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let result = write(&desk, message, found, &by.unwrap_or_else(login_name)).await;
    desk.close().await;
    result
}

async fn write(desk: &Desk, id: &str, found: FoundOut, by: &str) -> Result<u8, Failure> {
    if id.len() < ID_MIN {
        return Err(
            Failure::input(format!("`{id}` is too short for a message's id")).help("write at least six characters")
        );
    }
    let rows = desk.store.doubtful(MAX).await.doing("reading mail in doubt")?;
    let mut rows = rows.into_iter().filter(|row| row.message.id.starts_with(id));
    let Some(row) = rows.next() else {
        return Err(
            Failure::input(format!("no mail in doubt begins with `{id}`")).help("`rapport in-doubt` lists them")
        );
    };
    if rows.next().is_some() {
        return Err(Failure::input(format!("several mails in doubt begin with `{id}`")).help("write more of the id"));
    }
    let now = desk.now().await?;
    let end = |state, reason: String, at| {
        Resolution::Ended(ended(&row.message, row.attempt, state, &reason, at, desk.shards))
    };
    let (resolution, told) = if found.sent {
        (end(MessageState::Sent, format!("found by {by}"), row.since), "is sent, as of when it was tried")
    } else if found.not_sent {
        (end(MessageState::Failed, format!("not_sent, found by {by}"), now), "is not sent, and no cap counts it")
    } else {
        refuse_stopped(desk.store.as_ref(), &row).await?;
        let expires = now.checked_add(AGAIN_WITHIN).unwrap_or(Timestamp::MAX);
        let reason = format!("sent again for {by}");
        (
            Resolution::SendAgain { due: now, expires, reason },
            "goes out once more, within the hour, if caps, quiet hours and consent allow",
        )
    };
    if !desk.store.resolve(&row, &resolution).await.doing("writing down what was found out")? {
        return Err(Failure::new(format!("{} is not in doubt any more", row.message.id))
            .help("`rapport explain` tells what became of it"));
    }
    line(format!("{}/{} to {} {told}", row.message.workflow, row.message.mail, row.message.key));
    Ok(exit::OK)
}

/// What stopped a journey stands against its mails too.
async fn refuse_stopped(store: &dyn Store, row: &Doubtful) -> Result<(), Failure> {
    let story = store.story(&row.message.key).await.doing("reading the journey")?;
    let journey = story.and_then(|story| story.journeys.into_iter().find(|journey| journey.id == row.message.journey));
    match journey.and_then(|journey| journey.exited) {
        Some((_, code)) if !ENDED_BY_ITSELF.contains(&code.as_str()) => {
            Err(Failure::input(format!("its journey was stopped since ({code}): the mail is not right any more"))
                .help("say `--not-sent`, or `--sent`"))
        }
        _ => Ok(()),
    }
}
