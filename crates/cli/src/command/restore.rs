//! `rapport restore`: is this database the one that last wrote?

use rapport_engine::restore::{self, RestoreError, Restored};

use crate::command_line::ClockKind;
use crate::exit::{self, Doing, Failure};
use crate::layout::Layout;
use crate::printed::{count, harmless, line};
use crate::settings::Settings;

/// Compares; with `accept`, lets everything go on from where the database stands. Exit code 3 when it was restored, or when the event log is not the one it was fed from.
pub async fn run(settings: &Settings, accept: bool) -> Result<u8, Failure> {
    let layout = Layout::open(settings, ClockKind::Live).await?;
    let result = examine(&layout, accept).await;
    layout.close().await;
    result
}

async fn examine(layout: &Layout, accept: bool) -> Result<u8, Failure> {
    let (log, store) = (layout.ground.log.as_ref(), layout.ground.store.as_ref());
    let accepted = if accept { restore::accept_log(log, store).await } else { Ok(()) };
    let examined = match accepted {
        Ok(()) => restore::examine_log(log, store).await,
        refused => refused,
    };
    match examined {
        Ok(()) => {}
        Err(RestoreError::OtherLog(why)) => {
            line(harmless(&why));
            line(
                "Ingest and relay append nothing, the gateway takes no events, and no mail is sent: see docs/operating.md.",
            );
            line("When the log is back: rapport restore --accept");
            return Ok(exit::DIFFERENCES);
        }
        Err(error) => return Err(error).doing("looking at the event log"),
    }
    let found = if accept {
        restore::accept(log, store).await.doing("accepting the database")?
    } else {
        restore::find(log, store).await.doing("asking how far the shards were")?
    };
    if found.is_empty() {
        line("the database is as far as the event log was told; nothing to accept");
        return Ok(exit::OK);
    }
    for Restored { shard, in_database, in_log, records } in &found {
        let again = count((*records).max(0), "record");
        line(format!("shard {shard}: commit {in_database} here, {in_log} as told; {again} to be folded again"));
    }
    if accept {
        if layout.ground.broker.is_none() {
            line(
                "Accepted. The events since this copy are lost with the file: import them again, and until that is done",
            );
            line(
                "let mail go to a folder (`mail: deliver: capture`), or partners get twice what they were sent since.",
            );
            return Ok(exit::OK);
        }
        line("Accepted. The shards go on from where this database stands and rebuild what it lacks from the log.");
        line("Mail planned until now, of which the log does not tell, is not sent (reason database_restored).");
        line(
            "Names and addresses told since the backup are in no log: read them again from upstream, see docs/guarantees.md.",
        );
        return Ok(exit::OK);
    }
    line("This database was restored from a backup, or cloned. Its shards wait, and no mail is sent.");
    line("If this is the database to go on with: rapport restore --accept");
    Ok(exit::DIFFERENCES)
}
