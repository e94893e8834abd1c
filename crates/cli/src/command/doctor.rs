//! `rapport doctor`: looks for anything that is wrong, and says what helps.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_engine::calendar::{ProgramDays, held_open};
use rapport_engine::clocks::accept_server_time;
use rapport_engine::ports::rows::COORDINATOR;
use rapport_engine::ports::store::Outstanding;
use rapport_engine::{operate, reputation, restore};
use rapport_event::id::ProgramId;
use serde_json::json;

use super::pause;
use crate::command_line::ClockKind;
use crate::exit::{self, Doing, Failure};
use crate::files;
use crate::layout::Layout;
use crate::printed::{bold, count, line, number};
use crate::settings::{LayoutSettings, Settings};

/// An owner not heard of for this long is gone.
const SILENT_MS: i64 = 10_000;

#[derive(Default)]
struct Examination {
    lines: Vec<Line>,
}

struct Line {
    what: &'static str,
    good: bool,
    told: String,
}

impl Examination {
    fn note(&mut self, what: &'static str, good: bool, told: impl Into<String>) {
        self.lines.push(Line { what, good, told: told.into() });
    }
}

/// Examines; exit code 1 when something is wrong.
pub async fn run(settings: &Settings, as_data: bool, accept_clock: bool) -> Result<u8, Failure> {
    let mut examination = Examination::default();
    match Layout::open(settings, ClockKind::Live).await {
        Ok(layout) => {
            if accept_clock {
                let at =
                    accept_server_time(layout.ground.store.as_ref()).await.doing("accepting the database's clock")?;
                examination.note("clock", true, format!("{at} is accepted; processes that hold go on within seconds"));
            }
            examine(&layout, settings, &mut examination).await?;
            layout.close().await;
        }
        Err(failure) => {
            let help = failure.remedy.map(|remedy| format!(" ({remedy})")).unwrap_or_default();
            examination.note("layout", false, format!("{}{help}", failure.message));
        }
    }
    let wrong = examination.lines.iter().filter(|line| !line.good).count();
    if as_data {
        let checks =
            examination.lines.iter().map(|line| json!({ "what": line.what, "good": line.good, "told": line.told }));
        line(json!({ "good": wrong == 0, "checks": checks.collect::<Vec<_>>() }).to_string());
    } else {
        for Line { what, good, told } in &examination.lines {
            line(format!("{} {what:<14} {told}", if *good { "✓" } else { "✗" }));
        }
        let verdict = if wrong == 0 { "all well".to_owned() } else { format!("{wrong} to look at") };
        line(bold(&verdict));
    }
    Ok(if wrong == 0 { exit::OK } else { exit::FAILURE })
}

async fn examine(layout: &Layout, settings: &Settings, examination: &mut Examination) -> Result<(), Failure> {
    let store = &layout.ground.store;
    let kind = if matches!(settings.layout, LayoutSettings::Cluster { .. }) { "cluster" } else { "embedded" };
    examination.note("layout", true, format!("{kind}, {}", count(i64::from(layout.ground.shards), "shard")));
    examination.note("schema", true, format!("version {}", rapport_store::SCHEMA_VERSION));
    if let Some(broker) = &layout.ground.broker {
        let missing = rapport_kafka::topic::missing(&broker.connection, &broker.settings.upstream).await;
        let missing = missing.doing("looking for the upstream topics")?;
        let told = match missing.is_empty() {
            true => format!("{} are there", broker.settings.upstream.to_vec().join(", ")),
            false => format!(
                "{}: no such topic, so nothing is read of it; is it spelt as in config/rapport.yaml?",
                missing.join(", ")
            ),
        };
        examination.note("topics", missing.is_empty(), told);
    }
    rulebook(layout, settings, examination).await?;
    feeds(layout, examination).await?;
    shards(layout, examination).await?;
    let counts: BTreeMap<String, i64> = store.counts().await.doing("counting")?.into_iter().collect();
    let of = |name: &str| counts.get(name).copied().unwrap_or(0);
    let sum = |prefix: &str| counts.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, count)| count).sum();
    examination.note(
        "partners",
        true,
        format!("{}, {}", count(of("partners"), "partner"), count(of("conversions"), "conversion")),
    );
    let refused: i64 = sum("dead_letters/");
    let codes: Vec<String> = counts
        .iter()
        .filter_map(|(name, count)| Some(format!("{} {}", name.strip_prefix("dead_letters/")?, number(*count))))
        .collect();
    let open = store.open_dead_letters(None, None, 1).await.doing("reading dead letters")?;
    let told = if refused == 0 {
        "none".to_owned()
    } else {
        format!("{} ({}); see `rapport dead-letters`", count(refused, "dead letter"), codes.join(", "))
    };
    examination.note("dead letters", open.is_empty(), told);
    let waiting = store.quarantines().await.doing("reading who is in quarantine")?;
    let told = if waiting.is_empty() {
        "nobody".to_owned()
    } else {
        format!("{}; see `rapport release`", count(waiting.len() as i64, "partner"))
    };
    examination.note("quarantine", waiting.is_empty(), told);
    let doubtful = store.doubtful(1000).await.doing("reading mail in doubt")?.len();
    let told = if doubtful == 0 {
        "every mail's fate is known".to_owned()
    } else {
        format!("{} nobody knows the fate of; see `rapport in-doubt`", count(doubtful as i64, "mail"))
    };
    // It counts as sent and harms nobody: told, not wrong.
    examination.note("in doubt", true, told);
    let held: Vec<String> = counts
        .iter()
        .filter_map(|(name, count)| Some(format!("{} {}", name.strip_prefix("held/")?, number(*count))))
        .collect();
    let told = if held.is_empty() {
        "every journey's version is known".to_owned()
    } else {
        let which = held.join(", ");
        format!(
            "wait for a version of their workflow that does not compile here: {which}; run the release that applied it"
        )
    };
    examination.note("journeys", held.is_empty(), told);
    reputation(layout, examination).await?;
    let no_basis = of("not_sent/no_basis");
    let told = format!("{} not written for want of consent (no_basis)", count(no_basis, "mail"));
    examination.note("consent", true, if no_basis == 0 { "no mail lacked consent".to_owned() } else { told });
    let broken: Vec<String> = store
        .check_invariants()
        .await
        .doing("checking what must always hold")?
        .into_iter()
        .filter(|(_, rows)| *rows > 0)
        .map(|(name, rows)| format!("{name}: {}", count(rows, "row")))
        .collect();
    let told = if broken.is_empty() { "all hold".to_owned() } else { broken.join("; ") };
    examination.note("invariants", broken.is_empty(), told);
    Ok(())
}

/// What stopped itself, and what is on the way there.
async fn reputation(layout: &Layout, examination: &mut Examination) -> Result<(), Failure> {
    let store = layout.ground.store.as_ref();
    let stopped = store.pauses().await.doing("reading what is paused")?;
    let stopped: Vec<String> = stopped.iter().filter(|row| row.by == operate::ITSELF).map(pause::told).collect();
    let told = if stopped.is_empty() { "no mail stopped itself".to_owned() } else { stopped.join("; ") };
    examination.note("stopped mail", stopped.is_empty(), told);
    let now = layout.desk().now().await?;
    let standings = reputation::standings(store, Timestamp::MIN, now).await.doing("reading how mail fares")?;
    let mut near: Vec<String> = standings
        .iter()
        .filter_map(|row| Some(format!("{} to {}: {}", row.workflow, row.provider, row.alarm()?)))
        .collect();
    let applied = layout.ground.rulebooks.current().await.ok().flatten();
    if let Some(warn_above) = applied.and_then(|applied| applied.rulebook.config.burst.warn_above) {
        let mails = store.mails_an_hour(now).await.doing("counting the hour's mail")?;
        let above = mails.into_iter().filter(|(_, mails)| *mails > i64::from(warn_above));
        near.extend(above.map(|(workflow, mails)| format!("{workflow}: {} within an hour", count(mails, "mail"))));
    }
    // It may end well: told, not wrong.
    let told = if near.is_empty() { "no workflow is near a limit".to_owned() } else { near.join("; ") };
    examination.note("reputation", true, told);
    Ok(())
}

async fn rulebook(layout: &Layout, settings: &Settings, examination: &mut Examination) -> Result<(), Failure> {
    let Some(hash) = layout.ground.store.current_definition_hash().await.doing("asking for the applied files")? else {
        examination.note("workflows", false, "none is in force; run `rapport apply`");
        return Ok(());
    };
    let short = hash.get(..12).unwrap_or(&hash).to_owned();
    match layout.ground.rulebooks.current().await {
        Ok(_) => {
            let same =
                files::read(&settings.folder).map(|texts| files::sources(&texts).hash() == hash).unwrap_or(false);
            let differs = if same { "" } else { "; the files here differ (`rapport apply` puts them into force)" };
            examination.note("workflows", true, format!("{short} in force{differs}"));
        }
        Err(error) => examination.note("workflows", false, error.to_string()),
    }
    Ok(())
}

/// Whether what has to be fresh is: of a feed that is not, mails show nothing.
async fn feeds(layout: &Layout, examination: &mut Examination) -> Result<(), Failure> {
    let Ok(Some(applied)) = layout.ground.rulebooks.current().await else { return Ok(()) };
    let rulebook = &applied.rulebook;
    let Some(program) = rulebook.config.program(&rulebook.config.default_program) else { return Ok(()) };
    let guarded: Vec<_> = rulebook.feeds.values().filter(|feed| feed.fresh_for.is_some()).collect();
    if guarded.is_empty() {
        return Ok(());
    }
    let now = layout.desk().now().await?;
    let stale: Vec<&str> =
        guarded.iter().filter(|feed| !feed.is_fresh(now, &program.zone)).map(|feed| &*feed.id).collect();
    let told = if stale.is_empty() {
        format!("{} fresh", count(guarded.len() as i64, "feed"))
    } else {
        format!("not fresh, so mails show none of {}; run `rapport feeds pull --apply`", stale.join(", "))
    };
    examination.note("feeds", stale.is_empty(), told);
    Ok(())
}

async fn shards(layout: &Layout, examination: &mut Examination) -> Result<(), Failure> {
    let rows = layout.ground.store.shard_rows().await.doing("reading the shards")?;
    let restored = restore::find(layout.ground.log.as_ref(), layout.ground.store.as_ref())
        .await
        .doing("asking how far the shards were")?;
    let told = if restored.is_empty() {
        "the database is the one that last wrote".to_owned()
    } else {
        format!("{} behind what Kafka was told; see `rapport restore`", count(restored.len() as i64, "shard"))
    };
    examination.note("restore", restored.is_empty(), told);
    let ids: Vec<u32> = (0..layout.ground.shards).collect();
    let ends = layout.ground.log.ends(&ids).await.doing("reading the ends of the log")?;
    let now = layout.ground.store.server_time().await.doing("asking for the time")?;
    let (mut behind, mut lagging, mut owned, mut silent) = (0, Vec::new(), 0, Vec::new());
    let mut beyond = None;
    for row in &rows {
        if let Some(end) = usize::try_from(row.shard).ok().and_then(|shard| ends.get(shard)) {
            let lag = end - row.next_offset;
            if lag < 0 {
                beyond.get_or_insert((row.shard, lag));
            }
            behind += lag;
            if lag > 0 {
                lagging.push(format!("{} ({})", row.shard, number(lag)));
            }
        }
        if row.owner.is_some() {
            owned += 1;
            let quiet = now.as_millisecond() - row.seen_at.as_millisecond() > SILENT_MS;
            if quiet {
                silent.push(if row.shard == COORDINATOR { "coordinator".to_owned() } else { row.shard.to_string() });
            }
        }
    }
    let running = owned > 0 && silent.len() < owned;
    let told = match (running, owned) {
        (true, _) => format!("{owned} of {} owned", rows.len()),
        (false, _) => "no engine runs here now".to_owned(),
    };
    examination.note("engine", silent.is_empty() || !running, told);
    // Without an engine a lag is what waits for one.
    let told = if let Some((shard, lag)) = beyond {
        format!(
            "shard {shard} has folded {} more than the event log holds: it is another log; see `rapport restore`",
            count(-lag, "record")
        )
    } else if behind == 0 {
        "caught up".to_owned()
    } else {
        format!("{} to fold; shards {}", count(behind, "record"), lagging.join(", "))
    };
    // An embedded project that is not running folds what waits at its next start.
    let sound = behind == 0 || running || layout.ground.broker.is_none();
    examination.note("shards", beyond.is_none() && sound, told);
    let clocks: Vec<_> = rows.iter().filter(|row| row.shard != COORDINATOR).map(|row| (row.shard, row.clock)).collect();
    days(layout, examination, &clocks, running || layout.ground.broker.is_some()).await?;
    let present = layout.desk().now().await?;
    let Outstanding { outbox, messages, requests, timers, calls } =
        layout.ground.store.outstanding(present).await.doing("looking for open work")?;
    let told = format!(
        "{} to append, {} due, {} open, {} due, {} due",
        count(outbox, "record"),
        count(messages, "mail"),
        count(requests, "request"),
        count(timers, "timer"),
        count(calls, "call")
    );
    examination.note("work", true, told);
    Ok(())
}

/// Whether every programme's days are closed in time, and else which shard holds one open. Without an engine nothing closes them.
async fn days(
    layout: &Layout,
    examination: &mut Examination,
    clocks: &[(i32, Option<Timestamp>)],
    should_run: bool,
) -> Result<(), Failure> {
    let Ok(Some(applied)) = layout.ground.rulebooks.current().await else { return Ok(()) };
    let now = layout.ground.store.server_time().await.doing("asking for the time")?;
    let present = layout.ground.store.replay_present().await.doing("asking for the present")?.unwrap_or(now);
    let (mut told, mut good) = (Vec::new(), true);
    for id in applied.rulebook.config.programs.keys() {
        let Ok(program) = ProgramId::new(id) else { continue };
        let Some(days) = ProgramDays::of(&applied.rulebook, &program) else { continue };
        let last = layout.ground.store.last_day_close(&program).await.doing("reading the programme's last day")?;
        let Some(last) = last else {
            told.push(format!("{id}: none closed yet"));
            continue;
        };
        let Some(held) = held_open(&days, last.day, clocks, present) else {
            told.push(format!("{id}: closed up to {}", last.day));
            continue;
        };
        good = !should_run;
        let by: Vec<String> = held.shards.iter().map(ToString::to_string).collect();
        let by = if by.is_empty() { "the coordinator".to_owned() } else { format!("shard {}", by.join(", ")) };
        told.push(format!("{id}: {} is open since {}, held by {by}", held.day, held.since));
    }
    examination.note("days", good, told.join("; "));
    Ok(())
}
