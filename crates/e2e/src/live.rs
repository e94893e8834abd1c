//! A run on the live clock: thousands of events in a minute while processes are killed and stand still and another version
//! of the workflows is applied; then everything is counted against what the trackers told.
//!
//! Nothing is the same in two such runs (times are real), so it is not compared with another run but with what must be:
//! each conversion once, each journey once, each planned mail once or in doubt within the bound.

mod acts;
mod count;
pub mod files;
mod story;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use rapport_kafka::Outgoing;

pub use acts::Done;
pub use count::Counted;

use crate::processes::{Processes, until};
use crate::project::Project;
use crate::services::Services;
use crate::sink::Sink;

/// Shards of a run.
const SHARDS: u32 = 8;
/// A run in which nothing moves for this long does not come to rest: the longest a journey waits is a minute, and so is the longest
/// a mail waits for a mailer that died with it in hand.
const STUCK: Duration = Duration::from_secs(150);
/// A run that still goes on after so long goes in circles.
const LONGEST: Duration = Duration::from_mins(20);
/// How often it is looked whether anything moves.
const LOOK: Duration = Duration::from_secs(1);
/// A mail server takes a moment: so long a mail is on its way, and a kill may meet it there.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);
/// How often time goes on.
const TICK: Duration = Duration::from_millis(50);

/// What to play.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Another seed is another run.
    pub seed: u64,
    /// Partners.
    pub partners: usize,
    /// Conversions of each.
    pub sales: usize,
    /// How many processes are killed.
    pub kills: usize,
}

/// What the run came to.
#[derive(Debug)]
pub struct Played {
    /// Numbers, all of them checked.
    pub counted: Counted,
    /// What was done to it.
    pub done: Done,
    /// Records published, repetitions among them.
    pub published: usize,
    /// From the first record to the end of the last journey.
    pub seconds: f64,
    /// What `rapport doctor` said.
    pub doctor: String,
}

/// Plays and counts.
///
/// # Errors
/// A service ended by itself, the run did not come to rest, or a check failed: the error says which, with numbers.
pub async fn play(services: &Services, plan: Plan) -> Result<Played> {
    let sink = Sink::slow(ANSWERS_AFTER).await?;
    let project = Project::prepare_with(services, "live", &sink, SHARDS, None, files::first).await?;
    let mut processes = Processes::default();
    for (name, service) in acts::PROCESSES {
        processes.start(&project, name, &["run".to_owned(), service.to_owned()])?;
    }
    let played = disturb(&project, &mut processes, &sink, plan).await;
    let played = played.map_err(|error| error.context(processes.tails()))?;
    processes.stop_all().await?;
    drop(processes);
    project.remove().await?;
    Ok(played)
}

async fn disturb(project: &Project, processes: &mut Processes, sink: &Sink, plan: Plan) -> Result<Played> {
    let (lines, expected) = story::draw(plan.seed, plan.partners, plan.sales);
    let mut acts = acts::Acts::draw(plan.seed, plan.kills);
    let mut teller = story::Teller::default();
    let publisher = project.publisher()?;
    let (mut lines, mut published) = (lines.into_iter().peekable(), 0_usize);
    // What a sale needs is told seconds before it: nobody may still be starting by then.
    until("every shard to have an owner", STUCK, async || count::is_owned(project, SHARDS).await).await?;
    let started = Instant::now();
    let (mut seen, mut looked, mut moved) = (Vec::new(), started, started);
    loop {
        let now_ms = started.elapsed().as_millis() as u64;
        let mut batch = Vec::new();
        while let Some(line) = lines.next_if(|line| line.at_ms <= now_ms) {
            let topic = match line.family {
                story::Family::Partners => &project.topics.partners,
                story::Family::Conversions => &project.topics.conversions,
                story::Family::Activity => &project.topics.activity,
            };
            published += 1;
            batch.push(Outgoing {
                topic: topic.clone(),
                // In turn: nothing is keyed by partner.
                partition: Some((published % 5) as i32),
                headers: Vec::new(),
                timestamp: None,
                key: None,
                value: Some(teller.tell(&line, Timestamp::now()).into_bytes()),
            });
        }
        if !batch.is_empty() {
            publisher.publish(&batch).await?;
        }
        acts.act(project, processes, now_ms).await?;
        processes.check_alive("")?;
        if acts.are_over() && lines.peek().is_none() && count::is_at_rest(project, &expected).await? {
            break;
        }
        if looked.elapsed() > LOOK {
            looked = Instant::now();
            let now = count::progress(project).await?;
            if now != seen {
                (seen, moved) = (now, looked);
            } else if moved.elapsed() > STUCK || started.elapsed() > LONGEST {
                bail!("nothing ended for {:?}: {}", moved.elapsed(), count::outstanding(project).await?);
            }
        }
        tokio::time::sleep(TICK).await;
    }
    let seconds = started.elapsed().as_secs_f64();
    let doctor = project.rapport(&["doctor"]).await.context("the doctor finds something")?;
    let counted = count::check(project, &expected, &sink.accepted(), acts.done()).await?;
    Ok(Played { counted, done: acts.done().clone(), published, seconds, doctor })
}
