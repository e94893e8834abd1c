//! `rapport segment`: who belongs to a segment or group, and why somebody does or does not, clause by clause.

use jiff::tz::TimeZone;
use rapport_engine::ports::store::Store as _;
use rapport_engine::shard::facts::PartnerFacts;
use rapport_engine::shard::segments;
use rapport_rule::suggest::nearest;
use rapport_workflow::config::GroupRule;
use serde_json::json;

use super::explain::find;
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::picture::{Picture, decoded};
use crate::printed::{bold, count, harmless, line, moment};
use crate::settings::Settings;

/// Lists the members, or explains one partner.
pub async fn run(settings: &Settings, name: &str, partner: Option<&str>, as_data: bool) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let picture = Picture::of(&store).await?;
    let declared = &picture.applied.rulebook.segments;
    if declared.segment(name).is_none() && declared.group(name).is_none() {
        let names = declared.segments.iter().map(|segment| &*segment.name);
        let names = names.chain(declared.groups.iter().map(|group| &*group.name));
        let names: Vec<&str> = names.collect();
        let help = match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "config/segments.yaml declares none".to_owned(),
            None => format!("there are {}", names.join(", ")),
        };
        return Err(Failure::input(format!("there is no segment or group `{}`", harmless(name))).help(help));
    }
    if let Some(partner) = partner {
        let key = find(&store, partner).await?;
        let story = store.story(&key).await.doing("reading the partner")?;
        store.close().await;
        let Some(story) = story else { return Err(Failure::new(format!("nothing is known of {key}"))) };
        let state = decoded(&story.partner)?;
        picture.look(&key, &state, |facts| explain(facts, &key.to_string(), name));
        return Ok(exit::OK);
    }
    let mut members = Vec::new();
    Picture::each(&store, |key, state| {
        if picture.look(key, state, |facts| is_member(facts, name)) == Some(true) {
            members.push(key.to_string());
        }
        Ok(())
    })
    .await?;
    store.close().await;
    if as_data {
        line(json!({ "name": name, "members": members }).to_string());
    } else {
        members.iter().for_each(|member| line(harmless(member)));
        line(format!("{} in {name}", count(members.len() as i64, "partner")));
    }
    Ok(exit::OK)
}

fn is_member(facts: &PartnerFacts<'_>, name: &str) -> bool {
    match facts.rulebook.segments.segment(name) {
        Some(segment) => segments::belongs(facts, segment),
        None => facts.group().is_some_and(|group| *group.name == *name),
    }
}

fn explain(facts: &PartnerFacts<'_>, partner: &str, name: &str) {
    let verdict = if is_member(facts, name) { "is in" } else { "is not in" };
    line(bold(&format!("{} {verdict} {name}", harmless(partner))));
    let declared = &facts.rulebook.segments;
    if let Some(segment) = declared.segment(name) {
        told(&segments::explain_segment(facts, segment), &facts.program.zone);
        if let Some(Some(since)) = segments::kept(facts.state).get(name)
            && let Ok(since) = jiff::Timestamp::from_millisecond(*since)
        {
            line(format!("  since {}", moment(since, &facts.program.zone)));
        }
        return;
    }
    // Groups are exclusive: the first that fits, so those before are told, too.
    let own = facts.group().map(|group| group.name.clone());
    for group in &declared.groups {
        let fits = own.as_ref() == Some(&group.name);
        line(format!("  {} {}", if fits { "✓" } else { "✗" }, group.name));
        match &group.rule {
            GroupRule::TopShare { enter_percent, leave_percent, days } => line(format!(
                "      among those who bring {enter_percent} % of revenue_{days}d (left above {leave_percent} %), as of the last closed day"
            )),
            GroupRule::If(_) => told(&segments::explain_group(facts, group), &facts.program.zone),
            GroupRule::Else => line("      everybody else"),
        }
        if fits || *group.name == *name {
            break;
        }
    }
}

fn told(clauses: &[rapport_rule::expr::Clause], zone: &TimeZone) {
    for text in rapport_journey::explain::clauses(clauses).lines() {
        line(format!("    {}", harmless(&rapport_journey::explain::in_zone(text, zone))));
    }
}
