//! What mails and draws came to, from rows whose answer is known.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rapport_engine::ports::keep::{Class, DataClass, Keep, Retention};
use rapport_engine::ports::rows::{
    ConversionRow, JourneyRow, MessageRow, MessageState, OutboxRow, PartnerRow, PersonRow, Response, ResponseRow,
    ShardCommit, Target,
};
use rapport_engine::ports::store::{
    ClaimRequest, Committed, EndedMessage, FeedbackRow, RecipientSnapshot, RecipientVerdict, Settlement, Store,
};
use rapport_event::id::PartnerKey;
use rapport_store::{Drawn, MailFate, Period, SqlStore};
use serde_json::json;

fn at(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 40 + hours)
}

fn key(partner: &str) -> PartnerKey {
    PartnerKey::new("shop", partner).unwrap()
}

fn message(id: &str, partner: &str, mail: &str, kind: &str, due: i64) -> MessageRow {
    MessageRow {
        id: id.into(),
        shard: 0,
        key: key(partner),
        workflow: "welcome".into(),
        journey: format!("journey-{id}"),
        step: format!("email {mail}"),
        mail: mail.into(),
        rulebook: "book".into(),
        kind: kind.into(),
        topic: "tips".into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: at(due),
        due: at(due),
        expires: at(10_000),
        context: "{}".into(),
    }
}

fn conversion(partner: &str, id: &str, hours: i64, status: &str, amount: i64) -> ConversionRow {
    ConversionRow {
        key: key(partner),
        conversion_id: id.into(),
        occurred_at: at(hours),
        status: status.into(),
        amount_minor: amount,
        currency: "EUR".into(),
        body: Vec::new(),
    }
}

fn journey(id: &str, partner: &str, hours: i64, held_out: bool, drawn: Option<f64>) -> JourneyRow {
    JourneyRow {
        id: id.into(),
        key: key(partner),
        workflow: "welcome".into(),
        version: "v".into(),
        started_at: at(hours),
        exited: Some((at(hours), "completed".into())),
        held_out,
        body: drawn.map_or(json!({ "key": id }), |drawn| json!({ "key": id, "drawn": drawn })).to_string(),
    }
}

fn response(partner: &str, message: &str, what: Response) -> ResponseRow {
    ResponseRow { key: key(partner), message: message.into(), what, at: at(70) }
}

fn ended(id: &str, state: MessageState, hours: i64) -> EndedMessage {
    EndedMessage {
        id: id.into(),
        state,
        reason: "unsubscribe".into(),
        at: at(hours),
        outbox: OutboxRow {
            target: Target::Events,
            event_id: format!("end-{id}"),
            shard: 0,
            key: b"shop/a".to_vec(),
            value: Vec::new(),
        },
        reply: None,
        along: Vec::new(),
    }
}

/// Mails that left, waited and were suppressed, with what was said and sold after; draws of two partners.
async fn played(store: &SqlStore) {
    let persons = ["a", "b"].map(|partner| {
        let address = format!("{partner}@x.example");
        let fields = json!({ "email": address }).to_string();
        PersonRow { key: key(partner), version: 1, address: Some(address), fields }
    });
    store.store_persons(&persons).await.unwrap();
    store.create_shards(1).await.unwrap();
    let shard = store.take_shard(0, "engine", Duration::from_secs(60)).await.unwrap().unwrap();
    let commit =
        |commit_no: i64| ShardCommit { epoch: shard.epoch, commit_no, clock: Some(at(60)), ..ShardCommit::default() };
    let batch = ShardCommit {
        partners: ["a", "b"].map(|name| PartnerRow { key: key(name), hot: Vec::new(), days: None }).into(),
        messages: vec![
            message("m1", "a", "hello", "marketing", 10),
            message("m2", "a", "tip", "marketing", 50),
            message("m3", "b", "tip", "marketing", 50),
            message("s1", "a", "notice", "service", 55),
            message("q1", "b", "hello", "marketing", 58),
        ],
        conversions: vec![
            conversion("a", "before", 5, "approved", 1),
            conversion("a", "hello", 20, "paid", 100),
            conversion("a", "tip", 59, "pending", 200),
            conversion("a", "back", 60, "reversed", 400),
            conversion("a", "late", 50 + 49, "approved", 800),
            conversion("b", "none", 20, "approved", 1600),
        ],
        // Excepted at first, then drawn twice: the first draw counts.
        journeys: vec![
            journey("j1", "a", 4, false, None),
            journey("j2", "a", 6, false, Some(10.0)),
            journey("j3", "a", 30, true, Some(50.0)),
            journey("j4", "b", 10, true, Some(12.5)),
        ],
        responses: vec![
            response("a", "m1", Response::Reply),
            response("a", "m1", Response::Reply),
            response("a", "m2", Response::Unsubscribe),
            response("a", "m2", Response::Answer),
            response("a", "m2", Response::Click),
            response("a", "m2", Response::Click),
            // Names a mail of somebody else's.
            response("b", "m1", Response::Answer),
        ],
        ..commit(shard.commit_no)
    };
    assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
    let again = ShardCommit { responses: batch.responses.clone(), ..commit(shard.commit_no + 1) };
    assert_eq!(store.commit_shard(&again).await.unwrap(), Committed::Done);
    let did = store.responses_of(&key("a")).await.unwrap();
    let did: Vec<(&str, &str)> = did.iter().map(|row| (row.message.as_str(), row.what.code())).collect();
    assert_eq!(did, [("m1", "reply"), ("m2", "answer"), ("m2", "click"), ("m2", "unsubscribe")]);
    assert_eq!(store.responses_of(&key("b")).await.unwrap(), []);
    let verdict = |snapshot: &RecipientSnapshot| {
        let mut verdict = RecipientVerdict::default();
        for due in &snapshot.due {
            match due.message.id.as_str() {
                "m3" => verdict.defer.push(("m3".into(), at(56), "quiet_hours".into())),
                id if verdict.take.is_none() => verdict.take = Some(id.into()),
                _ => {}
            }
        }
        verdict
    };
    for (hours, id) in [(10, "m1"), (50, "m2"), (55, "s1")] {
        let request =
            ClaimRequest { mailer: "m".into(), now: at(hours), limit: 9, clock_at_least: at(60), burst: None };
        let attempts = store.claim(&request, &verdict).await.unwrap().attempts;
        assert_eq!(attempts.iter().map(|attempt| attempt.due.message.id.as_str()).collect::<Vec<_>>(), [id]);
        let settled = Settlement::Ended(ended(id, MessageState::Sent, hours));
        assert!(store.settle(&attempts[0], &settled).await.unwrap());
    }
    store.end_queued(&[ended("m3", MessageState::Suppressed, 57)]).await.unwrap();
    for (id, what, message) in [("1", "bounce.soft", "m2"), ("2", "bounce.hard", "m2"), ("3", "complaint", "m1")] {
        let row = FeedbackRow {
            id: id.into(),
            origin: "mail".into(),
            what: what.into(),
            address: None,
            message: Some(message.into()),
            workflow: Some("welcome".into()),
            at: at(71),
        };
        assert!(store.take_feedback(&[row], &[], &[]).await.unwrap());
    }
}

/// Each planned mail is in one place, each conversion that stands counts once, and only first draws are compared.
pub async fn mails_and_draws_are_measured(store: SqlStore) {
    played(&store).await;
    let period = Period {
        program: "shop".into(),
        from: at(0),
        until: at(100),
        within: SignedDuration::from_hours(48),
        now: at(56),
    };
    let told = |fate: &MailFate| {
        let what = [fate.bounced, fate.complained, fate.replied, fate.answered, fate.unsubscribed, fate.clicked];
        let (reason, deferred) = (fate.reason.as_deref().unwrap_or("-"), fate.deferred.as_deref().unwrap_or("-"));
        let (mail, kind, state) = (&fate.place.mail, &fate.place.kind, fate.state.code());
        format!("{mail} {kind} {state} {reason} {deferred} {} {what:?}", fate.mails)
    };
    let fates = store.mail_fates(&period).await.unwrap();
    let expected = [
        "hello marketing queued - - 1 [0, 0, 0, 0, 0, 0]",
        "hello marketing sent - - 1 [0, 1, 1, 0, 0, 0]",
        "notice service sent - - 1 [0, 0, 0, 0, 0, 0]",
        "tip marketing sent - - 1 [1, 0, 0, 1, 1, 1]",
        "tip marketing suppressed unsubscribe quiet_hours 1 [0, 0, 0, 0, 0, 0]",
    ];
    assert_eq!(fates.iter().map(told).collect::<Vec<_>>(), expected);

    let after = store.conversions_after(&period).await.unwrap();
    let after: Vec<_> = after.iter().map(|row| (row.place.mail.as_str(), row.conversions, row.revenue)).collect();
    assert_eq!(after, [("hello", 1, 100), ("tip", 1, 200)]);
    let later = Period { from: at(49), ..period.clone() };
    assert_eq!(store.conversions_after(&later).await.unwrap().len(), 1, "the earlier mail is of another period");

    let drawn = store.drawn(&period).await.unwrap();
    let told = |row: &Drawn| (row.share, row.held_out, row.is_over, row.conversions, row.revenue, row.partners);
    // From 6 to 54 a sold at 20; from 10 to 58 b did, and at 56 that time is not over.
    let expected = [(10.0, false, true, 1, 100, 1), (12.5, true, false, 1, 1600, 1)];
    assert_eq!(drawn.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(store.drawn(&later).await.unwrap(), []);
    let other = Period { program: "another".into(), ..period };
    assert!(store.mail_fates(&other).await.unwrap().is_empty() && store.drawn(&other).await.unwrap().is_empty());

    let mut removed = 0;
    for keep in Keep::all(400, &Retention::usual(400)) {
        removed += store.prune(at(24 * 401 + 71), keep).await.unwrap();
    }
    assert_eq!(removed, 3 + 5 + 3, "what counted for caps, was done and said");
    // Mails are kept longer than any report looks back, draws for good: a later one is only compared because it was the first.
    let removed =
        store.prune(at(24 * 431 + 71), Keep { class: Class::Data(DataClass::Mails), days: 430 }).await.unwrap();
    assert_eq!(removed, 3);
    assert_eq!(store.drawn(&period).await.unwrap().len(), 2);
}
