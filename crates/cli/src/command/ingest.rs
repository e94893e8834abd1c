//! `rapport ingest`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rapport_engine::ingest::{Intake, ReplayMaster, Taken};
use rapport_engine::ports::log::SourceRecord;
use rapport_event::Headers;
use rapport_kafka::topic::{Topic, create};
use rapport_kafka::{Outgoing, Publisher};
use serde::Deserialize;

use super::{apply, instant};
use crate::command_line::{ClockKind, IngestArguments, IngestTarget};
use crate::desk::Missing;
use crate::exit::{self, Doing, Failure};
use crate::layout::{Layout, connection, link_keys};
use crate::lock::Lock;
use crate::printed::harmless;
use crate::services::{Services, ingest, transport};
use crate::settings::{KafkaSettings, LayoutSettings, Settings};
use crate::source_file::{self, EventFile, FileSource};
use crate::{printed, progress, stop};

/// Partitions of an upstream topic that has to be made.
const PARTITIONS: u32 = 4;
const CHUNK: usize = 5_000;
/// So many refusals are told at once; the dead letters hold all.
const REFUSED_SHOWN: usize = 5;

/// Reads files in.
pub async fn run(settings: &Settings, arguments: IngestArguments) -> Result<u8, Failure> {
    let until = arguments.replay_until.as_deref().map(instant).transpose()?;
    let program = arguments.program.clone().or_else(|| settings.program.clone());
    let program = program
        .ok_or_else(|| Failure::input("config/rapport.yaml declares no programme").help("name one with --program"))?;
    // All are read before anything is changed.
    let files = arguments.files.iter().map(|file| Ok((file.clone(), source_file::read(file, &program)?)));
    let files: Vec<(PathBuf, EventFile)> = files.collect::<Result<_, Failure>>()?;
    match (arguments.into, arguments.clock, &settings.layout) {
        (IngestTarget::Kafka, ClockKind::Live, LayoutSettings::Cluster { kafka, .. }) => publish(kafka, files).await,
        (IngestTarget::Kafka, ClockKind::Live, LayoutSettings::Embedded { .. }) => {
            Err(Failure::input("the embedded layout has no Kafka")
                .help("leave out `--into kafka`, or set RAPPORT_KAFKA and RAPPORT_STORE"))
        }
        (IngestTarget::Kafka, ClockKind::Replay, _) => {
            Err(Failure::input("--into kafka and --clock replay do not go together")
                .help("publish first, then `rapport run --clock replay`"))
        }
        (IngestTarget::Rapport, ClockKind::Replay, LayoutSettings::Cluster { .. }) => {
            Err(Failure::input("a cluster replays its upstream topics")
                .help("rapport ingest --into kafka FILE, then `rapport run --clock replay`"))
        }
        (IngestTarget::Rapport, ClockKind::Replay, LayoutSettings::Embedded { .. }) => {
            replay(settings, files, until).await
        }
        (IngestTarget::Rapport, ClockKind::Live, _) => take_in(settings, files).await,
    }
}

/// Straight into the log; the engine folds it when it runs.
async fn take_in(settings: &Settings, files: Vec<(PathBuf, EventFile)>) -> Result<u8, Failure> {
    let layout = Layout::open_or(settings, ClockKind::Live, Missing::Make).await?;
    let stop = stop::on_signal()?;
    let (service, mut all) = (ingest(&layout.ground), Taken::default());
    for (file, events) in files {
        let bar = progress::spinner(format!("reading {}", file.display()));
        keep_name(&layout, &file, &events).await?;
        let mut source = FileSource::of(events.records.clone());
        let taken = service.run(&mut source, false, stop.clone()).await;
        bar.finish_and_clear();
        let taken = match taken {
            Ok(taken) => taken,
            Err(error) => {
                tell_first_refused(&layout, &file, &events).await?;
                return Err(Failure::new(format!("reading {}: {error}", file.display())));
            }
        };
        tell(&file, taken, source.len());
        if taken.rejected > 0 {
            tell_first_refused(&layout, &file, &events).await?;
        }
        all += taken;
    }
    layout.close().await;
    Ok(judged(all))
}

/// The exit code: whether all, some or none of it was taken.
fn judged(taken: Taken) -> u8 {
    if taken.rejected == 0 {
        return exit::OK;
    }
    printed::line("what was refused is kept: `rapport dead-letters` shows it with reasons");
    if taken.events == 0 { exit::BAD_INPUT } else { exit::FAILURE }
}

/// A dead letter of a file is told by the file's name.
async fn keep_name(layout: &Layout, file: &Path, events: &EventFile) -> Result<(), Failure> {
    if let (true, Some(first)) = (events.by_line, events.records.first()) {
        let name = file.display().to_string();
        layout
            .ground
            .store
            .set_meta(&source_file::name_fact(&first.topic), &name)
            .await
            .doing("noting the file's name")?;
    }
    Ok(())
}

/// The first that were refused, with their places and reasons.
async fn tell_first_refused(layout: &Layout, file: &Path, events: &EventFile) -> Result<(), Failure> {
    let rules = layout.ground.rulebooks.current().await.doing("reading the applied files")?;
    let intake = Intake::of(rules.as_ref().map(|rules| &rules.rulebook), layout.ground.clock.replays());
    let now = layout.ground.clock.now().await.doing("asking for the time")?;
    let refused = events.records.iter().filter_map(|record| {
        let rejection = intake.read(record.value.as_deref()?, &Headers::NONE, now).err()?;
        Some((record, rejection))
    });
    for (record, rejection) in refused.take(REFUSED_SHOWN) {
        let file = file.display().to_string();
        let place = if events.by_line { source_file::place(&file, record.partition, record.offset) } else { file };
        printed::aside(format!("  {place}: {}: {}", rejection.code.as_str(), harmless(&rejection.detail)));
    }
    Ok(())
}

fn tell(file: &Path, taken: Taken, lines: usize) {
    let (events, rejected) = (printed::count(taken.events as i64, "event"), printed::number(taken.rejected as i64));
    let lines = printed::count(lines as i64, "record");
    printed::line(format!("{}: {lines}, {events} taken in, {rejected} refused", file.display()));
}

/// Through the whole engine, each event at its own time.
async fn replay(
    settings: &Settings,
    files: Vec<(PathBuf, EventFile)>,
    until: Option<Timestamp>,
) -> Result<u8, Failure> {
    if settings.mail.delivers() {
        return Err(Failure::input("a replay's mail must not leave this machine").help("set RAPPORT_MAIL=capture"));
    }
    let mut source = FileSource::merged(files.iter().map(|(_, events)| events.records.clone()));
    let total = source.len();
    if total > 0 && !source.has_times() {
        return Err(Failure::input("no record says when it happened, so none can be played").help(
            "each needs `occurred_at` (or `time`); `rapport ingest` without `--clock replay` tells what else is wrong",
        ));
    }
    let texts = apply::checked(&settings.folder)?;
    let _lock = Lock::take(&settings.folder)?;
    let stop = stop::on_signal()?;
    let layout = Layout::open_or(settings, ClockKind::Replay, Missing::Make).await?;
    layout.take_over().await?;
    for (file, events) in &files {
        keep_name(&layout, file, events).await?;
    }
    if !apply::in_force(&layout.desk(), &texts).await? {
        // History is loaded to be worked with: everything in the files is newer than the workflows.
        apply::by_running(&layout.desk(), texts, Some(Timestamp::UNIX_EPOCH), false).await?;
    }
    let way_out = transport(&settings.mail)?;
    let links = link_keys(settings, false)?;
    let done = stop.child_token();
    let mut services = Services::new(done.clone());
    services.engine(&layout.ground, "replay", None);
    services.relay(&layout.ground, "replay");
    services.mailer(&layout.ground, "replay", way_out, links);
    let bar = progress::spinner("replaying".to_owned());
    let master = ReplayMaster::new(ingest(&layout.ground), until);
    let taken = {
        let bar = bar.clone();
        let show = move |present: Timestamp| bar.set_message(format!("replaying {}", present.strftime("%Y-%m-%d")));
        master.run(&mut source, stop.clone(), show).await
    };
    bar.finish_and_clear();
    done.cancel();
    services.wait().await?;
    if taken.as_ref().map_or(true, |taken| taken.rejected > 0) {
        for (file, events) in &files {
            tell_first_refused(&layout, file, events).await?;
        }
    }
    layout.close().await;
    let taken = taken.doing("replaying")?;
    printed::line(format!(
        "{}: {} taken in, {} refused, played at their own time",
        printed::count(total as i64, "record"),
        printed::count(taken.events as i64, "event"),
        printed::number(taken.rejected as i64)
    ));
    Ok(judged(taken))
}

/// To the upstream topics, as a tracker would.
async fn publish(kafka: &KafkaSettings, files: Vec<(PathBuf, EventFile)>) -> Result<u8, Failure> {
    let connection = connection(kafka);
    for name in &kafka.upstream {
        let topic = Topic {
            name: name.clone(),
            partitions: PARTITIONS,
            replication: kafka.replication,
            settings: Default::default(),
        };
        if create(&connection, &topic).await.doing(&format!("looking for topic {name}"))? {
            printed::line(format!("made topic {name}"));
        }
    }
    let publisher = Publisher::new(&connection).doing("making a producer")?;
    for (file, EventFile { records, .. }) in files {
        let bar = progress::bar(records.len() as u64, "publishing {wide_bar} {pos}/{len}");
        let (count, mut topics) = (records.len() as i64, BTreeSet::new());
        for chunk in records.chunks(CHUNK) {
            let outgoing: Vec<Outgoing> = chunk.iter().map(|record| outgoing(record, kafka)).collect();
            topics.extend(outgoing.iter().map(|record| record.topic.clone()));
            publisher.publish(&outgoing).await.doing(&format!("publishing {}", file.display()))?;
            bar.inc(chunk.len() as u64);
        }
        bar.finish_and_clear();
        let topics: Vec<String> = topics.into_iter().collect();
        printed::line(format!(
            "{}: {} published to {}",
            file.display(),
            printed::count(count, "event"),
            topics.join(", ")
        ));
    }
    Ok(exit::OK)
}

fn outgoing(record: &SourceRecord, kafka: &KafkaSettings) -> Outgoing {
    #[derive(Deserialize)]
    struct Outer<'a> {
        kind: Option<&'a str>,
        #[serde(rename = "type")]
        type_: Option<&'a str>,
        partner: Option<&'a str>,
    }
    let outer = record.value.as_deref().and_then(|value| serde_json::from_slice::<Outer<'_>>(value).ok());
    let kind = outer.as_ref().and_then(|outer| outer.kind.or(outer.type_)).unwrap_or_default();
    let [conversions, activity, partners] = &kafka.upstream;
    let topic = match kind.split('.').next() {
        Some("conversion") => conversions,
        Some("partner") => partners,
        _ => activity,
    };
    Outgoing {
        topic: topic.clone(),
        partition: None,
        headers: Vec::new(),
        // The broker's retention goes by this time: an old event must not be born expired.
        timestamp: None,
        key: outer.and_then(|outer| outer.partner).map(|partner| partner.as_bytes().to_vec()),
        value: record.value.clone(),
    }
}
