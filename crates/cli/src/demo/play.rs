//! Plays the world: its events as a source of the clock master, its people's reactions to the mails of the step before.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_contact::normalise;
use rapport_engine::ingest::{ReplayMaster, ReplaySource, Taken};
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::log::{LogError, SourceRecord};
use rapport_engine::ports::store::{Store, StoreError, SuppressionChange, UNSUBSCRIBED};
use rapport_engine::records;
use rapport_engine::story::Story;
use rapport_event::engine::{ContactData, EngineData};
use rapport_event::{Event, Kind, PartnerKey, Payload, shard_of};
use rapport_message::link::Keys;
use rapport_workflow::Rulebook;
use tokio_util::sync::CancellationToken;

use super::score::{Alarm, Score};
use super::watched::{Inbox, Watched};
use super::world::{OptOut, World, later};
use crate::command_line::{ClockKind, DemoArguments};
use crate::desk::Missing;
use crate::exit::{Doing, Failure};
use crate::files::Texts;
use crate::layout::{Layout, keep_key};
use crate::progress;
use crate::services::{Services, ingest, transport};
use crate::settings::{LayoutSettings, MailSettings, Settings};

/// What came of it.
pub struct Played {
    /// Events taken in.
    pub taken: Taken,
    /// Counts of the store, by name.
    pub counts: BTreeMap<String, i64>,
    /// Dips, true and seen.
    pub score: Score,
    /// Stories worth telling: what they show, and of whom.
    pub examples: Vec<(&'static str, String)>,
    /// The programme's name.
    pub program: String,
    /// First and last day.
    pub dates: (jiff::civil::Date, jiff::civil::Date),
    /// The shop's outage: its first day and how many.
    pub outage: Option<(jiff::civil::Date, usize)>,
}

/// Plays the whole of it.
pub async fn play(
    folder: &Path,
    texts: Texts,
    rulebook: &Rulebook,
    world: World,
    arguments: &DemoArguments,
    stop: &CancellationToken,
) -> Result<Played, Failure> {
    let settings = settings(folder, world.program());
    let layout = Layout::open_or(&settings, ClockKind::Replay, Missing::Make).await?;
    layout.take_over().await?;
    crate::command::put_into_force(&layout.desk(), texts, Some(world.deployed_at())).await?;
    let keys = link_keys(folder, arguments.seed)?;
    let inbox = Inbox::default();
    let way_out = Watched::new(transport(&settings.mail)?, inbox.clone(), keys.clone(), rulebook);
    let done = stop.child_token();
    let mut services = Services::new(done.clone());
    services.engine(&layout.ground, "demo", None);
    services.relay(&layout.ground, "demo");
    services.mailer(&layout.ground, "demo", Arc::new(way_out), keys);

    let (first, days) = (world.midnight(0), arguments.days as usize);
    let end = world.end();
    let bar = progress::bar(days as u64, "{msg:>13} {wide_bar} {percent}%");
    let mut source = WorldSource {
        world,
        inbox,
        store: layout.ground.store.clone(),
        shards: layout.ground.shards,
        opt_outs: Vec::new(),
        step: None,
        number: 0,
    };
    let master = ReplayMaster::new(ingest(&layout.ground), Some(end));
    let taken = {
        let bar = bar.clone();
        let show = move |present: Timestamp| {
            let day = (present.as_millisecond() - first.as_millisecond()) / 86_400_000;
            bar.set_position(u64::try_from(day).unwrap_or(0));
            bar.set_message(present.strftime("%-d %b %Y").to_string());
        };
        master.run(&mut source, stop.clone(), show).await
    };
    bar.finish_and_clear();
    let broke = done.is_cancelled() && !stop.is_cancelled();
    done.cancel();
    services.wait().await?;
    let taken = taken.doing("playing the year")?;
    if broke {
        return Err(Failure::new("a service ended in the middle of the year"));
    }
    let played = look_back(&layout, &source.world, rulebook, taken, days).await;
    layout.close().await;
    played
}

fn settings(folder: &Path, program: &str) -> Settings {
    Settings {
        folder: folder.to_owned(),
        layout: LayoutSettings::Embedded { file: folder.join("rapport.db"), disposable: true },
        mail: MailSettings::captured(folder.join("mails")),
        gateway: Default::default(),
        link_keys: Vec::new(),
        shards: 1,
        history_days: 400,
        program: Some(program.to_owned()),
        log_format: None,
        log_level: None,
    }
}

/// Keys that follow from the seed, so that the same seed gives the same mails; kept where `run` looks for them.
fn link_keys(folder: &Path, seed: u64) -> Result<Arc<LinkKeys>, Failure> {
    let key = format!("demo-key-for-captured-mail-only-{seed:020}");
    keep_key(folder, &key)?;
    Ok(Arc::new(LinkKeys { keys: Keys::new([key.into_bytes()]).doing("making the demo's key")? }))
}

/// Counts, and scores against what the world knows.
async fn look_back(
    layout: &Layout,
    world: &World,
    rulebook: &Rulebook,
    taken: Taken,
    days: usize,
) -> Result<Played, Failure> {
    let counts = layout.ground.store.counts().await.doing("counting")?.into_iter().collect();
    let mut alarms = Vec::new();
    let mut stories = Vec::new();
    for partner in world.partners() {
        let Ok(key) = PartnerKey::new(world.program(), partner) else { continue };
        let Some(story) = layout.ground.store.story(&key).await.doing("reading stories")? else { continue };
        for signal in &story.signals {
            let is_silence = signal.kind == "silence.conversions";
            if signal.kind == "dip.conversions" || is_silence {
                let day = world.day_of(signal.occurred_at);
                alarms.push(Alarm { partner: partner.to_owned(), day, is_silence });
            }
        }
        stories.push((partner.to_owned(), story));
    }
    let program = rulebook.config.program(&rulebook.config.default_program);
    Ok(Played {
        taken,
        counts,
        score: Score::of(&world.dips(), &alarms, world.partners().count() as f64 * days as f64 / 365.0),
        examples: examples(&stories),
        program: program.map_or_else(|| world.program().to_owned(), |program| program.name.clone()),
        dates: (world.date(0), world.date(days - 1)),
        outage: world.outage().map(|(first, days)| (world.date(first), days)),
    })
}

/// Partners in whose story there is something to see, each shown once.
fn examples(stories: &[(String, Story)]) -> Vec<(&'static str, String)> {
    let sent = |story: &Story, workflow: &str| {
        let is_sent = |told: &&rapport_engine::story::ToldMessage| {
            told.state.code() == "sent" && told.message.workflow == workflow
        };
        story.messages.iter().filter(is_sent).count()
    };
    let reason = |story: &Story, code: &str| story.messages.iter().any(|told| told.reason.as_deref() == Some(code));
    type Shows<'a> = (&'static str, Box<dyn Fn(&Story) -> usize + 'a>);
    let wanted: Vec<Shows<'_>> = vec![
        (
            "a dip that was noticed, and what came of it",
            Box::new(|story| {
                sent(story, "re-engagement") * 3
                    + story.signals.len().min(2) * usize::from(sent(story, "re-engagement") > 0)
            }),
        ),
        ("a good year", Box::new(|story| sent(story, "congratulation") * 2 + sent(story, "follow-up"))),
        (
            "a welcome and a first sale",
            Box::new(|story| sent(story, "welcome").min(2) * 2 + sent(story, "follow-up") * 3),
        ),
        (
            "nothing sent, for want of consent",
            Box::new(|story| usize::from(reason(story, "no_basis")) * (1 + story.messages.len())),
        ),
    ];
    let mut shown: Vec<(&'static str, String)> = Vec::new();
    for (what, worth) in wanted {
        let best = stories
            .iter()
            .filter(|(partner, _)| !shown.iter().any(|(_, other)| other == partner))
            .max_by_key(|(partner, story)| (worth(story), std::cmp::Reverse(partner.clone())));
        if let Some((partner, story)) = best
            && worth(story) > 0
        {
            shown.push((what, partner.clone()));
        }
    }
    shown
}

/// The world as a source of events.
struct WorldSource {
    world: World,
    inbox: Inbox,
    store: Arc<dyn Store>,
    shards: u32,
    opt_outs: Vec<OptOut>,
    /// The step being taken; reactions are worked out once a step.
    step: Option<Timestamp>,
    number: i64,
}

impl WorldSource {
    /// What the gateway does when somebody follows the way out of a mail: suppressed at once, told to the journeys.
    async fn opt_out(&self, gone: &OptOut) -> Result<(), StoreError> {
        let (Some(address), Ok(key)) = (normalise(&gone.address), PartnerKey::new(self.world.program(), &gone.partner))
        else {
            return Ok(());
        };
        let change = SuppressionChange::add(&address.folded(), gone.topic.as_deref(), UNSUBSCRIBED, gone.at);
        let data = ContactData {
            topic: gone.topic.as_deref().map(Into::into),
            reason: Some(UNSUBSCRIBED.into()),
            message: Some(gone.message.as_str().into()),
            ..ContactData::default()
        };
        let event = Event {
            id: records::derived_id(&format!("unsubscribe:{}", gone.message)),
            key: key.clone(),
            kind: Kind::ContactOptedOut,
            occurred_at: gone.at,
            payload: Payload::Engine(Box::new(EngineData::Contact(data))),
            person_version: None,
        };
        let told = records::outbox(shard_of(&key, self.shards), event);
        self.store.change_suppressions(&[change], &[told]).await?;
        // It stands in the log before anything of this step, whatever the relay's speed.
        while !self.store.outbox(1).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

fn unreachable(error: StoreError) -> LogError {
    LogError::Unreachable(error.to_string())
}

#[async_trait]
impl ReplaySource for WorldSource {
    async fn take_until(&mut self, until: Timestamp) -> Result<Vec<SourceRecord>, LogError> {
        if self.step != Some(until) {
            self.step = Some(until);
            self.opt_outs.extend(self.world.react(self.inbox.take()));
            let (now, later_on) = std::mem::take(&mut self.opt_outs).into_iter().partition(|gone| gone.at <= until);
            self.opt_outs = later_on;
            let now: Vec<OptOut> = now;
            for gone in &now {
                self.opt_out(gone).await.map_err(unreachable)?;
            }
        }
        let told = self.world.take_until(until);
        Ok(told
            .into_iter()
            .map(|told| {
                self.number += 1;
                SourceRecord {
                    topic: "demo".to_owned(),
                    partition: 0,
                    offset: self.number,
                    timestamp: Some(told.at),
                    headers: Vec::new(),
                    key: None,
                    value: Some(told.value),
                }
            })
            .collect())
    }

    async fn next_time(&mut self) -> Result<Option<Timestamp>, LogError> {
        Ok(self.world.next_at().or(Some(later(self.world.end(), 0))))
    }

    async fn commit(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}
