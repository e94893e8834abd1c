//! `rapport segment`: who belongs to a segment or group, and why somebody does or does not, clause by clause.

use jiff::tz::TimeZone;
use rapport_engine::ports::rows::DayCloseRow;
use rapport_engine::ports::store::Store as _;
use rapport_engine::shard::day_close::shared_revenue;
use rapport_engine::shard::facts::PartnerFacts;
use rapport_engine::shard::segments;
use rapport_insight::dip::DayClose;
use rapport_rule::Money;
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
        let closed = store.last_day_close(&key.program).await.doing("reading the programme's last day")?;
        store.close().await;
        let Some(story) = story else { return Err(Failure::new(format!("nothing is known of {key}"))) };
        let state = decoded(&story.partner)?;
        picture.look(&key, &state, |facts| explain(facts, &key.to_string(), name, closed.as_ref()));
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

fn explain(facts: &PartnerFacts<'_>, partner: &str, name: &str, closed: Option<&DayCloseRow>) {
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
            GroupRule::TopShare { enter_percent, leave_percent, .. } => {
                line(format!(
                    "      among those who bring {enter_percent} % of the revenue; left by who is beyond {leave_percent} %"
                ));
                line(format!("      {}", share_of(facts, &group.name, closed)));
            }
            GroupRule::If(_) => told(&segments::explain_group(facts, group), &facts.program.zone),
            GroupRule::Else => line("      everybody else"),
        }
        if fits || *group.name == *name {
            break;
        }
    }
}

/// What a partner brought as of the programme's last closed day, beside what one must bring to come in, and to stay.
fn share_of(facts: &PartnerFacts<'_>, group: &str, closed: Option<&DayCloseRow>) -> String {
    let decided: Option<(&DayCloseRow, DayClose)> =
        closed.and_then(|row| Some((row, serde_json::from_slice(&row.body).ok()?)));
    let Some((row, close)) = decided else { return "no day of the programme is closed yet".to_owned() };
    let days = facts.rulebook.rulebook.segments.share_days();
    let at = PartnerFacts::share_groups(facts.rulebook).position(|name| name == group);
    let Some(limits) = at.and_then(|at| close.top_share.get(at)) else {
        return "not looked at yet: the group is newer than the last closed day".to_owned();
    };
    let money = |minor| Money::new(minor, facts.program.currency);
    let Some(brought) = shared_revenue(facts.state, close.day, days) else {
        return format!(
            "? revenue_{days}d is not known: a sale among them is in a currency without a rate; who is in stays in"
        );
    };
    let brought = money(brought);
    match limits.enter_at {
        i64::MAX => format!("revenue_{days}d {brought} up to {}; nobody brings anything", row.day),
        enter_at => format!(
            "revenue_{days}d {brought} up to {}; in from {}, members stay down to {}",
            row.day,
            money(enter_at),
            money(limits.leave_below)
        ),
    }
}

fn told(clauses: &[rapport_rule::expr::Clause], zone: &TimeZone) {
    for text in rapport_journey::explain::clauses(clauses).lines() {
        line(format!("    {}", harmless(&rapport_journey::explain::in_zone(text, zone))));
    }
}
