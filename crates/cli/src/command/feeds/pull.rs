//! `rapport feeds pull`: from where a shop publishes its products into `config/feeds/NAME.json`, a file of the rulebook like any
//! other: reviewed, versioned, applied.
//!
//! A feed that cannot be pulled keeps the file it has, and the others go on.

use std::io::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_hook::fetch::{FILE_BYTES_MAX, fetch};
use rapport_rule::yaml::parse_filled;
use rapport_rule::{Findings, Source, suggest};
use rapport_workflow::Feed;
use rapport_workflow::config::{FeedOrigin, FeedPlace, pulled_file};
use rapport_workflow::pulled::{Bad, Pulled, Unreadable, file_text, read};
use serde_json::Value as Json;

use super::into_force;
use crate::command_line::{Global, PullArguments};
use crate::exit::{self, Doing, Failure};
use crate::files::{self, FILE_MAX, Texts};
use crate::printed::{aside, count, harmless, line};

/// Where the feeds are declared.
const DECLARED: &str = "config/feeds.yaml";

pub async fn run(global: &Global, arguments: PullArguments) -> Result<u8, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let texts = files::read(&folder)?;
    // Items that are there may not fit any more what is declared now: to pull is what puts that right.
    let declared: Texts = {
        let pulled: Vec<String> = that_pull(&texts).iter().map(|id| pulled_file(id)).collect();
        texts
            .iter()
            .filter(|(path, _)| !pulled.contains(path))
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect()
    };
    let rulebook = super::rulebook(&declared)?;
    let zone = super::zone(&rulebook);
    let mut chosen: Vec<(&Feed, &FeedOrigin)> = Vec::new();
    let all = || rulebook.feeds.values().filter_map(|feed| Some((feed, feed.origin.as_ref()?)));
    for name in &arguments.names {
        let Some(found) = all().find(|(feed, _)| *feed.id == **name) else {
            let near = suggest::nearest(name, all().map(|(feed, _)| &*feed.id));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let failure = Failure::input(format!("there is no feed `{name}` that says where its items come from"));
            return Err(
                failure.help(format!("{near}`from` in config/feeds.yaml says it; `rapport feeds` lists all feeds"))
            );
        };
        if !chosen.iter().any(|(feed, _)| feed.id == found.0.id) {
            chosen.push(found);
        }
    }
    if arguments.names.is_empty() {
        chosen.extend(all());
    }
    if chosen.is_empty() {
        line("Nothing to pull: no feed of config/feeds.yaml says `from`.");
        return Ok(exit::OK);
    }
    let mut pulled = Texts::new();
    for (feed, origin) in &chosen {
        let now = Timestamp::from_second(Timestamp::now().as_second()).doing("reading the clock")?;
        let before = texts.get(&pulled_file(&feed.id)).map(String::as_str);
        match one(&folder, feed, origin, before, now, &zone, arguments.dry_run).await {
            Ok(text) => drop(pulled.insert(feed.id.to_string(), text)),
            Err(why) => aside(format!("error: {}: {why}; what was there stays", feed.id)),
        }
    }
    let mut in_force = true;
    if arguments.apply && !pulled.is_empty() {
        in_force = into_force::put(global, texts, &pulled, arguments.by).await?;
    }
    Ok(if in_force && pulled.len() == chosen.len() { exit::OK } else { exit::FAILURE })
}

/// The names under which something is pulled, as far as the declarations can be read.
fn that_pull(texts: &Texts) -> Vec<String> {
    let Some(text) = texts.get(DECLARED) else { return Vec::new() };
    let node = parse_filled(&Source::new(DECLARED, text.clone()), &mut Findings::new());
    let feeds = node.as_ref().and_then(|node| node.get("feeds")).and_then(|feeds| feeds.as_map()).unwrap_or_default();
    feeds.iter().filter(|(_, feed)| feed.get("from").is_some()).map(|(id, _)| id.text.clone()).collect()
}

/// Pulls one feed: the file that holds its items now, or would. Why not, in words.
async fn one(
    folder: &Path,
    feed: &Feed,
    origin: &FeedOrigin,
    before: Option<&str>,
    now: Timestamp,
    zone: &TimeZone,
    dry_run: bool,
) -> Result<String, String> {
    let bytes = match &origin.from {
        FeedPlace::Address(address) => fetch(address, origin.private).await.map_err(|error| error.to_string())?,
        FeedPlace::File(path) => local(&folder.join(path))?,
    };
    let today = now.to_zoned(zone.clone()).date();
    let pulled = read(feed, origin, &bytes, today, zone).map_err(|error| {
        if let Unreadable::TooManyBad { bad, .. } = &error {
            told(&feed.id, bad);
        }
        harmless(&error.to_string())
    })?;
    let text = file_text(&pulled.items, now);
    if text.len() as u64 > FILE_MAX {
        return Err("its items fill more than 4 MiB; take fewer (`at_most`) or fewer `columns`".to_owned());
    }
    told(&feed.id, &pulled.bad);
    let summary = summary(&pulled);
    if dry_run {
        line(format!("{}: {summary}; nothing was written", feed.id));
    } else if let Some(before) = before.filter(|before| is_told(before, &pulled.items, feed, now)) {
        line(format!("{}: {summary}; unchanged, and left as it is", feed.id));
        return Ok(before.to_owned());
    } else {
        write(folder, &feed.id, &text)?;
        line(format!("{}: {summary}; written to {}", feed.id, pulled_file(&feed.id)));
    }
    Ok(text)
}

fn local(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    if about.len() > FILE_BYTES_MAX as u64 {
        return Err(format!("{} is larger than 32 MiB", path.display()));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Whether the file says the same already, and is young enough to stay: another version of the rulebook for nothing but the time
/// would be one more to keep. Once a quarter of the time that items are fresh is over, it is written again, so that a run that is
/// missed or fails does no harm.
fn is_told(before: &str, items: &[Json], feed: &Feed, now: Timestamp) -> bool {
    let Ok(file) = serde_json::from_str::<Json>(before) else { return false };
    let same = file.get("items").and_then(Json::as_array).is_some_and(|before| before.as_slice() == items);
    let at = file.get("pulled_at").and_then(Json::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let young = |at: Timestamp| match feed.fresh_for {
        Some(length) => {
            let age = now.duration_since(at);
            age >= SignedDuration::ZERO && age < SignedDuration::from_mins(length.about_minutes()) / 4
        }
        None => true,
    };
    same && at.is_some_and(young)
}

/// Beside the file, and then in its place: whoever reads it meanwhile reads the one or the other.
fn write(folder: &Path, id: &str, text: &str) -> Result<(), String> {
    let file = folder.join(pulled_file(id));
    let parent = file.parent().unwrap_or(folder);
    let draft = parent.join(format!(".{id}.json.{}", std::process::id()));
    let written = || -> std::io::Result<()> {
        std::fs::create_dir_all(parent)?;
        let mut out = std::fs::File::create(&draft)?;
        out.write_all(text.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&draft, &file)
    };
    written().map_err(|error| {
        let _ = std::fs::remove_file(&draft);
        format!("{} cannot be written: {error}", file.display())
    })
}

fn told(id: &str, bad: &Bad) {
    for left_out in &bad.told {
        aside(format!("  {id}, {}: {}", left_out.place, harmless(&left_out.why)));
    }
    let more = bad.count - bad.told.len();
    if more > 0 {
        aside(format!("  {id}: and {more} more that do not fit"));
    }
}

fn summary(pulled: &Pulled) -> String {
    let parts = [
        (pulled.expired, "ended already"),
        (pulled.beyond, "beyond `at_most`"),
        (pulled.bad.count, "left out: they do not fit"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let items = count(pulled.items.len() as i64, "item");
    if parts.is_empty() { items } else { format!("{items} ({})", parts.join(", ")) }
}
