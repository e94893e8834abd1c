//! Random logs: what trackers, mail and people tell of a few partners, in the words of the contract.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use rapport_event::{CustomKinds, Event, Headers, Limits, decode_record, decode_with};
use rapport_partner::day;
use serde_json::{Value, json};

/// The day everything is looked at, in the programme's zone.
pub const TODAY: i32 = 20_000;
/// Partners in a log.
pub const PARTNERS: usize = 4;
/// Daily rates; days before the first and long after the last have none.
pub const RATES: &str = "date,from,to,rate\n2024-02-01,USD,EUR,0.8\n2024-06-01,USD,EUR,0.9\n2024-06-05,USD,EUR,0.8\n2024-06-10,USD,EUR,1.1\n\
                         2024-06-16,USD,EUR,0.95\n2024-06-22,USD,EUR,0.85\n2024-06-28,USD,EUR,0.9\n2024-07-04,USD,EUR,0.92\n";

/// One telling.
#[derive(Debug, Clone)]
pub struct Told {
    pub partner: usize,
    pub at: Timestamp,
    pub kind: &'static str,
    pub data: Value,
}

/// The programme's zone: an hour or two ahead, so that evenings belong to the next day.
pub fn zone() -> TimeZone {
    TimeZone::get("Europe/Oslo").unwrap()
}

/// The local day of an instant, by the calendar alone.
pub fn local(at: Timestamp) -> i32 {
    day::number(at.to_zoned(zone()).date())
}

impl Told {
    /// As it stands in a file.
    pub fn line(&self, id: usize, program: &str) -> String {
        json!({
            "id": format!("{program}-{id}"), "kind": self.kind, "program": program, "partner": format!("p{}", self.partner),
            "occurred_at": self.at.to_string(), "data": self.data,
        })
        .to_string()
    }

    /// Whether the engine's own parts tell it, and no tracker.
    pub fn is_own(&self) -> bool {
        let own = ["message.", "offer.", "contact.", "task.", "case.", "partner.awarded"];
        own.iter().any(|family| self.kind.starts_with(family))
    }

    pub fn event(&self, id: usize) -> Event {
        let text = self.line(id, "acme");
        if self.is_own() {
            return decode_record(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        }
        let now = Timestamp::from_second(i64::from(TODAY + 5) * 86_400).unwrap();
        decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now)
            .unwrap_or_else(|error| panic!("{text}: {error:?}"))
            .event
    }

    pub fn text(&self, field: &str) -> Option<&str> {
        self.data.get(field).and_then(Value::as_str)
    }

    pub fn number(&self, field: &str) -> i64 {
        self.data.get(field).and_then(Value::as_i64).unwrap_or_default()
    }

    pub fn instant(&self, field: &str) -> Option<Timestamp> {
        self.text(field).map(|text| text.parse().unwrap())
    }
}

fn at_of(day: i32, minute: i64) -> Timestamp {
    // Today is not over.
    let minute = if day == TODAY { minute.min(1_200) } else { minute };
    Timestamp::from_second(i64::from(day) * 86_400 + minute * 60).unwrap()
}

fn instant() -> impl Strategy<Value = Timestamp> {
    let day = prop_oneof![4 => (TODAY - 70)..=TODAY, 2 => (TODAY - 200)..=TODAY, 1 => (TODAY - 380)..=TODAY];
    (day, 0_i64..1_440).prop_map(|(day, minute)| at_of(day, minute))
}

/// Kind and payload, apart from what is unique to the telling.
fn content() -> impl Strategy<Value = (&'static str, Value)> {
    let pick = |words: &[&'static str]| prop::sample::select(words.to_vec());
    let sale = (
        (0_u8..8, pick(&["pending", "approved", "paid", "reversed"]), instant(), 0_i64..50_000, 0_i64..5_000),
        (pick(&["EUR", "EUR", "USD"]), prop::option::of(any::<bool>())),
    )
        .prop_map(|((id, status, sold, amount, commission), (currency, new))| {
            let mut data = json!({
                "conversion_id": id.to_string(), "status": status, "amount": amount, "commission": commission,
                "currency": currency, "occurred_at": sold.to_string(),
            });
            if let Some(new) = new {
                data["customer"] = json!(if new { "new" } else { "returning" });
            }
            ("conversion", data)
        });
    let bare = prop::sample::select(vec![
        ("login", json!({})),
        ("link.created", json!({ "link": "l" })),
        ("content.published", json!({ "url": "https://blog.example/1" })),
        ("creative.submitted", json!({ "creative": "c" })),
        ("training.completed", json!({ "training": "t" })),
        ("resource.used", json!({ "resource": "r" })),
        ("offer.granted", json!({ "offer": "o" })),
        ("partner.awarded", json!({ "name": "spot" })),
        ("contact.opted_out", json!({ "topic": "news" })),
        ("contact.suppressed", json!({ "reason": "complaint" })),
        ("contact.suppressed", json!({ "reason": "bounce" })),
        ("mail.received", json!({})),
        ("mail.received", json!({ "auto_submitted": "auto-replied" })),
        ("message.sent", json!({})),
        ("message.sent", json!({})),
    ]);
    let clicks = (1_u32..50).prop_map(|count| ("link.clicked", json!({ "count": count })));
    let score = (0_u32..=100).prop_map(|tenths| {
        ("survey.answered", json!({ "survey": "content", "score": f64::from(tenths) / 10.0, "answer": "a" }))
    });
    let reason = pick(&["no_time", "holiday"])
        .prop_map(|reason| ("survey.answered", json!({ "survey": "what-happened", "reason": reason })));
    let seen = (0_u32..5_000, 0_u32..300, prop::option::of(0_u32..9_999)).prop_map(|(views, likes, followers)| {
        let mut data = json!({ "views": views, "likes": likes });
        if let Some(followers) = followers {
            data["followers"] = json!(followers);
        }
        ("audience.reported", data)
    });
    let payout = (
        pick(&["payout.due", "payout.paid", "payout.failed", "payout.overdue"]),
        0_u8..4,
        prop::option::of((TODAY - 40)..(TODAY + 10)),
    )
        .prop_map(|(kind, id, due)| {
            let mut data = json!({ "payout": id.to_string(), "amount": 1_000, "currency": "EUR" });
            if let Some(due) = due {
                data["due_on"] = json!(day::date(due).to_string());
            }
            (kind, data)
        });
    let worked = (pick(&["task.done", "case.resolved"]), 0_i64..9_000, pick(&["solved", "withdrawn"]))
        .prop_map(|(kind, minutes, outcome)| (kind, json!({ "minutes": minutes, "outcome": outcome })));
    let partner = (
        pick(&[
            "partner.joined",
            "partner.approved",
            "partner.approved",
            "partner.approved",
            "partner.updated",
            "partner.suspended",
            "partner.closed",
        ]),
        prop::option::of(pick(&["influencer", "coupon", "cashback", "content"])),
        prop::option::of(any::<bool>()),
        prop::option::of(instant()),
        prop::option::of((0_u32..9, 0_i64..9_000, pick(&["EUR", "USD"]), instant())),
    )
        .prop_map(|(kind, sort, joint, approved, opening)| {
            let mut data = json!({});
            if let Some(sort) = sort {
                data["type"] = json!(sort);
            }
            if let Some(joint) = joint {
                data["tags"] = if joint { json!(["joint_marketing", "x"]) } else { json!([]) };
            }
            if let (Some(approved), "partner.approved") = (approved, kind) {
                data["approved_at"] = json!(approved.to_string());
            }
            if let (Some((conversions, revenue, currency, as_of)), "partner.updated") = (opening, kind) {
                data["opening"] = json!({
                    "conversions": conversions, "revenue": revenue, "commission": revenue / 10, "currency": currency,
                    "as_of": as_of.to_string(),
                });
            }
            (kind, data)
        });
    prop_oneof![8 => sale, 8 => bare, 2 => clicks, 1 => score, 1 => reason, 1 => seen, 2 => payout, 2 => worked, 4 => partner]
}

/// A log in the order told: revisions rise, everything else comes late as chance has it. Mails alone keep their order: an answer is
/// what follows.
pub fn log() -> impl Strategy<Value = Vec<Told>> {
    prop::collection::vec((0..PARTNERS, instant(), content()), 1..60).prop_flat_map(|all| {
        let mut told: Vec<Told> = Vec::new();
        for (number, (partner, at, (kind, mut data))) in all.into_iter().enumerate() {
            // No two at one instant, so that "the newest" is one.
            let at = Timestamp::from_second(at.as_second() + number as i64 % 60).unwrap();
            match kind {
                "conversion" => data["revision"] = json!(number),
                "message.sent" => data["message"] = json!(format!("m{number}")),
                "task.done" | "case.resolved" => {
                    let opened =
                        Timestamp::from_second(at.as_second() - 60 * data["minutes"].as_i64().unwrap()).unwrap();
                    let name = if kind == "task.done" { "task" } else { "case" };
                    let outcome = data["outcome"].clone();
                    data = json!({ name: format!("w{number}"), "opened_at": opened.to_string() });
                    if kind == "case.resolved" {
                        data["outcome"] = outcome;
                    }
                }
                _ => {}
            }
            told.push(Told { partner, at, kind, data });
        }
        Just(told).prop_shuffle().prop_map(|mut told| {
            let mails = |one: &Told| matches!(one.kind, "message.sent" | "mail.received");
            let places: Vec<usize> = (0..told.len()).filter(|place| mails(&told[*place])).collect();
            let mut sorted: Vec<Told> = places.iter().map(|place| told[*place].clone()).collect();
            sorted.sort_by_key(|one| one.at);
            for (place, one) in places.into_iter().zip(sorted) {
                told[place] = one;
            }
            told
        })
    })
}
