//! `guardrails.pace` and `guardrails.warm_up`: how fast mail leaves to one provider's mailboxes, and how much a day from a domain
//! nobody knows yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use rapport_contact::{OTHER_PROVIDER, normalise, provider_of, providers};
use rapport_rule::yaml::{Fields, Node, Value};
use rapport_rule::{Findings, Span};

/// How fast mail leaves to one provider's mailboxes, over all mailers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// One mail in so many microseconds.
    pub every_us: i64,
    /// No more are on their way at the same time.
    pub connections: u32,
}

/// Ten seconds' worth of mail leaves at once after a silence: a single mail never waits, and no minute sees much more than its rate.
const AT_ONCE_US: i64 = 10_000_000;

impl Rate {
    /// How many leave at once after a silence.
    pub fn at_once(self) -> u32 {
        u32::try_from(AT_ONCE_US / self.every_us.max(1)).unwrap_or(u32::MAX).max(1)
    }
}

impl Default for Rate {
    /// 1200 a minute over 20 connections: what large providers take from a sender they know. A relay that paces by itself is not
    /// slowed much, and a sender of its own is not throttled.
    fn default() -> Self {
        Self { every_us: 50_000, connections: 20 }
    }
}

/// `guardrails.pace`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    /// To every provider that is not named, and to every domain that is no provider's.
    pub usual: Rate,
    /// Named providers.
    pub providers: BTreeMap<Arc<str>, Rate>,
    /// Domains that are said to be of one.
    domains: BTreeMap<Arc<str>, Arc<str>>,
}

impl Pace {
    /// Whose mailboxes a domain's are, and how fast mail leaves there. What is no provider's is its own.
    pub fn of(&self, domain: &str) -> (Arc<str>, Rate) {
        let provider = match (self.domains.get(domain), provider_of(domain)) {
            (Some(named), _) => named.clone(),
            (None, OTHER_PROVIDER) => domain.into(),
            (None, code) => code.into(),
        };
        let rate = self.providers.get(&provider).copied().unwrap_or(self.usual);
        (provider, rate)
    }
}

/// The warm-up of one domain of `guardrails.warm_up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmUp {
    /// The domain senders write from.
    pub domain: String,
    /// Its first day.
    pub from: Date,
    /// How many mails leave on the first day, the second, and so on; then there is no bound any more.
    pub mails_a_day: Vec<u32>,
}

/// Twice as many every day, until nobody counts any more.
const USUAL: [u32; 10] = [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600];

impl WarmUp {
    /// How many mails leave on a day; `None` when it is over. Before its first day no more than on that.
    pub fn mails_on(&self, day: Date) -> Option<u32> {
        let days = day.duration_since(self.from).as_hours() / 24;
        self.mails_a_day.get(usize::try_from(days).unwrap_or(0)).copied()
    }
}

/// `{ rate, connections, providers }`.
pub(super) fn pace(node: &Node, path: &str, findings: &mut Findings) -> Option<Pace> {
    let fields = Fields::of(node, path, findings)?;
    let usual = limits(&fields, Rate::default(), path, findings);
    let mut pace = Pace { usual, ..Pace::default() };
    let named = fields.take("providers").and_then(|node| node.map(path, findings)).unwrap_or_default();
    fields.finish(&[], findings);
    for (key, node) in named {
        let name: Arc<str> = key.text.as_str().into();
        let domains = provider(&name, node, &mut pace, path, findings);
        let is_known = providers().any(|code| code == key.text && code != OTHER_PROVIDER);
        if domains.is_empty() && !is_known {
            let known: Vec<&str> = providers().filter(|code| *code != OTHER_PROVIDER).collect();
            findings
                .error("R0609", path, key.span, format!("nobody knows which mailboxes are of `{}`", key.text))
                .label("give its `domains`")
                .hint(format!("Known without are {}.", known.join(", ")));
        }
        for (domain, at) in domains {
            match normalise(&format!("x@{domain}")) {
                None => {
                    findings.error("R0609", path, at, format!("`{domain}` is no domain"));
                }
                Some(address) => {
                    let domain: Arc<str> = address.domain().into();
                    if let Some(other) = pace.domains.insert(domain.clone(), name.clone()).filter(|o| *o != name) {
                        findings
                            .error("R0609", path, at, format!("`{domain}` is of `{other}` already"))
                            .hint("A domain's mailboxes are of one provider.");
                    }
                }
            }
        }
    }
    Some(pace)
}

/// The domains of a named provider, after its limits were noted.
fn provider<'a>(
    name: &Arc<str>,
    node: &'a Node,
    pace: &mut Pace,
    path: &str,
    findings: &mut Findings,
) -> Vec<(&'a str, Span)> {
    if !matches!(node.value, Value::Map(_)) {
        pace.providers.insert(name.clone(), pace.usual);
        return texts(node, path, findings);
    }
    let Some(fields) = Fields::of(node, path, findings) else { return Vec::new() };
    let rate = limits(&fields, pace.usual, path, findings);
    pace.providers.insert(name.clone(), rate);
    let domains = node.get("domains").map(|node| texts(node, path, findings)).unwrap_or_default();
    fields.finish(&["domains"], findings);
    domains
}

fn texts<'a>(node: &'a Node, path: &str, findings: &mut Findings) -> Vec<(&'a str, Span)> {
    let mut texts = Vec::new();
    for item in node.one_or_many() {
        texts.extend(item.text(path, findings).map(|text| (text, item.span)));
    }
    texts
}

fn limits(fields: &Fields<'_>, usual: Rate, path: &str, findings: &mut Findings) -> Rate {
    let every_us = fields.take("rate").and_then(|node| every(node, path, findings)).unwrap_or(usual.every_us);
    let connections = fields.take("connections").and_then(|node| node.int(1..=1000, path, findings));
    let connections = connections.and_then(|number| u32::try_from(number).ok()).unwrap_or(usual.connections);
    Rate { every_us, connections }
}

/// `600 per minute`, `10 per second`.
fn every(node: &Node, path: &str, findings: &mut Findings) -> Option<i64> {
    let text = node.text(path, findings)?;
    let read = || {
        let (number, unit) = text.split_once(" per ")?;
        let number = number.trim().parse::<i64>().ok().filter(|number| (1..=1_000_000).contains(number))?;
        let seconds = match unit.trim() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            _ => return None,
        };
        Some((seconds * 1_000_000 / number).max(1))
    };
    let every = read();
    if every.is_none() {
        findings
            .error("R0609", path, node.span, format!("`{text}` is no pace"))
            .label("write `600 per minute` or `10 per second`");
    }
    every
}

/// `{ DOMAIN: { from, mails_a_day } }`.
pub(super) fn warm_ups(node: &Node, sending: &BTreeSet<String>, path: &str, findings: &mut Findings) -> Vec<WarmUp> {
    let mut warm_ups = Vec::new();
    for (key, node) in node.map(path, findings).unwrap_or_default() {
        let domain = normalise(&format!("x@{}", key.text)).map(|address| address.domain().to_owned());
        if domain.as_ref().is_none_or(|domain| !sending.contains(domain)) {
            findings
                .error("R0593", path, key.span, format!("no sender writes from `{}`", key.text))
                .hint("It is the part after the `@` of a sender's `email`.");
        }
        let Some(fields) = Fields::of(node, path, findings) else { continue };
        let from = fields.require("from", findings).and_then(|node| node.date(path, findings));
        let mails_a_day = match fields.take("mails_a_day") {
            Some(node) => numbers(node, path, findings),
            None => USUAL.to_vec(),
        };
        fields.finish(&[], findings);
        if let (Some(domain), Some(from)) = (domain, from) {
            warm_ups.push(WarmUp { domain, from, mails_a_day });
        }
    }
    warm_ups
}

/// Numbers that grow.
fn numbers(node: &Node, path: &str, findings: &mut Findings) -> Vec<u32> {
    let mut numbers: Vec<u32> = Vec::new();
    for item in node.one_or_many() {
        let number = item.int(1..=100_000_000, path, findings).and_then(|number| u32::try_from(number).ok());
        let Some(number) = number else { continue };
        if numbers.last().is_some_and(|last| *last >= number) {
            findings
                .error("R0593", path, item.span, "a warm-up grows from day to day")
                .hint("After its last number nothing bounds the day any more.");
        }
        numbers.push(number);
    }
    if numbers.is_empty() && node.one_or_many().is_empty() {
        findings.error("R0593", path, node.span, "a warm-up has a first day's number");
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_domain_has_the_pace_of_its_provider() {
        let slow = Rate { every_us: 1_000_000, connections: 2 };
        let pace = Pace {
            providers: BTreeMap::from([("google".into(), slow), ("house".into(), slow)]),
            domains: BTreeMap::from([("a.example".into(), "house".into()), ("b.example".into(), "house".into())]),
            ..Pace::default()
        };
        for (domain, provider, rate) in [
            ("googlemail.com", "google", slow),
            ("b.example", "house", slow),
            ("outlook.com", "microsoft", Rate::default()),
            ("shop.example", "shop.example", Rate::default()),
        ] {
            assert_eq!(pace.of(domain), (provider.into(), rate), "{domain}");
        }
        assert_eq!((slow.at_once(), Rate::default().at_once()), (10, 200));
    }

    #[test]
    fn a_warm_up_grows_and_ends() {
        let warm_up = WarmUp { domain: "d".into(), from: date(2026, 3, 2), mails_a_day: vec![5, 10, 20] };
        let on = |month, day| warm_up.mails_on(date(2026, month, day));
        assert_eq!([on(1, 1), on(3, 1), on(3, 2), on(3, 3), on(3, 4)], [5, 5, 5, 10, 20].map(Some));
        assert_eq!([on(3, 5), on(12, 31)], [None, None]);
    }
}
