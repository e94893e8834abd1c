//! `rapport dead-letters`.

use std::collections::{BTreeMap, BTreeSet};

use rapport_engine::ingest::{FILE, Intake, accepted_fact, stopped_fact};
use rapport_engine::ports::log::SourceRecord;
use rapport_engine::ports::rows::DeadLetterRow;
use rapport_event::{Headers, RejectCode};
use rapport_rule::suggest::nearest;
use serde_json::{Map, Value, json};

use super::login_name;
use crate::command_line::{ClockKind, DeadLetterAction};
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::layout::Layout;
use crate::printed::{self, harmless, line};
use crate::services::ingest;
use crate::settings::Settings;
use crate::source_file::{name_fact, place};

/// Letters read at a time.
const PAGE: usize = 500;

/// Lists, shows or replays. Only a replay needs the event log.
pub async fn run(settings: &Settings, action: Option<DeadLetterAction>) -> Result<u8, Failure> {
    let action = action.unwrap_or(DeadLetterAction::List { code: None, limit: 50, json: false });
    if let DeadLetterAction::Replay { code, limit, at } = action {
        let layout = Layout::open(settings, ClockKind::Live).await?;
        let result = replay(&layout, code.as_deref(), limit, at.as_deref()).await;
        layout.close().await;
        return result;
    }
    let desk = Desk::open(settings).await?;
    let result = match action {
        DeadLetterAction::Show { position } => show(&desk, &position).await,
        DeadLetterAction::List { code, limit, json } => list(&desk, code.as_deref(), limit, json).await,
        DeadLetterAction::Accept { place, by } => accept(&desk, &place, by.unwrap_or_else(login_name)).await,
        DeadLetterAction::Replay { .. } => Ok(exit::OK),
    };
    desk.close().await;
    result
}

/// A code that nothing carries is a slip, not an empty list.
async fn known_code(desk: &Desk, code: Option<&str>) -> Result<(), Failure> {
    let Some(code) = code else { return Ok(()) };
    let counts = desk.store.counts().await.doing("counting dead letters")?;
    let stored = counts.iter().filter_map(|(name, _)| name.strip_prefix("dead_letters/"));
    let known: BTreeSet<&str> = RejectCode::ALL.iter().map(|code| code.as_str()).chain(stored).collect();
    if known.contains(code) {
        return Ok(());
    }
    let near = nearest(code, known.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let all: Vec<&str> = known.into_iter().collect();
    Err(Failure::input(format!("there is no code `{}`", harmless(code)))
        .help(format!("{near}the codes are {}", all.join(", "))))
}

/// `SOURCE/PARTITION@OFFSET`, as the list prints it.
fn position(letter: &DeadLetterRow) -> String {
    format!("{}/{}@{}", letter.source, letter.partition, letter.offset)
}

async fn at_position(desk: &Desk, text: &str) -> Result<DeadLetterRow, Failure> {
    let parts = text.rsplit_once('@').and_then(|(place, offset)| {
        let (source, partition) = place.rsplit_once('/')?;
        Some((source, partition.parse::<i32>().ok()?, offset.parse::<i64>().ok()?))
    });
    let Some((source, partition, offset)) = parts else {
        return Err(Failure::input(format!("`{}` is no position", harmless(text)))
            .help("write it as `rapport dead-letters` shows it: SOURCE/PARTITION@OFFSET"));
    };
    let letter = desk.store.dead_letter(source, partition, offset).await.doing("reading the dead letter")?;
    letter.ok_or_else(|| {
        Failure::input(format!("there is no dead letter at {}", harmless(text)))
            .help("`rapport dead-letters` lists them; they are kept for 30 days")
    })
}

/// Whether only the place of a file's line is known any more.
fn is_forgotten(letter: &DeadLetterRow) -> bool {
    letter.source.starts_with(FILE) && letter.raw.is_empty()
}

/// Names of the files that were read in, by the name of their content.
#[derive(Default)]
struct FileNames(BTreeMap<String, Option<String>>);

impl FileNames {
    /// `events.jsonl:3`, for a line of a file whose name is known.
    async fn place(&mut self, desk: &Desk, letter: &DeadLetterRow) -> Result<Option<String>, Failure> {
        if !letter.source.starts_with(FILE) {
            return Ok(None);
        }
        if !self.0.contains_key(&letter.source) {
            let name = desk.store.meta(&name_fact(&letter.source)).await.doing("reading the names of files")?;
            self.0.insert(letter.source.clone(), name);
        }
        let name = self.0.get(&letter.source).and_then(Option::as_ref);
        Ok(name.map(|name| place(&harmless(name), letter.partition, letter.offset)))
    }
}

/// A stopped partition goes on, whatever it holds.
async fn accept(desk: &Desk, place: &str, by: String) -> Result<u8, Failure> {
    let parts = place.rsplit_once('/').and_then(|(source, partition)| Some((source, partition.parse::<i32>().ok()?)));
    let Some((source, partition)) = parts else {
        return Err(Failure::input(format!("`{}` is no partition of a source", harmless(place)))
            .help("write it as readiness and the log say it: SOURCE/PARTITION"));
    };
    let why = desk.store.meta(&stopped_fact(source, partition)).await.doing("reading what is stopped")?;
    let Some(offset) = why.as_deref().and_then(|why| why.split(' ').next()).filter(|offset| !offset.is_empty()) else {
        return Err(Failure::input(format!("{} is not stopped", harmless(place)))
            .help("readiness and the log of `ingest` say what is, and why"));
    };
    let fact = accepted_fact(source, partition);
    desk.store.set_meta(&fact, &format!("{offset} {by} {}", desk.now().await?)).await.doing("noting it")?;
    line(format!(
        "{place} goes on: a running ingest sees it within seconds, a file is to be read in again. What is refused is kept."
    ));
    Ok(exit::OK)
}

async fn list(desk: &Desk, code: Option<&str>, limit: usize, as_data: bool) -> Result<u8, Failure> {
    known_code(desk, code).await?;
    let letters = desk.store.list_dead_letters(code, limit).await.doing("reading dead letters")?;
    let mut names = FileNames::default();
    if as_data {
        let mut data = Vec::new();
        for letter in &letters {
            data.push(
                json!({ "source": letter.source, "partition": letter.partition, "offset": letter.offset, "code": letter.code,
                "position": position(letter), "place": names.place(desk, letter).await?,
                "detail": letter.detail, "at": letter.at.to_string(), "bytes": letter.raw.len(),
                "replayed_at": letter.replayed_at.map(|at| at.to_string()) }),
            );
        }
        line(Value::Array(data).to_string());
        return Ok(exit::OK);
    }
    if letters.is_empty() {
        line("no dead letters");
    }
    for letter in &letters {
        let again =
            letter.replayed_at.map(|at| format!(" (replayed {})", at.strftime("%Y-%m-%d %H:%M"))).unwrap_or_default();
        let place = names.place(desk, letter).await?.map(|place| format!("{place}  ")).unwrap_or_default();
        let (at, code) = (letter.at.strftime("%Y-%m-%d %H:%M"), &letter.code);
        let detail = if is_forgotten(letter) { "what it held is no longer kept" } else { &letter.detail };
        let (position, detail) = (harmless(&position(letter)), harmless(detail));
        line(format!("{at}  {place}{position}  {code}: {detail}{again}"));
    }
    Ok(exit::OK)
}

/// Everything about one, its bytes made safe for a terminal.
async fn show(desk: &Desk, wanted: &str) -> Result<u8, Failure> {
    let letter = at_position(desk, wanted).await?;
    line(harmless(&position(&letter)));
    if let Some(place) = FileNames::default().place(desk, &letter).await? {
        line(format!("  read from   {place}"));
    }
    line(format!(
        "  refused     {}  {}: {}",
        letter.at.strftime("%Y-%m-%d %H:%M UTC"),
        letter.code,
        harmless(&letter.detail)
    ));
    if let Some(at) = letter.replayed_at {
        line(format!("  replayed    {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    }
    for (name, value) in headers(&letter) {
        line(format!("  header      {}: {}", harmless(&name), harmless(&String::from_utf8_lossy(&value))));
    }
    line(format!("  {}", printed::count(letter.raw.len() as i64, "byte")));
    String::from_utf8_lossy(&letter.raw).lines().for_each(|text| line(harmless(text)));
    Ok(exit::OK)
}

fn headers(letter: &DeadLetterRow) -> Vec<(String, Vec<u8>)> {
    let headers: Map<String, Value> = serde_json::from_str(&letter.headers).unwrap_or_default();
    headers.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.as_bytes().to_vec()))).collect()
}

/// Reads what was refused again, oldest first: all that was not replayed yet, or the one at a position. What is refused again
/// stays as it is; what is accepted is appended without a position.
async fn replay(layout: &Layout, code: Option<&str>, limit: Option<usize>, at: Option<&str>) -> Result<u8, Failure> {
    let desk = layout.desk();
    known_code(&desk, code).await?;
    let (mut accepted, mut refused) = (0, 0);
    let mut left = limit.unwrap_or(usize::MAX);
    let mut after: Option<DeadLetterRow> = None;
    if let Some(at) = at {
        let letter = at_position(&desk, at).await?;
        if let Some(at) = letter.replayed_at {
            return Err(Failure::input(format!("{} was replayed already", harmless(&position(&letter))))
                .help(format!("it was accepted on {}", at.strftime("%Y-%m-%d %H:%M UTC"))));
        }
        if is_forgotten(&letter) {
            return Err(Failure::input(format!("what stood at {} is no longer kept", harmless(&position(&letter))))
                .help("bytes are kept for 30 days; read the file in again with `rapport ingest FILE`"));
        }
        match again(layout, letter).await? {
            Ok(()) => accepted += 1,
            Err(why) => {
                refused += 1;
                line(format!("still refused: {}", harmless(&why)));
            }
        }
        left = 0;
    }
    while left > 0 {
        let letters = desk.store.open_dead_letters(code, after.as_ref(), PAGE.min(left)).await;
        let letters = letters.doing("reading dead letters")?;
        let Some(last) = letters.last() else { break };
        left -= letters.len();
        after = Some(last.clone());
        for letter in letters {
            match again(layout, letter).await? {
                Ok(()) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    line(format!("{} accepted now, {} still refused", printed::number(accepted), printed::number(refused)));
    Ok(exit::OK)
}

/// Reads one again; why not, when it is refused.
async fn again(layout: &Layout, letter: DeadLetterRow) -> Result<Result<(), String>, Failure> {
    let headers = headers(&letter);
    let now = layout.ground.clock.now().await.doing("asking for the time")?;
    let rules = layout.ground.rulebooks.current().await.doing("reading the applied files")?;
    let borrowed: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let intake = Intake::of(rules.as_ref().map(|rules| &rules.rulebook), layout.ground.clock.replays());
    if let Err(rejection) = intake.read(&letter.raw, &Headers(&borrowed), now) {
        return Ok(Err(rejection.to_string()));
    }
    let DeadLetterRow { source, partition, offset, raw, .. } = letter;
    let record = SourceRecord {
        topic: source.clone(),
        partition,
        offset,
        timestamp: None,
        headers,
        key: None,
        value: Some(raw),
    };
    if ingest(&layout.ground).take_again(record).await.doing("appending")?.events == 0 {
        return Ok(Err("larger than the event log takes".to_owned()));
    }
    layout.ground.store.dead_letter_replayed(&source, partition, offset, now).await.doing("marking a dead letter")?;
    Ok(Ok(()))
}
