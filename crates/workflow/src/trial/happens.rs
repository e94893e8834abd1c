//! `events:` of a test.

use jiff::civil::Time;
use rapport_event::Kind;
use rapport_rule::Findings;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::Node;
use serde_json::{Map, Value as Json};

use super::{Place, day, json, payload, played_day};

/// Something that happens in a test.
#[derive(Debug, Clone, PartialEq)]
pub struct Happens {
    /// On which day it arrives.
    pub day: i64,
    /// On which earlier day it happened, where it arrives late.
    pub happened: Option<i64>,
    /// At what clock time; noon when not written.
    pub time: Time,
    /// What.
    pub kind: Kind,
    /// Its id, where it matters.
    pub id: Option<String>,
    /// Its fields, as trackers send them. `day 90` stands for that date.
    pub payload: Map<String, Json>,
}

/// `until`: the last day played, where it is written.
pub(super) fn read(node: &Node, until: Option<i64>, place: &Place<'_>, findings: &mut Findings) -> Vec<Happens> {
    node.one_or_many().iter().filter_map(|item| one(item, until, place, findings)).collect()
}

fn one(item: &Node, until: Option<i64>, place: &Place<'_>, findings: &mut Findings) -> Option<Happens> {
    let path = place.path;
    let before = findings.errors();
    let (mut on, mut happened, mut time, mut id, mut what) = (None, None, None, None, None);
    for (key, value) in item.map(path, findings)? {
        match key.text.as_str() {
            "day" => on = played_day(value, until, path, findings),
            "happened" => happened = day(value, path, findings).map(|day| (day, value.span)),
            "at" => time = value.clock_time(path, findings),
            "id" => id = value.text(path, findings).map(str::to_owned),
            name => match Kind::parse_with(name, &place.declared.custom) {
                Some(kind) if what.is_none() => {
                    let said = match json(value) {
                        Json::Object(map) => Some(map),
                        Json::Null => Some(Map::new()),
                        _ => None,
                    };
                    if said.is_none() {
                        findings
                            .error("R0603", path, value.span, format!("`{name}` needs its fields"))
                            .label(format!("write `{name}: {{}}` where nothing is to be said"));
                    }
                    payload::check_event(&kind, value.as_map().unwrap_or_default(), place, findings);
                    what = Some((kind, said.unwrap_or_default()));
                }
                Some(_) => {
                    findings
                        .error("R0603", path, key.span, "two events in one entry")
                        .label("make them two entries of the list");
                }
                None => {
                    let names = rapport_event::kind::CATALOGUE.iter().map(|entry| entry.name);
                    findings
                        .error("R0603", path, key.span, format!("there is no kind of event `{name}`"))
                        .did_you_mean(nearest(name, names.chain(["day", "at", "happened"])));
                }
            },
        }
    }
    if what.is_none() && findings.errors() == before {
        findings
            .error("R0603", path, item.span, "this entry says no event")
            .label("write `{ day: 5, link.clicked: {} }`");
    }
    if on.is_none() && findings.errors() == before {
        findings.error("R0607", path, item.span, "on which day?").label("write `day: 5` beside the event");
    }
    if let (Some(on), Some((day, span))) = (on, happened)
        && day > on
    {
        findings
            .error("R0607", path, span, format!("it arrives on day {on}, before day {day} on which it happened"))
            .label("what arrives late happened on an earlier day");
    }
    (findings.errors() == before).then_some(())?;
    let (kind, payload) = what?;
    let happened = happened.map(|(day, _)| day);
    Some(Happens { day: on?, happened, time: time.unwrap_or(Time::constant(12, 0, 0, 0)), kind, id, payload })
}
