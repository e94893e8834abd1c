//! `rapport feeds`: the lists that mails show, how fresh they are and what ends next; `pull` fetches them anew.

mod into_force;
mod pull;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_rule::finding::render::human_all;
use rapport_workflow::{Feed, Rulebook};
use serde_json::json;

use crate::command_line::{FeedAction, FeedsArguments, Global};
use crate::exit::{self, Failure};
use crate::files::{self, Texts};
use crate::printed::{bold, count, line, moment};

pub async fn run(global: &Global, arguments: FeedsArguments) -> Result<u8, Failure> {
    match arguments.action {
        Some(FeedAction::Pull(arguments)) => pull::run(global, arguments).await,
        None => list(global, arguments.json),
    }
}

/// The rulebook of files without errors; whether something could be better is for `check` to say.
fn rulebook(texts: &Texts) -> Result<Rulebook, Failure> {
    let sources = files::sources(texts);
    let (rulebook, findings) = rapport_workflow::compile_applied(&sources);
    rulebook.ok_or_else(|| {
        crate::printed::aside(human_all(&findings, &crate::settings::shown(&sources)));
        Failure::said(exit::BAD_INPUT)
    })
}

/// By whose days items end.
fn zone(rulebook: &Rulebook) -> TimeZone {
    let program = rulebook.config.program(&rulebook.config.default_program);
    program.map_or(TimeZone::UTC, |program| program.zone.clone())
}

fn list(global: &Global, as_data: bool) -> Result<u8, Failure> {
    let folder = global.dir.clone().unwrap_or_else(|| ".".into());
    let rulebook = rulebook(&files::read(&folder)?)?;
    let (zone, now) = (zone(&rulebook), Timestamp::now());
    let today = now.to_zoned(zone.clone()).date();
    if as_data {
        let feeds = rulebook.feeds.values().map(|feed| {
            json!({
                "id": &*feed.id,
                "items": feed.items.len(),
                "valid": feed.valid_on(today),
                "pulled": feed.origin.is_some(),
                "pulled_at": feed.pulled_at.map(|at| at.to_string()),
                "fresh": feed.is_fresh(now, &zone),
                "fresh_until": feed.fresh_until(&zone).map(|until| until.to_string()),
                "next_expiry": feed.next_expiry(today).map(|day| day.to_string()),
            })
        });
        line(json!({ "feeds": feeds.collect::<Vec<_>>() }).to_string());
        return Ok(exit::OK);
    }
    if rulebook.feeds.is_empty() {
        line("No feeds: config/feeds.yaml declares none.");
    }
    for feed in rulebook.feeds.values() {
        let valid = feed.valid_on(today);
        let ended = feed.items.len() - valid;
        let ended = if ended == 0 { String::new() } else { format!(" ({ended} more have ended)") };
        line(format!("{}  {}{ended}; {}", bold(&feed.id), count(valid as i64, "item"), age(feed, now, &zone)));
        if let Some(day) = feed.next_expiry(today) {
            line(format!("    the next ends after {day}"));
        }
    }
    Ok(exit::OK)
}

/// How old the items are, and what that means.
fn age(feed: &Feed, now: Timestamp, zone: &TimeZone) -> String {
    let Some(at) = feed.pulled_at else {
        return match (&feed.origin, feed.fresh_for) {
            (Some(_), _) if feed.items.is_empty() => "nothing was pulled yet".to_owned(),
            (_, Some(_)) => "NOT FRESH: the file does not say when they were pulled; mails show none".to_owned(),
            (_, None) => "written by hand".to_owned(),
        };
    };
    let at = moment(at, zone);
    match feed.fresh_until(zone).map(|until| moment(until, zone)) {
        None => format!("pulled {at}"),
        Some(until) if feed.is_fresh(now, zone) => format!("pulled {at}, fresh until {until}"),
        Some(until) => format!("NOT FRESH since {until}: pulled {at}; mails show none"),
    }
}
