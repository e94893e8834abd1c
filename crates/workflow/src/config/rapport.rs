//! `config/rapport.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rapport_contact::{
    Cap, ContractBasis, Counted, Guardrails, GuardrailsError, GuardrailsSpec, Holidays, QuietHours, Weekends, Window,
};
use rapport_insight::dip::Budget;
use rapport_message::clients::Client;
use rapport_message::{Imprint, Locale, Sender};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::{Fields, Key, Node, is_name};
use rapport_rule::{Currency, Findings, Length, Span};

use super::offers::https;
use super::sending;
use super::tracking::{Tracking, host};
use super::{Burst, Config, LinkBase, Pace, Program, Retention, Texts, Topic, WarmUp, retention};
use crate::calendar::{Calendar, EVERYWHERE, day_of_week};

/// Keys of `config/rapport.yaml` that say where things run; the binary reads them.
pub const DEPLOYMENT_KEYS: [&str; 5] = ["mail", "store", "kafka", "log", "gateway"];

/// `guardrails.same_address` when it is not written.
const ONE_COPY: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(crate) fn read(node: &Node, path: &str, findings: &mut Findings) -> Option<Config> {
    let fields = Fields::of(node, path, findings)?;
    let programs = fields.require("programs", findings).map(|node| programs(node, path, findings));
    let senders =
        fields.require("senders", findings).map(|node| by_name(node, path, findings, sender)).unwrap_or_default();
    let imprint = fields.require("imprint", findings).and_then(|node| imprint(node, path, findings));
    let topics =
        fields.require("topics", findings).map(|node| by_name(node, path, findings, topic)).unwrap_or_default();
    let partner_types = fields.take("partner_types").map(|node| types(node, path, findings)).unwrap_or_default();
    let work = working_days(&fields, path, findings);
    let sending = senders.values().filter_map(|sender: &Sender| rapport_contact::normalise(&sender.email));
    let sending = sending.map(|address| address.domain().to_owned()).collect();
    let (guardrails, limits) = guardrails(fields.take("guardrails"), &topics, &work, &sending, path, findings);
    let tracking = fields.take("tracking").and_then(|node| {
        let all = programs.iter().flat_map(|(_, all)| all.values());
        Tracking::read(node, all.filter_map(|program| host(&program.url)).collect(), path, findings)
    });
    let links = fields.take("links").and_then(|node| links(node, path, findings));
    let utm = tracking.as_ref().and_then(|tracking| tracking.utm.clone());
    let clicks = tracking.and_then(|tracking| tracking.clicks(fields.peek("links").is_some(), path, findings));
    let shards = fields.take("shards").and_then(|node| node.int(1..=4096, path, findings)).unwrap_or(64);
    let history_days = fields.take("history").map_or(Some(400), |node| history(node, path, findings)).unwrap_or(400);
    let retention = fields.take("retention").and_then(|node| retention::read(node, history_days, path, findings));
    let lateness = fields.take("lateness").and_then(|node| node.length(path, findings)).unwrap_or(Length::Hours(2));
    let dip_budget = fields.take("dips").map_or(Some(Budget::default()), |node| dips(node, path, findings));
    let mail_clients = fields.take("mail_clients").map(|node| clients(node, path, findings));
    fields.finish(&DEPLOYMENT_KEYS, findings);
    let (default_program, programs) = programs?;
    Some(Config {
        programs,
        default_program: default_program?,
        senders,
        topics: topics.into_iter().map(|(id, topic)| (id, topic.0)).collect(),
        partner_types,
        imprint: imprint?,
        guardrails: guardrails?,
        burst: limits.burst,
        pace: limits.pace,
        warm_up: limits.warm_up,
        calendar: work.calendar,
        links,
        clicks,
        utm,
        shards: u32::try_from(shards).unwrap_or(64),
        history_days,
        retention: retention.unwrap_or_else(|| Retention::usual(history_days)),
        lateness,
        dip_budget: dip_budget.unwrap_or_default(),
        mail_clients: mail_clients.unwrap_or_else(|| Client::ALL.to_vec()),
    })
}

fn by_name<T>(
    node: &Node,
    path: &str,
    findings: &mut Findings,
    read: impl Fn(&str, &Node, &str, &mut Findings) -> Option<T>,
) -> BTreeMap<Arc<str>, T> {
    let mut all = BTreeMap::new();
    for (key, value) in node.map(path, findings).unwrap_or_default() {
        if name_ok(key, path, findings)
            && let Some(item) = read(&key.text, value, path, findings)
        {
            all.insert(Arc::from(key.text.as_str()), item);
        }
    }
    all
}

fn name_ok(key: &Key, path: &str, findings: &mut Findings) -> bool {
    let ok = is_name(&key.text) || key.text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !ok {
        findings.error("R0307", path, key.span, format!("`{}` is no name", key.text));
    }
    ok
}

fn programs(node: &Node, path: &str, findings: &mut Findings) -> (Option<Arc<str>>, BTreeMap<Arc<str>, Program>) {
    let entries = node.map(path, findings).unwrap_or_default();
    if entries.is_empty() {
        findings.error("R0512", path, node.span, "there is no programme");
    }
    let programs = entries.iter().filter_map(|(key, value)| program(&key.text, value, path, findings));
    let programs: BTreeMap<_, _> = programs.map(|program| (program.id.clone(), program)).collect();
    (entries.first().map(|(key, _)| Arc::from(key.text.as_str())), programs)
}

fn program(id: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<Program> {
    let fields = Fields::of(node, path, findings)?;
    let name = fields.require("name", findings).and_then(|node| node.filled_text(path, findings));
    let url = fields.require("url", findings).and_then(|node| https(node, path, findings));
    let zone = fields.require("zone", findings).and_then(|node| zone(node, path, findings));
    let currency = fields.require("currency", findings).and_then(|node| currency(node, path, findings));
    let language = match fields.take("language") {
        Some(node) => language(node, path, findings),
        None => Some("en".to_owned()),
    };
    let residual = match fields.take("residual_percent") {
        Some(node) => node.percent(path, findings),
        None => Some(0.0),
    };
    fields.finish(&[], findings);
    Some(Program {
        id: id.into(),
        name: name?.to_owned(),
        url: url?,
        zone: zone?,
        currency: currency?,
        language: language?,
        residual_percent: residual?,
    })
}

fn zone(node: &Node, path: &str, findings: &mut Findings) -> Option<TimeZone> {
    let text = node.text(path, findings)?;
    match TimeZone::get(text) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            findings
                .error("R0536", path, node.span, format!("`{text}` is no time zone"))
                .did_you_mean(nearest(text, names.iter().map(String::as_str)))
                .hint("Zones are named by continent and city: Europe/Oslo.");
            None
        }
    }
}

fn currency(node: &Node, path: &str, findings: &mut Findings) -> Option<Currency> {
    let text = node.text(path, findings)?;
    let currency = Currency::parse(text);
    if currency.is_none() {
        findings
            .error("R0537", path, node.span, format!("`{text}` is no currency of ISO 4217"))
            .did_you_mean(Currency::nearest(text));
    }
    currency
}

fn language(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let text = node.text(path, findings)?;
    let locale = Locale::parse(text);
    if locale.is_none() {
        findings
            .error("R0519", path, node.span, format!("`{text}` is no language"))
            .label("write a tag like `en`, `de` or `de-AT`");
    }
    locale.map(|locale| locale.tag().to_owned())
}

fn sender(_: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<Sender> {
    let fields = Fields::of(node, path, findings)?;
    let name = fields.require("name", findings).and_then(|node| node.filled_text(path, findings));
    let role = fields.require("role", findings).and_then(|node| node.filled_text(path, findings));
    let email = fields.require("email", findings).and_then(|node| address(node, path, findings));
    let reply_to = match fields.take("reply_to") {
        Some(node) => address(node, path, findings),
        None => email.clone(),
    };
    fields.finish(&[], findings);
    Some(Sender { name: name?.to_owned(), role: role?.to_owned(), email: email?, reply_to: reply_to? })
}

fn address(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let text = node.text(path, findings)?;
    match rapport_contact::normalise(text) {
        Some(_) if text.is_ascii() => Some(text.to_owned()),
        // What every relay takes. A sender that needs SMTPUTF8 would write to nobody elsewhere.
        Some(address) if !address.needs_utf8() => Some(address.to_string()),
        _ => {
            findings.error("R0538", path, node.span, format!("`{text}` is no mail address"));
            None
        }
    }
}

fn imprint(node: &Node, path: &str, findings: &mut Findings) -> Option<Imprint> {
    let fields = Fields::of(node, path, findings)?;
    let company = fields.require("company", findings).and_then(|node| node.filled_text(path, findings));
    let postal = fields.require("address", findings).and_then(|node| node.filled_text(path, findings));
    let email = fields.require("email", findings).and_then(|node| address(node, path, findings));
    let mut optional =
        |key| fields.take(key).and_then(|node: &Node| node.filled_text(path, findings)).map(str::to_owned);
    let (register, vat, representative) = (optional("register"), optional("vat"), optional("representative"));
    let url = fields.take("url").and_then(|node| https(node, path, findings));
    fields.finish(&[], findings);
    Some(Imprint {
        company: company?.to_owned(),
        address: postal?.to_owned(),
        register,
        vat,
        representative,
        email: email?,
        url,
    })
}

/// A topic and the basis declared for it.
type TopicRead = (Topic, Option<ContractBasis>);

fn topic(id: &str, node: &Node, path: &str, findings: &mut Findings) -> Option<TopicRead> {
    let fields = Fields::of(node, path, findings)?;
    let mut flag = |key| fields.take(key).and_then(|node: &Node| node.bool(path, findings)).unwrap_or(false);
    let (service, urgent) = (flag("service"), flag("urgent"));
    if let (true, false, Some(node)) = (urgent, service, fields.peek("urgent")) {
        findings
            .error("R0539", path, node.span, "only the topic of a service mail can be urgent")
            .hint("Take `urgent` out; or, if the contract asks for these mails, write `service: true` beside it.");
    }
    let name = fields.require("name", findings).and_then(|node| Texts::read(node, path, findings));
    let about = fields.require("about", findings).and_then(|node| Texts::read(node, path, findings));
    let countries = fields
        .take("countries")
        .map(|node| node.texts(path, findings).into_iter().map(str::to_ascii_uppercase).collect::<BTreeSet<String>>());
    let contract = match fields.take("basis").map(|node| node.one_of(&["consent", "contract"], path, findings)) {
        Some(Some(1)) => Some(ContractBasis { topic: id.to_owned(), countries }),
        _ => None,
    };
    fields.finish(&[], findings);
    Some((Topic { id: id.into(), service, urgent, name: name?, about: about? }, contract))
}

/// `partner_types: [influencer, content]`.
fn types(node: &Node, path: &str, findings: &mut Findings) -> Vec<Arc<str>> {
    let mut all: Vec<Arc<str>> = Vec::new();
    for item in node.one_or_many() {
        let Some(text) = item.filled_text(path, findings) else { continue };
        if all.iter().any(|known| **known == *text) {
            findings.error("R0105", path, item.span, format!("`{text}` stands here twice"));
        } else {
            all.push(text.into());
        }
    }
    all
}

/// The mail clients that partners read with.
fn clients(node: &Node, path: &str, findings: &mut Findings) -> Vec<Client> {
    let mut all = Vec::new();
    for item in node.one_or_many() {
        let Some(at) = item.one_of(&Client::WORDS, path, findings) else { continue };
        let (client, word) = (Client::ALL[at], Client::WORDS[at]);
        if all.contains(&client) {
            findings.error("R0105", path, item.span, format!("`{word}` stands here twice"));
        } else {
            all.push(client);
        }
    }
    all
}

struct WorkingDays {
    calendar: Calendar,
    weekends: Weekends,
    holidays: Holidays,
}

/// `weekends: { AE: [saturday, sunday] }`, `holidays: { NO: [2026-05-17], all: [2026-12-25] }`.
fn working_days(fields: &Fields<'_>, path: &str, findings: &mut Findings) -> WorkingDays {
    let mut work =
        WorkingDays { calendar: Calendar::default(), weekends: Weekends::default(), holidays: Holidays::default() };
    let weekends = fields.take("weekends").and_then(|node| node.map(path, findings)).unwrap_or_default();
    for (key, value) in weekends {
        let country = country(key, path, findings);
        let mut days = BTreeSet::new();
        for text in value.texts(path, findings) {
            match day_of_week(text) {
                Some(day) => {
                    days.insert(day);
                }
                None => {
                    findings.error("R0103", path, value.span, format!("`{text}` is no day of the week"));
                }
            }
        }
        let named = days.iter().filter_map(|day| i8::try_from(*day).ok());
        let named = named.filter_map(|day| jiff::civil::Weekday::from_monday_one_offset(day).ok()).collect();
        if let Some(country) = country {
            work.weekends.by_country.insert(country.clone(), named);
            work.calendar.weekends.insert(country, days);
        }
    }
    for (key, value) in fields.take("holidays").and_then(|node| node.map(path, findings)).unwrap_or_default() {
        let place = if key.text == EVERYWHERE { Some(EVERYWHERE.to_owned()) } else { country(key, path, findings) };
        let days: BTreeSet<Date> = value.one_or_many().iter().filter_map(|day| day.date(path, findings)).collect();
        if let Some(place) = place {
            work.calendar.holidays.insert(place.clone(), days.clone());
            if place == EVERYWHERE {
                work.holidays.everywhere = days;
            } else {
                work.holidays.by_country.insert(place, days);
            }
        }
    }
    work
}

fn country(key: &Key, path: &str, findings: &mut Findings) -> Option<String> {
    let ok = key.text.len() == 2 && key.text.bytes().all(|b| b.is_ascii_alphabetic());
    if !ok {
        findings
            .error("R0540", path, key.span, format!("`{}` is no country", key.text))
            .label("two letters of ISO 3166, like \"NO\"");
    }
    ok.then(|| key.text.to_ascii_uppercase())
}

/// Limits that go over many people, and are not the contact policy's to judge.
#[derive(Default)]
struct Limits {
    burst: Burst,
    pace: Pace,
    warm_up: Vec<WarmUp>,
}

fn guardrails(
    node: Option<&Node>,
    topics: &BTreeMap<Arc<str>, TopicRead>,
    work: &WorkingDays,
    sending: &BTreeSet<String>,
    path: &str,
    findings: &mut Findings,
) -> (Option<Guardrails>, Limits) {
    let mut spec = GuardrailsSpec {
        weekends: work.weekends.clone(),
        holidays: work.holidays.clone(),
        contracts: topics.values().filter_map(|(_, contract)| contract.clone()).collect(),
        same_address: Some(ONE_COPY),
        ..GuardrailsSpec::default()
    };
    let mut limits = Limits::default();
    let before = findings.errors();
    let mut caps: Vec<(Cap, Span)> = Vec::new();
    if let Some(fields) = node.and_then(|node| Fields::of(node, path, findings)) {
        for item in fields.take("at_most").map(Node::one_or_many).unwrap_or_default() {
            let Some(text) = item.text(path, findings) else { continue };
            match text.parse::<Cap>() {
                Ok(cap) => {
                    spec.at_most.push(cap);
                    caps.push((cap, item.span));
                }
                Err(error) => {
                    findings.error("R0535", path, item.span, error.to_string());
                }
            }
        }
        idle_caps(&caps, path, findings);
        if let Some(node) = fields.take("quiet_hours") {
            quiet_hours(node, &mut spec, path, findings);
        }
        if let Some(fields) = fields.take("burst").and_then(|node| Fields::of(node, path, findings)) {
            limits.burst = rates(fields, path, findings);
        }
        if let Some(node) = fields.take("pace") {
            limits.pace = sending::pace(node, path, findings).unwrap_or_default();
        }
        if let Some(node) = fields.take("warm_up") {
            limits.warm_up = sending::warm_ups(node, sending, path, findings);
        }
        if let Some(length) = fields.take("same_address").and_then(|node| node.length(path, findings)) {
            spec.same_address = Some(one_copy_within(length));
        }
        spec.allow_list =
            fields.take("allow_list").map(|node| node.texts(path, findings).into_iter().map(str::to_owned).collect());
        fields.finish(&[], findings);
    }
    match Guardrails::compile(spec) {
        Ok(guardrails) => (Some(guardrails).filter(|_| findings.errors() == before), limits),
        Err(errors) => {
            for error in errors {
                let span = place_of(&error, &caps, node);
                findings.error("R0535", path, span, error.to_string());
            }
            (None, limits)
        }
    }
}

/// Where what guardrails cannot be compiled for is written: the value, not the whole map. Of two equal caps the later one.
fn place_of(error: &GuardrailsError, caps: &[(Cap, Span)], node: Option<&Node>) -> Option<Span> {
    let value = |key: &str| node.and_then(|node| node.get(key));
    let of_cap = |cap: &Cap| caps.iter().rev().find(|(known, _)| known == cap).map(|(_, span)| *span);
    let found = match error {
        GuardrailsError::CapOfZero(cap) | GuardrailsError::CapTwice(_, cap) => of_cap(cap),
        GuardrailsError::QuietHoursEmpty(_) => value("quiet_hours").map(|node| node.span),
        GuardrailsError::AllowListEntry(entry) => {
            let entries = value("allow_list").map(Node::one_or_many).unwrap_or_default();
            entries.iter().find(|item| item.as_str() == Some(entry.as_str())).map(|item| item.span)
        }
        GuardrailsError::SameAddress => value("same_address").map(|node| node.span),
        GuardrailsError::WeekendAlways(_) => None,
    };
    found.or_else(|| node.map(|node| node.span))
}

/// A length that depends on the calendar is none that can stand here: it counts as too long.
fn one_copy_within(length: Length) -> SignedDuration {
    match length {
        Length::Minutes(_) | Length::Hours(_) | Length::Days(_) | Length::Weeks(_) => {
            SignedDuration::from_mins(length.about_minutes())
        }
        Length::Months(_) | Length::Years(_) | Length::Weekdays(_) => SignedDuration::MAX,
    }
}

/// Caps that never hold a mail, because another one has held it before.
fn idle_caps(caps: &[(Cap, Span)], path: &str, findings: &mut Findings) {
    for (cap, span) in caps {
        let before = |other: &Cap| {
            // Service mails count in a cap of any kind and are held by none, so such a cap can be full where one of a shorter
            // time is not; marketing within the days of a week never exceeds what each day allows.
            let covers = other.counted == cap.counted || other.counted == Counted::Any;
            let days = u32::try_from(cap.window.days()).unwrap_or(1);
            match (other.window, cap.window) {
                (Window::Day, Window::Week) => {
                    cap.counted == Counted::Marketing && other.limit.saturating_mul(days) <= cap.limit
                }
                _ => covers && other.limit <= cap.limit,
            }
        };
        let same = |other: &Cap| (other.counted, other.window) == (cap.counted, cap.window);
        if let Some((other, _)) = caps.iter().find(|(other, _)| !same(other) && before(other)) {
            findings
                .warning("R0576", path, *span, format!("`{cap}` never takes hold"))
                .label(format!("`{other}` holds every mail before it does"))
                .hint("Take one of them out, or make this one smaller.");
        }
    }
}

fn rates(fields: Fields<'_>, path: &str, findings: &mut Findings) -> Burst {
    let mut per_hour = |key| fields.take(key).and_then(|node: &Node| rate(node, path, findings));
    let burst = Burst { warn_above: per_hour("warn_above"), stop_above: per_hour("stop_above") };
    let span = fields.peek("warn_above").map(|node| node.span);
    fields.finish(&[], findings);
    if let (Some(warn), Some(stop)) = (burst.warn_above, burst.stop_above)
        && warn >= stop
    {
        findings
            .warning("R0576", path, span, "nobody is ever warned")
            .label(format!("at {stop} per hour the workflow has stopped"))
            .hint("`warn_above` is smaller than `stop_above`.");
    }
    burst
}

fn quiet_hours(node: &Node, spec: &mut GuardrailsSpec, path: &str, findings: &mut Findings) {
    let Some(fields) = Fields::of(node, path, findings) else { return };
    let from = fields.require("from", findings).and_then(|node| node.clock_time(path, findings));
    let to = fields.require("to", findings).and_then(|node| node.clock_time(path, findings));
    if let Some(zone) = fields.take("zone") {
        zone.one_of(&["partner"], path, findings);
    }
    if let Some(which) = fields.take("weekends").and_then(|node| node.one_of(&["hold", "send"], path, findings)) {
        spec.weekends_hold = which == 0;
    }
    fields.finish(&[], findings);
    spec.quiet_hours = from.zip(to).map(|(from, to)| QuietHours { from, to });
}

/// `50 per hour`.
fn rate(node: &Node, path: &str, findings: &mut Findings) -> Option<u32> {
    let text = node.text(path, findings)?;
    let number = text.strip_suffix(" per hour").and_then(|number| number.trim().parse().ok());
    if number.is_none() {
        findings.error("R0535", path, node.span, format!("`{text}` is no rate")).label("write `50 per hour`");
    }
    if number == Some(0) {
        findings
            .error("R0535", path, node.span, "a rate of 0 lets no mail out at all")
            .hint("`rapport pause all` holds mail for a while.");
    }
    number.filter(|number| *number > 0)
}

fn links(node: &Node, path: &str, findings: &mut Findings) -> Option<LinkBase> {
    let fields = Fields::of(node, path, findings)?;
    let base = fields.require("base", findings).and_then(|node| base_address(node, path, findings));
    let sending_domain = fields.require("sending_domain", findings).and_then(|node| {
        let domain = node.text(path, findings)?;
        let Some(address) = rapport_contact::normalise(&format!("x@{domain}")) else {
            findings.error("R0541", path, node.span, format!("`{domain}` is no domain"));
            return None;
        };
        Some(if domain.is_ascii() { domain.to_owned() } else { address.domain().to_owned() })
    });
    let bounces = fields.take("bounces").and_then(|node| {
        let address = node.text(path, findings)?;
        // A tag of up to 53 characters is put before the `@`.
        let fits = |address: &rapport_contact::NormalisedAddress| {
            address.as_str().split('@').next().is_some_and(|local| local.len() <= 10 && !local.contains('+'))
        };
        match rapport_contact::normalise(address).filter(fits) {
            Some(address) => Some(address.to_string()),
            None => {
                findings.error("R0541", path, node.span, format!("`{address}` is no address for returned mail")).hint(
                    "Write an address with at most ten characters before the `@`, such as `bounce@mail.acme.example`.",
                );
                None
            }
        }
    });
    // The keys sign links; they are secrets and the binary's affair.
    fields.finish(&["keys"], findings);
    Some(LinkBase { base: base?, sending_domain: sending_domain?, bounces })
}

/// The gateway may be on this machine while trying things out; everywhere else links are https.
fn base_address(node: &Node, path: &str, findings: &mut Findings) -> Option<String> {
    let text = node.text(path, findings)?;
    if rapport_message::link::is_local(text) {
        return Some(text.trim_end_matches('/').to_owned());
    }
    https(node, path, findings)
}

/// `dips: { budget: 0.1 }`.
fn dips(node: &Node, path: &str, findings: &mut Findings) -> Option<Budget> {
    let fields = Fields::of(node, path, findings)?;
    let budget = fields.require("budget", findings).and_then(|node| {
        let value = node.number(path, findings)?;
        let known = Budget::per_partner_year(value);
        if let Err(error) = known {
            findings
                .error("R0544", path, node.span, error.to_string())
                .label("false alarms you can live with: 0.1 is one in ten years of a partner");
        }
        known.ok()
    });
    fields.finish(&[], findings);
    budget
}

fn history(node: &Node, path: &str, findings: &mut Findings) -> Option<u32> {
    let days = match node.length(path, findings)? {
        Length::Days(days) => days,
        Length::Weeks(weeks) => weeks.saturating_mul(7),
        _ => 0,
    };
    // Windows of up to a year and their comparison need the days they speak of.
    let ok = (90..=400).contains(&days);
    if !ok {
        findings.error("R0542", path, node.span, "the history is 90 to 400 days long").label("write `400 days`");
    }
    u32::try_from(days).ok().filter(|_| ok)
}
