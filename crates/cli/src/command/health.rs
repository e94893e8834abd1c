//! `rapport health`: a partner's health with its reasons, at any moment; and who would change band under another model.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::rows::SignalRow;
use rapport_engine::ports::store::Store as _;
use rapport_engine::shard::health::{self, MadeBy, REVIEWED, at_once, standing};
use rapport_engine::story::Story;
use rapport_event::PartnerKey;
use rapport_insight::base::{Standing, sentence as told};
use rapport_insight::day;
use rapport_insight::health::{Health, HealthModel, sentence, sentence_since};
use rapport_rule::finding::render::human_all;
use rapport_store::SqlStore;
use serde_json::{Value, json};

use super::{explain::find, instant};
use crate::command_line::HealthArguments;
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::files;
use crate::picture::Picture;
use crate::printed::{bold, count, faint, harmless, line, moment};
use crate::settings::Settings;

/// Prints what is asked for.
pub async fn run(settings: &Settings, arguments: &HealthArguments) -> Result<u8, Failure> {
    match (&arguments.partner, &arguments.compare) {
        (Some(partner), None) => of_partner(settings, partner, arguments).await,
        (None, Some(file)) => compare(settings, file, arguments.json).await,
        _ => Err(Failure::input("name a partner, or a model with --compare")),
    }
}

/// A review as it was kept.
struct Kept {
    at: Timestamp,
    by: MadeBy,
    health: Health,
    standing: Standing,
}

fn kept(row: &SignalRow) -> Option<Kept> {
    let payload: Value = serde_json::from_str(&row.payload).ok()?;
    let number = |name: &str| payload.get(name).and_then(Value::as_f64);
    Some(Kept {
        at: row.occurred_at,
        by: MadeBy::of(&payload),
        health: health::kept(&payload)?,
        standing: Standing {
            days_since: number("days_since_conversion").map(|days| days as i64),
            usual_gap: number("usual_gap_days"),
            chance: number("chance"),
            was: None,
            basis: payload
                .get("chance_basis")
                .and_then(|basis| serde_json::from_value(basis.clone()).ok())
                .unwrap_or_default(),
        },
    })
}

/// The Monday of an instant's week. A review tells of the day before it: the one that is kept on Monday ends the old week.
fn week_began(at: Timestamp) -> Timestamp {
    let on = at.to_zoned(TimeZone::UTC).date();
    let on = day::plus(on, -1);
    let monday = day::plus(on, -i64::from(on.weekday().to_monday_zero_offset()) + 1);
    monday.to_zoned(TimeZone::UTC).map_or(at, |midnight| midnight.timestamp())
}

/// What held when the week began. The first review under a changed model is kept at once, and nothing before it is compared with: what
/// another model made of the same partner is no move of theirs.
fn before<'k>(earlier: &'k [Kept], now: &Kept, monday: Timestamp) -> Option<&'k Kept> {
    earlier.iter().rev().take_while(|kept| kept.by.is_comparable(&now.by)).find(|kept| kept.at < monday)
}

/// Each review in words, with what moved since the one before.
fn history(reviews: &[Kept]) -> impl Iterator<Item = (Timestamp, String)> {
    reviews.iter().enumerate().map(move |(place, kept)| {
        let before = place.checked_sub(1).and_then(|before| reviews.get(before));
        let before = before.filter(|before| before.by.is_comparable(&kept.by)).map(|before| &before.health);
        (kept.at, sentence(before, &kept.health))
    })
}

/// How far back the chance is compared with.
const EARLIER: SignedDuration = SignedDuration::from_hours(28 * 24);

/// The chance as it was kept last four weeks before, and the day of that.
fn chance_before(reviews: &[Kept], at: Timestamp) -> Option<(f64, i32)> {
    let before = at.checked_sub(EARLIER).ok()?;
    let kept = reviews.iter().rev().find(|kept| kept.at <= before)?;
    // A review tells of the day that was closed.
    let on = day::number(kept.at.to_zoned(TimeZone::UTC).date()) - 1;
    Some((kept.standing.chance?, on))
}

/// "Last converted 41 days ago; …" as of now; `None` where nothing is known or no files are in force.
pub(super) async fn standing_now(store: &SqlStore, key: &PartnerKey, story: Option<&Story>) -> Option<String> {
    let picture = Picture::of(store).await.ok()?;
    let state = Picture::state(store, key).await.ok()?.filter(|state| !state.profile.objects_to_profiling())?;
    let reviews: Vec<Kept> = story?.signals.iter().filter(|row| row.kind == REVIEWED).filter_map(kept).collect();
    let now = picture.look(key, &state, standing)?;
    told(&Standing { was: chance_before(&reviews, picture.now), ..now })
}

/// Days from the last conversion up to an instant, by the kept days that were over then. A review is kept only when the score moved: it
/// does not know what a steady partner sold since. What was told late counts on its day; of the instant's own day it is not kept at what
/// hour something was sold.
async fn days_since_conversion(store: &SqlStore, key: &PartnerKey, at: Timestamp) -> Result<Option<i64>, Failure> {
    let picture = Picture::of(store).await?;
    if at > picture.now {
        let zone = &TimeZone::UTC;
        return Err(Failure::input(format!("{} has not come yet", moment(at, zone)))
            .help(format!("it is {}", moment(picture.now, zone))));
    }
    let Some(state) = Picture::state(store, key).await? else { return Ok(None) };
    let Some(program) = picture.applied.rulebook.config.program(key.program.as_str()) else { return Ok(None) };
    let on = day::number(at.to_zoned(program.zone.clone()).date());
    let last = state.sale_days().into_iter().map(|(day, _)| day).filter(|day| *day < on).max();
    Ok(last.map(|last| i64::from(on) - i64::from(last)))
}

async fn of_partner(settings: &Settings, partner: &str, arguments: &HealthArguments) -> Result<u8, Failure> {
    let at = arguments.at.as_deref().map(instant).transpose()?;
    let store = open_store(settings).await?;
    let key = find(&store, partner).await?;
    let story = store.story(&key).await.doing("reading the partner's history")?;
    if Picture::state(&store, &key).await?.is_some_and(|state| state.profile.objects_to_profiling()) {
        return Err(Failure::new(format!("{key} objects to being judged by figures: no health is kept or shown"))
            .help("`rapport explain` tells what was sent, and why"));
    }
    let today = if at.is_none() { standing_now(&store, &key, story.as_ref()).await } else { None };
    let days_since = match at {
        Some(at) => days_since_conversion(&store, &key, at).await?,
        None => None,
    };
    store.close().await;
    let rows = story.map(|story| story.signals).unwrap_or_default();
    // Oldest first; what was kept last by then is what held.
    let reviews: Vec<Kept> = rows
        .iter()
        .filter(|row| row.kind == REVIEWED && at.is_none_or(|at| row.occurred_at <= at))
        .filter_map(kept)
        .collect();
    let Some((now, earlier)) = reviews.split_last() else {
        let when = at.map(|at| format!(" by {at}")).unwrap_or_default();
        return Err(Failure::new(format!("the health of {key} was not reviewed{when}"))
            .help("health is reviewed when a day is closed, and needs config/health.yaml"));
    };
    if arguments.json {
        let one = |kept: &Kept| json!({ "at": kept.at.to_string(), "model": kept.by.model, "health": kept.health });
        let history: Vec<Value> = reviews.iter().map(one).collect();
        line(json!({ "partner": key.to_string(), "standing": today, "now": one(now), "history": history }).to_string());
        return Ok(exit::OK);
    }
    let standing = today.or_else(|| {
        let at = at.unwrap_or(now.at);
        // Beyond the kept days nothing is known but what the review says.
        let passed = (at.as_millisecond() - now.at.as_millisecond()).max(0) / 86_400_000;
        let days_since = days_since.or_else(|| now.standing.days_since.map(|days| days + passed));
        told(&Standing { days_since, was: chance_before(&reviews, at), ..now.standing })
    });
    let zone = TimeZone::UTC;
    line(format!(
        "{}  {}",
        bold(&key.to_string()),
        faint(&format!("{}, model {}", moment(now.at, &zone), harmless(&now.by.model)))
    ));
    let monday = week_began(at.unwrap_or(now.at));
    let moved = match before(earlier, now, monday) {
        Some(before) => sentence_since(Some(&before.health), &now.health, "since Monday"),
        None => sentence(None, &now.health),
    };
    line(format!("  {}", harmless(&moved)));
    standing.iter().for_each(|standing| line(format!("  {standing}")));
    let mut groups: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for part in &now.health.contributions {
        let sums = groups.entry(&part.group).or_default();
        *sums = (sums.0 + part.part, sums.1 + part.weight);
    }
    for (group, (part, weight)) in groups {
        line(format!("\n  {}  {part:.1} of {weight:.1}", bold(&harmless(group))));
        for part in now.health.contributions.iter().filter(|part| part.group == group) {
            line(format!(
                "    {:<20} {:>8}  {:>3.0} points × {:>4.1} % = {:.1}",
                harmless(&part.input),
                part.value.map_or_else(|| "?".to_owned(), |value| format!("{value:.1}")),
                part.points,
                part.weight,
                part.part
            ));
        }
    }
    if !now.health.missing.is_empty() {
        line(format!("\n  not known, their weight went to the others: {}", harmless(&now.health.missing.join(", "))));
    }
    if arguments.history {
        line("");
        for (at, told) in history(&reviews) {
            line(format!("  {}  {}", moment(at, &zone), harmless(&told)));
        }
    }
    Ok(exit::OK)
}

/// A partner who changes band: who, score now, score then.
type Moved = (String, f64, f64);

/// Where the models in force are.
const IN_FORCE: &str = "config/health.yaml";

/// Who would change band under the models of another file.
async fn compare(settings: &Settings, file: &Path, as_data: bool) -> Result<u8, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::input(format!("{} cannot be read: {error}", file.display())))?;
    let store = open_store(settings).await?;
    let picture = Picture::of(&store).await?;
    let mut texts: files::Texts =
        picture.applied.rulebook.sources.iter().map(|source| (source.path.clone(), source.text.clone())).collect();
    texts.insert(IN_FORCE.to_owned(), text);
    let sources = files::sources(&texts);
    let (rulebook, findings) = rapport_workflow::compile(&sources);
    let Some(edited) = rulebook else {
        store.close().await;
        // It stands in for the file in force; what is wrong is found in it.
        let told =
            human_all(&findings, &crate::settings::shown(&sources)).replace(IN_FORCE, &file.display().to_string());
        line(told.trim_end());
        return Ok(exit::BAD_INPUT);
    };
    if edited.health.is_empty() {
        store.close().await;
        return Err(Failure::input(format!("{} declares no model", file.display()))
            .help("with none nobody has a score; `models:` holds at least one"));
    }
    let mut moves: BTreeMap<(String, String), Vec<Moved>> = BTreeMap::new();
    let (mut looked, mut unknown) = (0_i64, 0_i64);
    let live: &[HealthModel] = &picture.applied.rulebook.health;
    Picture::each(&store, |key, state| {
        picture.look(key, state, |facts| {
            looked += 1;
            let band = |health: Option<&Health>| health.map_or("not known".to_owned(), |health| health.band.clone());
            let (now, then) = (at_once(facts, live), at_once(facts, &edited.health));
            let (now, then) = (now.as_ref(), then.as_ref());
            if now.is_none() && then.is_none() {
                unknown += 1;
            }
            if band(now) != band(then) {
                let score = |health: Option<&Health>| health.map_or(0.0, |health| health.score);
                moves.entry((band(now), band(then))).or_default().push((key.to_string(), score(now), score(then)));
            }
        });
        Ok(())
    })
    .await?;
    store.close().await;
    if as_data {
        let rows: Vec<Value> = moves
            .iter()
            .flat_map(|((from, to), partners)| {
                partners.iter().map(move |(partner, now, then)| {
                    json!({ "partner": partner, "from": from, "to": to, "score": now, "score_new": then })
                })
            })
            .collect();
        line(json!({ "partners": looked, "without_health": unknown, "moves": rows }).to_string());
        return Ok(exit::OK);
    }
    let moved: usize = moves.values().map(Vec::len).sum();
    line(format!("{} of {} would change band", moved, count(looked, "partner")));
    for ((from, to), partners) in &moves {
        line(format!("\n{}", bold(&format!("{from} → {to}: {}", partners.len()))));
        for (partner, now, then) in partners.iter().take(10) {
            line(format!("  {}  {now:.0} → {then:.0}", harmless(partner)));
        }
        if partners.len() > 10 {
            line(format!("  … and {} more; --json lists all", partners.len() - 10));
        }
    }
    Ok(exit::OK)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as an owner keeps it.
    fn review(at: &str, score: f64, model: Value) -> Kept {
        let mut payload = json!({ "score": score, "band": "good", "contributions": [], "missing": [] });
        if let (Some(payload), Value::Object(model)) = (payload.as_object_mut(), model) {
            payload.extend(model);
        }
        let row = SignalRow {
            id: at.to_owned(),
            key: PartnerKey::new("default", "ada").unwrap(),
            kind: REVIEWED.to_owned(),
            occurred_at: at.parse().unwrap(),
            ended_at: None,
            payload: payload.to_string(),
        };
        kept(&row).unwrap()
    }

    fn of(stamp: u32) -> Value {
        json!({ "model": "default", "model_stamp": stamp })
    }

    /// What is told on a Friday of the reviews of this week and the one before.
    #[track_caller]
    fn check(models: [Value; 3], expected: [&str; 3]) {
        let times = ["2026-06-04T00:30:00Z", "2026-06-10T00:30:00Z", "2026-06-12T00:30:00Z"];
        let mut scores = [80.0, 50.0, 47.0].into_iter();
        let reviews: Vec<Kept> =
            times.into_iter().zip(models).map(|(at, model)| review(at, scores.next().unwrap(), model)).collect();
        let (now, earlier) = reviews.split_last().unwrap();
        let before = before(earlier, now, week_began(now.at));
        let moved = before.map(|before| sentence_since(Some(&before.health), &now.health, "since Monday"));
        assert_eq!(moved.unwrap_or_else(|| sentence(None, &now.health)), expected[0]);
        let history: Vec<String> = history(&reviews).map(|(_, told)| told).collect();
        assert_eq!(history[1..], expected[1..]);
    }

    #[test]
    fn points_of_two_models_are_not_compared() {
        let moved = "health 47 (good), −33 since Monday";
        let (plain, on) = ("health 50 (good), −30", "health 47 (good), −3");
        check([of(1), of(1), of(1)], [moved, plain, on]);
        // The change came on Wednesday: until the next week there is nothing to compare Friday with.
        let anew = ["health 47 (good)", "health 50 (good)", on];
        check([of(1), of(2), of(2)], anew);
        let named = |name: &str| json!({ "model": name });
        check([named("default"), named("coupon"), named("coupon")], anew);
        // Changed and changed back: what was before is over all the same.
        check([of(1), of(2), of(1)], ["health 47 (good)", "health 50 (good)", "health 47 (good)"]);
        // Rows of before noted the name alone.
        check([named("default"), named("default"), of(1)], [moved, plain, on]);
    }
}
