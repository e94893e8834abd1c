//! One replay: publish, run the services until the clock master is at its end, stop them, count.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::civil::Date;
use jiff::{ToSpan as _, tz::TimeZone};

use crate::disturbance::{Disturber, Plan, Report};
use crate::final_state::{Difference, FinalState};
use crate::processes::Processes;
use crate::project::Project;
use crate::purchase_log::PurchaseLog;
use crate::services::Services;
use crate::sink::Sink;
use crate::totals::{Totals, check};

/// Shards of a run: few, for each of them is a commit in every step of the replay; enough for each of three engines to have two.
const SHARDS: u32 = 6;
/// Days played after the last purchase: journeys that wait for weeks come to their mails.
const DAYS_AFTER: i64 = 30;
/// How often it is looked how far a replay is: no more often than the services themselves take for a step.
const LOOK: Duration = Duration::from_millis(50);
/// A replay is stuck when for this long neither its present moves, nor a record is folded, nor a mail comes to its end: one step may
/// hold thousands of mails, and what they take is a matter of the machine.
const STUCK: Duration = Duration::from_secs(90);
/// How often it is asked what moves within a step.
const LOOK_CLOSER: Duration = Duration::from_secs(5);

/// What a run came to.
#[derive(Debug)]
pub struct Played {
    /// Numbers, all of them checked.
    pub totals: Totals,
    /// Everything that must be the same in every run on the same log.
    pub state: FinalState,
    /// What was done to it.
    pub report: Report,
    /// From the start of the services to the exit of ingest.
    pub seconds: f64,
}

/// Plays a log and checks every total.
///
/// # Errors
/// A service ended by itself, the replay stood still, or a check failed: the error says which, with numbers.
pub async fn play(
    services: &Services,
    label: &str,
    log: &PurchaseLog,
    until: Option<Date>,
    plan: Plan,
) -> Result<Played> {
    play_with(services, label, log, until, plan, None).await
}

/// Other files for a run in the middle of it: the day, and what changes them.
pub type Change = (Date, fn(&Path) -> Result<()>);

/// A change in the middle of a log: a shorter first wait and another mail in `follow-up`, and `welcome` taken away with what names it.
#[must_use]
pub fn change_of(log: &PurchaseLog) -> Option<Change> {
    let first = log.purchases.first()?.on;
    Some((first.saturating_add(60.days()), change))
}

fn change(folder: &Path) -> Result<()> {
    // What is taken away may not be named by what stays.
    for workflow in ["welcome", "let-go", "let-go-undone"] {
        std::fs::remove_dir_all(folder.join("workflows").join(workflow))?;
    }
    let path = folder.join("workflows/follow-up/workflow.yaml");
    let before = std::fs::read_to_string(&path)?;
    let after = before
        .replace("for: 3 weeks", "for: 2 weeks")
        .replace("conversions_since_start >= 5", "conversions_since_start >= 3");
    (before != after).then_some(()).context("follow-up is written otherwise")?;
    Ok(std::fs::write(path, after)?)
}

/// The same, with other files applied when the replay has come to a day and all of it is done.
///
/// # Errors
/// As [`play`], or the changed files cannot be applied.
pub async fn play_with(
    services: &Services,
    label: &str,
    log: &PurchaseLog,
    until: Option<Date>,
    plan: Plan,
    change: Option<Change>,
) -> Result<Played> {
    let sink = Sink::start().await?;
    let project = Project::prepare(services, label, &sink, SHARDS, Some("1997-01-01")).await?;
    let published = project.publish(log).await.context("publishing the log")?;
    let first = log.purchases.first().context("the log is empty")?.on;
    let last = log.last_day().context("the log is empty")?;
    let until = until.unwrap_or_else(|| last.saturating_add(DAYS_AFTER.days()));

    let started = Instant::now();
    let mut processes = Processes::default();
    for (name, service) in [
        ("engine-1", "engine"),
        ("engine-2", "engine"),
        ("relay-1", "relay"),
        ("mailer-1", "mailer"),
        ("mailer-2", "mailer"),
    ] {
        processes.start(&project, name, &replay(service, until))?;
    }
    let (from, to) = (first.to_zoned(TimeZone::UTC)?.timestamp(), until.to_zoned(TimeZone::UTC)?.timestamp());
    let mut disturber = Disturber::new(plan, from, to);
    let mut ran = Ok(());
    for (day, change) in change.map(|(day, change)| (day, Some(change))).into_iter().chain([(until, None)]) {
        processes.start(&project, "ingest-1", &replay("ingest", day))?;
        ran = follow(&project, &mut processes, &mut disturber).await;
        if ran.is_err() {
            break;
        }
        if let Some(change) = change {
            change(project.folder.path())?;
            project.rapport(&["apply", "--approved-by", "a-second-person"]).await.with_context(|| label.to_owned())?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    if let Err(error) = ran {
        bail!("{label}: {error:#}\n{}", processes.tails());
    }
    let report = disturber.finish()?;
    processes.stop_all().await?;

    let accepted = sink.accepted();
    let totals = check(&project, log, published, &accepted, &report).await.with_context(|| label.to_owned())?;
    let state = FinalState::read(&project.database.pool).await?;
    project.remove().await?;
    Ok(Played { totals, state, report, seconds })
}

/// What a disturbed run left otherwise than an undisturbed one, beyond the in-doubt rule.
#[must_use]
pub fn compare(disturbed: &Played, undisturbed: &Played) -> Vec<Difference> {
    disturbed.state.differences(&undisturbed.state)
}

fn replay(service: &str, until: Date) -> Vec<String> {
    let mut arguments: Vec<String> = ["run", service, "--clock", "replay"].map(str::to_owned).into();
    if service == "ingest" {
        arguments.extend(["--replay-until".to_owned(), until.to_string()]);
    }
    arguments
}

/// Watches until ingest ends with 0; on the way lets the disturber do its work.
async fn follow(project: &Project, processes: &mut Processes, disturber: &mut Disturber) -> Result<()> {
    let (mut present, mut done, mut moved) = (None, (0, 0), Instant::now());
    let mut looked = moved;
    loop {
        processes.check_alive("ingest-1")?;
        if let Some(status) = processes.ended("ingest-1")? {
            if status.success() {
                return Ok(());
            }
            bail!("ingest ended badly ({status})");
        }
        let now = replay_present(project).await?;
        if now != present {
            (present, moved) = (now, Instant::now());
        } else if looked.elapsed() > LOOK_CLOSER {
            looked = Instant::now();
            let in_step = done_in_step(project).await?;
            if in_step != done {
                (done, moved) = (in_step, looked);
            }
        }
        if moved.elapsed() > STUCK {
            bail!("the replay stands still at {present:?}\n{}", outstanding(project).await?);
        }
        if let Some(now) = now {
            let began = Instant::now();
            disturber.act(project, processes, now).await?;
            // While it waits for a lease to run out, nothing need move.
            moved += began.elapsed();
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn replay_present(project: &Project) -> Result<Option<jiff::Timestamp>> {
    let row: Option<(String,)> = sqlx::query_as("SELECT value FROM meta WHERE name = 'replay_present'")
        .fetch_optional(&project.database.pool)
        .await?;
    let millis = row.and_then(|(value,)| value.parse::<i64>().ok());
    Ok(millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()))
}

/// Records folded and mails that came to their end: what moves while the present waits for them.
async fn done_in_step(project: &Project) -> Result<(i64, i64)> {
    let folded = "SELECT CAST(COALESCE(SUM(next_offset), 0) AS BIGINT) FROM shard WHERE shard >= 0";
    let ended = "SELECT COUNT(*) FROM message WHERE state NOT IN ('queued', 'attempting')";
    let (folded,): (i64,) = sqlx::query_as(folded).fetch_one(&project.database.pool).await?;
    let (ended,): (i64,) = sqlx::query_as(ended).fetch_one(&project.database.pool).await?;
    Ok((folded, ended))
}

/// Why nothing moves, for people.
async fn outstanding(project: &Project) -> Result<String> {
    type Shard = (i64, Option<String>, i64, i64, i64, Option<i64>);
    let shards: Vec<Shard> =
        sqlx::query_as("SELECT shard, owner, epoch, commit_no, next_offset, clock FROM shard ORDER BY shard")
            .fetch_all(&project.database.pool)
            .await?;
    let messages: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM message GROUP BY state").fetch_all(&project.database.pool).await?;
    let outbox: (i64,) = sqlx::query_as("SELECT count(*) FROM outbox").fetch_one(&project.database.pool).await?;
    Ok(format!("shards {shards:?}\nmessages {messages:?}\noutbox {outbox:?}"))
}
