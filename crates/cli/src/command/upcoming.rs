//! `rapport upcoming`: what will go out in the next days if nothing more happens, and what holds it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::DeferReason;
use rapport_engine::ports::rows::MessageState;
use rapport_event::PartnerKey;
use rapport_workflow::Timed;
use rapport_workflow::config::WarmUp;
use serde_json::json;

use super::pause::in_force;
use crate::ahead::Ahead;
use crate::desk::open_store;
use crate::exit::{self, Failure};
use crate::picture::Picture;
use crate::printed::{bold, count, faint, harmless, line};
use crate::progress;
use crate::settings::Settings;

/// One mail that comes.
struct Coming {
    at: Timestamp,
    partner: String,
    workflow: String,
    mail: String,
    held_by: Vec<String>,
    /// It waits beyond the days asked for.
    waits: bool,
}

/// Looks ahead over all partners.
pub async fn run(settings: &Settings, days: u32, workflow: Option<&str>, as_json: bool) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let ahead = Ahead::of(&store).await?;
    let now = ahead.picture.now;
    let until = now.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(now);
    let mut keys: Vec<PartnerKey> = Vec::new();
    Picture::each(&store, |key, _| {
        keys.push(key.clone());
        Ok(())
    })
    .await?;
    // What comes by the day alone (broadcasts, segments, dates) may concern anybody.
    let by_day = ahead
        .picture
        .applied
        .rulebook
        .workflows
        .iter()
        .any(|workflow| workflow.timed.iter().any(|timed| !matches!(timed, Timed::Left(_))));
    let bar = progress::bar(keys.len() as u64, "looking ahead {wide_bar} {pos}/{len}");
    let mut coming: Vec<Coming> = Vec::new();
    for key in keys {
        bar.inc(1);
        let story = ahead.story(&key).await?;
        let waits = story.messages.iter().any(|told| told.state == MessageState::Queued);
        if !by_day && !waits && !ahead.stirs(&key) {
            continue;
        }
        let forecast = ahead.forecast(story, until).await?;
        let partner = key.partner.to_string();
        coming.extend(forecast.performance.mails.into_iter().map(|mail| Coming {
            at: mail.at,
            partner: partner.clone(),
            workflow: mail.workflow,
            mail: mail.mail,
            held_by: mail.held_by,
            waits: false,
        }));
        coming.extend(forecast.waiting.into_iter().map(|(message, at, held_by)| Coming {
            at,
            partner: partner.clone(),
            workflow: message.workflow,
            mail: message.mail,
            held_by,
            waits: true,
        }));
    }
    bar.finish_and_clear();
    store.close().await;
    // Mail that waits may be of a workflow that is in force no longer.
    if let Some(wanted) = workflow
        && !coming.iter().any(|mail| mail.workflow == wanted)
    {
        in_force(&ahead.picture.applied, wanted)?;
    }
    coming.retain(|mail| workflow.is_none_or(|workflow| mail.workflow == workflow));
    coming.sort_by(|a, b| (a.at, &a.workflow, &a.partner).cmp(&(b.at, &b.workflow, &b.partner)));
    let program = &ahead.picture.applied.rulebook.config;
    let zone = program.program(&program.default_program).map_or(TimeZone::UTC, |program| program.zone.clone());
    let today = now.to_zoned(zone.clone()).date();
    if as_json {
        let reasons = not_foreseen_reasons(&program.warm_up, today);
        let not_foreseen: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
        let data: Vec<_> = coming
            .iter()
            .map(|mail| {
                json!({ "at": mail.at.to_string(), "partner": mail.partner, "workflow": mail.workflow, "mail": mail.mail,
                        "held_by": mail.held_by, "waits_longer": mail.waits, "not_foreseen": not_foreseen })
            })
            .collect();
        line(serde_json::to_string_pretty(&data).unwrap_or_default());
        return Ok(exit::OK);
    }
    tell(&coming, &zone, days);
    line(faint(&not_foreseen(&program.warm_up, today)));
    Ok(exit::OK)
}

/// What holds mail at the moment it leaves, and is not foreseen: it goes by what all mailers send, to everybody, until then.
fn not_foreseen(warm_ups: &[WarmUp], today: Date) -> String {
    let warmed = warm_ups.iter().filter(|warm_up| warm_up.mails_on(today).is_some());
    let warmed: Vec<&str> = warmed.map(|warm_up| warm_up.domain.as_str()).collect();
    let warm_up = match warmed.as_slice() {
        [] => String::new(),
        domains => format!(", and the warm-up of {} may move mails by days", domains.join(", ")),
    };
    format!("not foreseen: the pace of each mailbox provider spreads many mails of one time{warm_up}")
}

/// The reasons for which each mail may leave later than told, as they are counted everywhere.
fn not_foreseen_reasons(warm_ups: &[WarmUp], today: Date) -> Vec<DeferReason> {
    let is_warmed = warm_ups.iter().any(|warm_up| warm_up.mails_on(today).is_some());
    let mut reasons = vec![DeferReason::Pace];
    reasons.extend(is_warmed.then_some(DeferReason::WarmUp));
    reasons
}

fn tell(coming: &[Coming], zone: &TimeZone, days: u32) {
    let mut by_day: BTreeMap<Date, Vec<&Coming>> = BTreeMap::new();
    for mail in coming.iter().filter(|mail| !mail.waits) {
        by_day.entry(mail.at.to_zoned(zone.clone()).date()).or_default().push(mail);
    }
    for (day, mails) in &by_day {
        line(bold(&format!("{}  {}", day.strftime("%a %-d %b %Y"), count(mails.len() as i64, "mail"))));
        for mail in mails {
            let held =
                if mail.held_by.is_empty() { String::new() } else { format!("  held by {}", mail.held_by.join(", ")) };
            let time = mail.at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
            line(format!("  {time}  {}/{}  {}{}", mail.workflow, mail.mail, harmless(&mail.partner), faint(&held)));
        }
    }
    let waiting: Vec<&Coming> = coming.iter().filter(|mail| mail.waits).collect();
    if !waiting.is_empty() {
        line(bold(&format!("beyond these {days} days  {}", count(waiting.len() as i64, "mail"))));
        for mail in waiting {
            line(format!(
                "  {}/{}  {}  held by {}",
                mail.workflow,
                mail.mail,
                harmless(&mail.partner),
                mail.held_by.join(", ")
            ));
        }
    }
    let sum = coming.iter().filter(|mail| !mail.waits).count() as i64;
    line(faint(&format!(
        "{} in {days} days, if nothing more happens: sales and answers bring or stop others",
        count(sum, "mail")
    )));
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_warm_up_is_said_to_move_mails_while_it_lasts() {
        let warm_up = WarmUp { domain: "mail.acme.example".into(), from: date(2026, 3, 2), mails_a_day: vec![50, 100] };
        let told = |day| not_foreseen(std::slice::from_ref(&warm_up), day);
        assert!(told(date(2026, 3, 3)).ends_with("and the warm-up of mail.acme.example may move mails by days"));
        assert!(!told(date(2026, 3, 4)).contains("warm-up"), "{}", told(date(2026, 3, 4)));
        let reasons = |day| not_foreseen_reasons(std::slice::from_ref(&warm_up), day);
        assert_eq!(reasons(date(2026, 3, 3)), [DeferReason::Pace, DeferReason::WarmUp]);
        assert_eq!(reasons(date(2026, 3, 4)), [DeferReason::Pace]);
    }
}
