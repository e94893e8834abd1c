//! What a partner chose on the page of preferences, through the real loops and in the policy.

use std::collections::BTreeMap;

use crate::stand::Stand;
use jiff::{SignedDuration, Timestamp};
use rapport_contact::Kind;
use rapport_engine::{
    mailer::verdict,
    ports::{
        rows::{MessageRow, MessageState},
        store::{DueMessage, RecipientSnapshot},
    },
    rulebooks::Applied,
};
use rapport_event::PartnerKey;
use rapport_memory::store::Tables;
use rapport_sim::world;
use serde_json::{Value, json};

/// A workflow that writes, in two languages, to whoever is approved.
fn files() -> BTreeMap<String, String> {
    let mut files = world::shipped_files();
    // What names it goes, too.
    let gone = ["workflows/welcome/", "workflows/let-go/", "workflows/let-go-undone/"];
    files.retain(|path, _| !gone.iter().any(|folder| path.starts_with(folder)));
    let workflow = "workflow: greet\nowner: test@acme.example\nonce: per partner\nwhen: partner.approved\n\
         mail: { kind: marketing, topic: onboarding, from: ines }\n\
         steps:\n  - wait: 10 minutes\n  - email: hello\n";
    files.insert("workflows/greet/workflow.yaml".into(), workflow.into());
    for (path, word) in [("hello.mail.md", "An English word"), ("hello.de.mail.md", "Ein deutsches Wort")] {
        let mail = format!("---\nsubject: {word}\n---\n[Acme](https://acme.example/)\n");
        files.insert(format!("workflows/greet/{path}"), mail);
    }
    files
}

#[tokio::test(start_paused = true)]
async fn mail_is_written_in_the_language_the_partner_chose_whatever_is_told_later() {
    let mut stand = Stand::new(files()).await;
    stand.start();
    let events = [
        stand.approved("ada"),
        stand.event("partner.updated", "ada", "chosen", json!({ "chosen_language": "de" })),
        stand.event("partner.updated", "ada", "upstream", json!({ "language": "en", "country": "NO" })),
    ];
    stand.take(&events).await;
    let is_sent = |tables: &Tables| {
        let mut mails = tables.messages.values().filter(|message| message.row.workflow == "greet");
        mails.any(|message| message.state == MessageState::Sent)
    };
    stand.until("the mail is sent", is_sent).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let accepted = stand.server.accepted();
    assert_eq!(accepted.len(), 1);
    assert!(accepted[0].text.contains("Ein deutsches Wort"), "{}", accepted[0].text);
}

/// A Tuesday, at noon.
fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// So many days after it.
fn days(days: i64) -> Timestamp {
    noon() + SignedDuration::from_hours(24 * days)
}

/// Whether a mail to a partner who chose this, and had one marketing mail then, leaves now; else until when it waits, and why.
fn judged(
    kind: &str,
    chosen: &Value,
    had: Option<Timestamp>,
    now: Option<Timestamp>,
) -> Result<(), (Timestamp, String)> {
    let rules = Applied::compile("", world::shipped_files(), BTreeMap::new()).unwrap();
    let message = MessageRow {
        id: "m".into(),
        shard: 0,
        key: PartnerKey::new(world::PROGRAM, "ada").unwrap(),
        workflow: "w".into(),
        journey: "j".into(),
        step: "s".into(),
        mail: "m".into(),
        rulebook: "book".into(),
        kind: kind.into(),
        topic: "news".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: noon(),
        due: noon(),
        expires: days(80),
        context: "{}".into(),
    };
    let mut person = json!({ "email": "ada@x.example", "zone": "UTC", "consent": { "given": true } });
    for (name, value) in chosen.as_object().unwrap() {
        person[name.as_str()] = value.clone();
    }
    let snapshot = RecipientSnapshot {
        address: "ada@x.example".into(),
        due: vec![DueMessage { message, person: person.to_string(), held: None, holders: Vec::new(), attempts: 0 }],
        suppressions: Vec::new(),
        accepted: had.into_iter().map(|at| (at, Kind::Marketing)).collect(),
        copies: Vec::new(),
        stopped: Vec::new(),
        awaits_others: false,
    };
    let verdict = verdict(&snapshot, &rules, now, None, 1);
    assert!(verdict.end.is_empty(), "{:?}", verdict.end);
    match verdict.defer.into_iter().next() {
        Some((_, until, reason)) => Err((until, reason)),
        None => {
            assert_eq!(verdict.take.as_deref(), Some("m"));
            Ok(())
        }
    }
}

#[test]
fn a_time_of_rest_holds_marketing_and_is_looked_at_again_before_it_is_over() {
    let rest = |from: Timestamp, until: Timestamp| json!({ "paused_from": from.to_string(), "paused_until": until.to_string() });
    let now = Some(noon());
    let month = rest(days(-1), days(29));
    let look = noon() + SignedDuration::from_hours(12);
    assert_eq!(judged("marketing", &month, None, now), Err((look, "paused".into())));
    assert_eq!(judged("service", &month, None, now), Ok(()));
    assert_eq!(judged("marketing", &rest(days(-1), noon()), None, now), Ok(()), "it was ended");
    // A replay looks again as often, and judges mail of before the rest as it was then.
    assert_eq!(judged("marketing", &month, None, None), Err((look, "paused".into())));
    let soon = rest(days(-1), noon() + SignedDuration::from_hours(1));
    assert_eq!(judged("marketing", &soon, None, now), Err((noon() + SignedDuration::from_hours(1), "paused".into())));
    assert_eq!(judged("marketing", &rest(days(1), days(31)), None, None), Ok(()));
}

#[test]
fn a_pace_of_ones_own_holds_marketing() {
    let pace = |code: &str| json!({ "chosen_pace": code });
    let look = noon() + SignedDuration::from_hours(12);
    let waits = || Err((look, "cap_own".to_owned()));
    for (code, had, expected) in [
        ("monthly", Some(days(-20)), waits()),
        ("monthly", Some(days(-31)), Ok(())),
        ("monthly", None, Ok(())),
        ("weekly", Some(days(-3)), waits()),
        ("weekly", Some(days(-20)), Ok(())),
        ("any", Some(days(-3)), Ok(())),
        ("hourly", Some(days(-3)), Ok(())),
    ] {
        assert_eq!(judged("marketing", &pace(code), had, Some(noon())), expected, "{code} {had:?}");
        assert_eq!(judged("service", &pace(code), had, Some(noon())), Ok(()), "{code} {had:?}");
    }
}
