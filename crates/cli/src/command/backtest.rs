//! `rapport backtest`: what the edited files would have done with the recorded events.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rapport_rule::Length;
use serde_json::{Value, json};

use super::apply::checked;
use super::no_workflow;
use crate::backtest::{Compared, Played, Seen, Sent, compare, play, read, seen};
use crate::command_line::{BacktestArguments, ClockKind};
use crate::exit::{self, Failure};
use crate::layout::Layout;
use crate::printed::{bold, count, faint, harmless, line, number};
use crate::settings::Settings;
use crate::{progress, stop};

/// Partners that get mails of two workflows within so many days overlap.
const OVERLAP_DAYS: i64 = 7;

/// Plays the record under the files of the project.
pub async fn run(settings: &Settings, arguments: &BacktestArguments) -> Result<u8, Failure> {
    let days = window(&arguments.last)?;
    let texts = checked(&settings.folder)?;
    let sources = crate::files::sources(&texts);
    let (rulebook, _) = rapport_workflow::compile(&sources);
    let rulebook = rulebook.ok_or_else(|| Failure::said(exit::BAD_INPUT))?;
    if let Some(workflow) = &arguments.workflow
        && rulebook.workflow(workflow).is_none()
    {
        return Err(no_workflow::named(workflow, rulebook.workflows.iter().map(|workflow| &*workflow.id)));
    }
    let stop = stop::on_signal()?;
    let live = Layout::open(settings, ClockKind::Live).await?;
    let now = live.desk().now().await?;
    let from = now.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::MIN);
    let bar = progress::spinner("reading the record".to_owned());
    let mut recorded = read(&live, |events| bar.set_message(format!("reading the record: {events} events"))).await?;
    if recorded.events.is_empty() {
        return Err(Failure::new("nothing is recorded yet").help("events come first: `rapport ingest`, `rapport run`"));
    }
    if arguments.without_pauses {
        recorded.forget_pauses();
    }
    let keys = recorded.keys();
    let was = seen(&live.ground.store, &keys, from, now).await?;
    live.close().await;
    let show = |present: Timestamp| bar.set_message(format!("playing {}", present.strftime("%-d %b %Y")));
    let played = play(recorded, texts, from, now, &stop, show).await;
    bar.finish_and_clear();
    let played = played?;
    let compared = compare(&was, &played.seen, arguments.workflow.as_deref());
    let config = &rulebook.config;
    let zone = config.program(&config.default_program).map_or(TimeZone::UTC, |program| program.zone.clone());
    let report = Report::of(&played.seen, arguments.workflow.as_deref(), &zone);
    let broken = limits(&report, arguments);
    if arguments.json {
        line(data(&report, &compared, &played, &broken).to_string());
    } else {
        tell(&report, &compared, &played, arguments, &zone);
        broken.iter().for_each(|limit| line(format!("{}  {limit}", bold("OVER THE LIMIT"))));
    }
    Ok(if broken.is_empty() { exit::OK } else { exit::FAILURE })
}

/// `90d`, or a length: `90 days`, `12 weeks`.
pub(super) fn window(text: &str) -> Result<i64, Failure> {
    let plain = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let days = plain.or_else(|| match Length::parse(text) {
        Ok(Length::Days(days)) => Some(days),
        Ok(Length::Weeks(weeks)) => Some(weeks * 7),
        _ => None,
    });
    days.filter(|days| (1..=400).contains(days)).ok_or_else(|| {
        Failure::input(format!("`{}` is no window", harmless(text))).help("write `90d`, from 1 to 400 days")
    })
}

/// What went out and what did not.
struct Report<'s> {
    sent: Vec<&'s Sent>,
    by_day: BTreeMap<Date, BTreeMap<String, usize>>,
    unsent: BTreeMap<String, usize>,
    per_partner: (String, usize),
    by_partner: BTreeMap<&'s str, usize>,
    overlap: usize,
    cap_hits: usize,
}

impl<'s> Report<'s> {
    fn of(seen: &'s Seen, workflow: Option<&str>, zone: &TimeZone) -> Self {
        let ours = |mail: &&Sent| workflow.is_none_or(|workflow| mail.workflow == workflow);
        let mut sent: Vec<&Sent> = seen.sent().filter(ours).collect();
        sent.sort_by(|a, b| (a.at, &a.partner, &a.mail).cmp(&(b.at, &b.partner, &b.mail)));
        let mut by_day: BTreeMap<Date, BTreeMap<String, usize>> = BTreeMap::new();
        let mut by_partner: BTreeMap<&'s str, usize> = BTreeMap::new();
        for mail in &sent {
            *by_day
                .entry(mail.at.to_zoned(zone.clone()).date())
                .or_default()
                .entry(mail.workflow.clone())
                .or_default() += 1;
            *by_partner.entry(&mail.partner).or_default() += 1;
        }
        let mut unsent: BTreeMap<String, usize> = BTreeMap::new();
        for mail in seen.mails.values().filter(ours).filter(|mail| !matches!(mail.state.as_str(), "sent" | "in_doubt"))
        {
            *unsent.entry(mail.reason.clone().unwrap_or_else(|| mail.state.clone())).or_default() += 1;
        }
        let most = by_partner.iter().max_by_key(|(partner, count)| (**count, std::cmp::Reverse(**partner)));
        Self {
            per_partner: most.map(|(partner, count)| ((*partner).to_owned(), *count)).unwrap_or_default(),
            by_partner,
            overlap: overlap(seen, workflow),
            cap_hits: unsent.iter().filter(|(reason, _)| reason.contains("cap")).map(|(_, count)| count).sum(),
            sent,
            by_day,
            unsent,
        }
    }
}

/// Partners who get mails of several workflows within a week, one of them the workflow looked at.
fn overlap(seen: &Seen, workflow: Option<&str>) -> usize {
    let mut by_partner: BTreeMap<&str, Vec<&Sent>> = BTreeMap::new();
    seen.sent().for_each(|mail| by_partner.entry(&mail.partner).or_default().push(mail));
    let near = |a: &Sent, b: &Sent| (a.at.as_second() - b.at.as_second()).abs() < OVERLAP_DAYS * 86_400;
    let meets = |mails: &Vec<&Sent>| {
        mails.iter().any(|one| {
            workflow.is_none_or(|workflow| one.workflow == workflow)
                && mails.iter().any(|other| other.workflow != one.workflow && near(one, other))
        })
    };
    by_partner.values().filter(|mails| meets(mails)).count()
}

fn limits(report: &Report<'_>, arguments: &BacktestArguments) -> Vec<String> {
    let mut broken = Vec::new();
    if let Some(most) = arguments.max_mails.filter(|most| report.sent.len() > *most) {
        broken.push(format!("{} would go out, at most {most} may", count(report.sent.len() as i64, "mail")));
    }
    if let Some(most) = arguments.max_per_partner.filter(|most| report.per_partner.1 > *most) {
        let (partner, mails) = &report.per_partner;
        let others = report.by_partner.values().filter(|mails| **mails > most).count() - 1;
        let others = match others {
            0 => String::new(),
            others => format!("; {} would get too many as well", count(others as i64, "partner")),
        };
        let mails = count(*mails as i64, "mail");
        broken.push(format!("{} would get {mails}, at most {most} may{others}", harmless(partner)));
    }
    broken
}

fn tell(report: &Report<'_>, compared: &Compared, played: &Played, arguments: &BacktestArguments, zone: &TimeZone) {
    let what = arguments.workflow.as_deref().unwrap_or("all workflows");
    line(bold(&format!(
        "{what}, the last {}: {} to {}",
        arguments.last,
        count(report.sent.len() as i64, "mail"),
        count(report.by_partner.len() as i64, "partner")
    )));
    for (day, workflows) in &report.by_day {
        let told: Vec<String> = workflows.iter().map(|(workflow, mails)| format!("{workflow} {mails}")).collect();
        line(format!("  {}  {}", day.strftime("%a %-d %b %Y"), told.join(", ")));
    }
    let reasons: Vec<String> = report.unsent.iter().map(|(reason, mails)| format!("{reason} {mails}")).collect();
    if !reasons.is_empty() {
        line(format!("not sent: {}", reasons.join(", ")));
    }
    let (partner, most) = &report.per_partner;
    line(format!("at most {} to one partner ({})", count(*most as i64, "mail"), harmless(partner)));
    line(format!(
        "{} with mails of two workflows within a week; {} to a cap",
        count(report.overlap as i64, "partner"),
        count(report.cap_hits as i64, "mail") + " lost"
    ));
    let moment = |mail: &Sent| {
        let at = mail.at.to_zoned(zone.clone()).strftime("%-d %b %H:%M").to_string();
        let why = mail.reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{}/{}  {}  {} {at}{why}", mail.workflow, mail.mail, harmless(&mail.partner), mail.state)
    };
    if compared.is_same() {
        line(bold("no difference to what came live"));
    } else {
        line(bold(&format!(
            "against live: {} more, {} fewer, {} otherwise; signals +{} −{}, journeys +{} −{}",
            compared.new.len(),
            compared.gone.len(),
            compared.changed.len(),
            compared.signals.0,
            compared.signals.1,
            compared.journeys.0,
            compared.journeys.1
        )));
        let shown = if arguments.all { usize::MAX } else { 20 };
        compared.new.iter().take(shown).for_each(|mail| line(format!("  + {}", moment(mail))));
        compared.gone.iter().take(shown).for_each(|mail| line(format!("  − {}", moment(mail))));
        for (was, is) in compared.changed.iter().take(shown) {
            line(format!(
                "  ~ {}  before: {} {}",
                moment(is),
                was.state,
                was.at.to_zoned(zone.clone()).strftime("%-d %b %H:%M")
            ));
        }
        if compared.new.len().max(compared.gone.len()).max(compared.changed.len()) > shown {
            line(faint("  … --all shows every one"));
        }
    }
    let rate = played.events as f64 / played.seconds.max(0.001);
    line(faint(&format!(
        "{} played in {:.1} s ({}/s)",
        count(played.events as i64, "event"),
        played.seconds,
        number(rate as i64)
    )));
}

fn data(report: &Report<'_>, compared: &Compared, played: &Played, broken: &[String]) -> Value {
    let mail = |mail: &Sent| {
        json!({ "partner": mail.partner, "workflow": mail.workflow, "mail": mail.mail, "due": mail.due.to_string(),
                "state": mail.state, "at": mail.at.to_string(), "reason": mail.reason })
    };
    let mails = |all: &[Sent]| all.iter().map(mail).collect::<Vec<_>>();
    let workflows: BTreeSet<&str> = report.sent.iter().map(|mail| mail.workflow.as_str()).collect();
    json!({
        "mails": report.sent.iter().map(|sent| mail(sent)).collect::<Vec<_>>(),
        "per_day": report.by_day.iter().map(|(day, workflows)| (day.to_string(), json!(workflows))).collect::<serde_json::Map<_, _>>(),
        "workflows": workflows,
        "not_sent": report.unsent,
        "partners": report.by_partner.len(),
        "most_per_partner": { "partner": report.per_partner.0, "mails": report.per_partner.1 },
        "overlap_partners": report.overlap,
        "cap_hits": report.cap_hits,
        "same_as_live": compared.is_same(),
        "difference": {
            "new": mails(&compared.new),
            "gone": mails(&compared.gone),
            "changed": compared.changed.iter().map(|(was, is)| json!({ "live": mail(was), "backtest": mail(is) })).collect::<Vec<_>>(),
            "signals": { "new": compared.signals.0, "gone": compared.signals.1 },
            "journeys": { "new": compared.journeys.0, "gone": compared.journeys.1 },
        },
        "events": played.events,
        "seconds": played.seconds,
        "over_the_limit": broken,
    })
}
