//! Who reads a mail once, and what may wake them: the rules of one copy and of urgent notices, as the mailer asks them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::{
    mailer::verdict,
    ports::{
        rows::{MessageRow, MessageState},
        store::{DueMessage, RecipientSnapshot},
    },
    rulebooks::Applied,
};
use rapport_event::PartnerKey;
use rapport_sim::world;
use serde_json::json;

use crate::addresses::with_a_late_mail;
use crate::stand::Stand;

#[tokio::test(start_paused = true)]
async fn two_partners_with_one_address_get_one_copy() {
    let mut stand = Stand::new(with_a_late_mail()).await;
    stand.start();
    let mut bob = stand.approved("bob");
    bob["data"]["email"] = json!("Ada@Partners.example");
    let events = [stand.approved("ada"), bob];
    stand.take(&events).await;
    let is_over = |state| !matches!(state, MessageState::Queued | MessageState::Attempting);
    stand
        .until("both mails are over", |tables| {
            tables.messages.len() == 2 && tables.messages.values().all(|message| is_over(message.state))
        })
        .await;
    stand.until("what became of them is folded", stand.folded()).await;
    stand.stop().await;
    assert_eq!(stand.server.accepted().len(), 1);
    let tables = stand.store.tables();
    let (sent, left): (Vec<_>, Vec<_>) =
        tables.messages.values().partition(|message| message.state == MessageState::Sent);
    assert_eq!((sent.len(), left.len()), (1, 1));
    assert_eq!((left[0].state, left[0].reason.as_deref()), (MessageState::Suppressed, Some("same_address")));
    // Neither journey waits for what does not come.
    assert!(tables.journeys.values().all(|journey| journey.exited.is_some()));
}

/// The shipped files, with payouts as urgent as a test wants them.
fn rules(urgent: bool) -> Applied {
    const NOTICE: &str = "  payouts:\n    service: true\n";
    let mut files = world::shipped_files();
    let rules = files.get_mut("config/rapport.yaml").unwrap();
    assert!(rules.contains(NOTICE));
    if urgent {
        *rules = rules.replace(NOTICE, &format!("{NOTICE}    urgent: true\n"));
    }
    Applied::compile("", files, BTreeMap::new()).unwrap()
}

/// A Tuesday, at eleven in the evening.
fn night() -> Timestamp {
    "2026-11-24T23:00:00Z".parse().unwrap()
}

/// A mail that is due then.
fn due(kind: &str, topic: &str) -> RecipientSnapshot {
    let night = night();
    let message = MessageRow {
        id: "m".into(),
        shard: 0,
        key: PartnerKey::new(world::PROGRAM, "ada").unwrap(),
        workflow: "w".into(),
        journey: "j".into(),
        step: "s".into(),
        mail: "hello".into(),
        rulebook: "book".into(),
        kind: kind.into(),
        topic: topic.into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: night,
        due: night,
        expires: night + SignedDuration::from_hours(48),
        context: "{}".into(),
    };
    let person = json!({ "email": "ada@x.example", "zone": "UTC", "consent": { "given": true } }).to_string();
    RecipientSnapshot {
        address: "ada@x.example".into(),
        due: vec![DueMessage { message, person, held: None, holders: Vec::new(), attempts: 0 }],
        suppressions: Vec::new(),
        accepted: Vec::new(),
        copies: Vec::new(),
        stopped: Vec::new(),
        awaits_others: false,
    }
}

/// What the mailer makes of it: taken, or why not.
fn at_night(rules: &Applied, kind: &str, topic: &str) -> Result<(), String> {
    let mut judged = verdict(&due(kind, topic), rules, Some(night()), None, 1);
    match (judged.take, judged.defer.pop()) {
        (Some(_), None) => Ok(()),
        (None, Some((_, _, reason))) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_notice_of_an_urgent_topic_leaves_at_night() {
    let quiet = Err("quiet_hours".to_owned());
    assert_eq!(at_night(&rules(false), "service", "payouts"), quiet);
    let urgent = rules(true);
    assert_eq!(at_night(&urgent, "service", "payouts"), Ok(()));
    assert_eq!(at_night(&urgent, "service", "account"), quiet, "each topic for itself");
    assert_eq!(at_night(&urgent, "marketing", "news"), quiet);
    // Planned as marketing, before the topic became what it is.
    assert_eq!(at_night(&urgent, "marketing", "payouts"), quiet);
}

/// Whose mail is due in a shard that lags is not known yet: of two that share an address the faster would win.
#[test]
fn a_replay_judges_a_shared_address_when_all_shards_are_there() {
    let rules = rules(false);
    let early = RecipientSnapshot { awaits_others: true, ..due("service", "payouts") };
    let nothing = verdict(&early, &rules, None, None, 1);
    assert!(nothing.take.is_none() && nothing.defer.is_empty() && nothing.end.is_empty());
    let there = verdict(&RecipientSnapshot { awaits_others: false, ..early }, &rules, None, None, 1);
    assert_eq!(there.defer.len(), 1);
}
