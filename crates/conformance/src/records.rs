//! The outbox, dead letters, definitions, and the checks of `doctor`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::sample::{
    LONG, Owner, assert_sound, at, claim_one, ended, journey, key, message, partner, prune, record, request, timer,
    waiting,
};
use rapport_engine::ports::keep::{Class, DataClass, Keep};
use rapport_engine::ports::operating::AuditRow;
use rapport_engine::ports::rows::{
    DeadLetterRow, DefinitionRow, JourneyRow, MessageRow, MessageState, OUTBOX_SOURCE, OutboxRow, RefusalRow,
    SignalRow, Target, TimerChange,
};
use rapport_engine::ports::store::{
    EndedMessage, FeedbackRow, RecipientSnapshot, RecipientVerdict, Resolution, Settlement, Store, SuppressionChange,
};
use rapport_engine::shard::health::REVIEWED;
use rapport_engine::story::Story;

/// Numbers increase in the order of adding; removed rows do not come back.
pub async fn the_outbox_is_read_in_order_and_emptied(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.commit(|batch| batch.outbox = vec![record("1"), record("2")]).await;
    store.add_outbox(&[record("3")]).await.unwrap();
    let rows = store.outbox(2).await.unwrap();
    assert_eq!(rows.iter().map(|row| &row.row).collect::<Vec<_>>(), [&record("1"), &record("2")]);
    assert!(rows[0].number < rows[1].number);
    assert_eq!(store.outstanding(at(0)).await.unwrap().outbox, 3);
    store.outbox_done(&rows.iter().map(|row| row.number).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(waiting(&store).await, ["3"]);
    store.outbox_done(&[]).await.unwrap();
    store.add_outbox(&[record("4")]).await.unwrap();
    let rest = store.outbox(9).await.unwrap();
    assert!(rest[0].number > rows[1].number && rest[1].number > rest[0].number);
}

/// Added again while it waits: once.
pub async fn a_waiting_record_is_not_doubled(store: Arc<dyn Store>) {
    store.add_outbox(&[record("1"), record("1")]).await.unwrap();
    store.add_outbox(&[record("1"), record("2")]).await.unwrap();
    store.add_outbox(&[]).await.unwrap();
    assert_eq!(waiting(&store).await, ["1", "2"]);
}

/// The ids and positions a relay is given.
async fn carried(store: &Arc<dyn Store>, epoch: i64, limit: usize) -> Vec<(String, i64)> {
    let rows = store.carry_outbox(epoch, Target::Events, limit).await.unwrap().expect("our epoch");
    rows.into_iter().map(|row| (row.row.event_id, row.position.expect("a position"))).collect()
}

fn placed(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter().map(|(id, position)| ((*id).to_owned(), *position)).collect()
}

/// Dense, in the order of adding, the same whoever asks again, and never given twice, also when rows go.
pub async fn positions_are_given_once_and_for_good(store: Arc<dyn Store>) {
    store.add_outbox(&[record("1"), record("2"), record("3")]).await.unwrap();
    assert!(store.outbox(9).await.unwrap().iter().all(|row| row.position.is_none()));
    let epoch = store.take_relay("relay-a", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(carried(&store, epoch, 2).await, placed(&[("1", 1), ("2", 2)]));
    let next = store.take_relay("relay-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(carried(&store, next, 9).await, placed(&[("1", 1), ("2", 2), ("3", 3)]));
    let numbers: Vec<i64> = store.outbox(9).await.unwrap().iter().map(|row| row.number).collect();
    // In the middle, as two relays that take turns may leave it.
    store.outbox_done(&numbers[1..]).await.unwrap();
    store.add_outbox(&[record("3"), record("4")]).await.unwrap();
    assert_eq!(carried(&store, next, 9).await, placed(&[("1", 1), ("3", 4), ("4", 5)]));
    store.outbox_done(&store.outbox(9).await.unwrap().iter().map(|row| row.number).collect::<Vec<_>>()).await.unwrap();
    store.add_outbox(&[record("5")]).await.unwrap();
    assert_eq!(carried(&store, next, 9).await, placed(&[("5", 6)]));
}

/// With an epoch that is not the relay's any more nothing is read, and no position is given.
pub async fn a_fenced_relay_is_given_nothing(store: Arc<dyn Store>) {
    store.add_outbox(&[record("1")]).await.unwrap();
    let old = store.take_relay("relay-a", Duration::ZERO).await.unwrap().unwrap();
    let again = store.take_relay("relay-a", LONG).await.unwrap().expect("its own");
    assert!(again > old);
    assert_eq!(store.carry_outbox(old, Target::Events, 9).await.unwrap(), None);
    assert_eq!(store.outbox(9).await.unwrap()[0].position, None);
    assert_eq!(carried(&store, again, 9).await, placed(&[("1", 1)]));
}

/// One that carries keeps the outbox; one that is silent loses it.
pub async fn a_relay_takes_over_from_a_silent_one(store: Arc<dyn Store>) {
    let first = store.take_relay("relay-a", LONG).await.unwrap().expect("nobody has it");
    assert_eq!(store.take_relay("relay-b", LONG).await.unwrap(), None);
    assert_eq!(store.carry_outbox(first, Target::Events, 9).await.unwrap(), Some(vec![]));
    let over = store.take_relay("relay-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(over, first + 1);
    assert_eq!(store.carry_outbox(first, Target::Events, 9).await.unwrap(), None);
}

/// What waits for one target does not show at the other.
pub async fn targets_are_carried_apart(store: Arc<dyn Store>) {
    let signal = OutboxRow { target: Target::Signals, ..record("signal") };
    assert!(!store.outbox_waits(Target::Signals).await.unwrap());
    store.add_outbox(&[signal.clone(), record("1")]).await.unwrap();
    assert!(store.outbox_waits(Target::Signals).await.unwrap() && store.outbox_waits(Target::Events).await.unwrap());
    let epoch = store.take_relay("relay-a", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(carried(&store, epoch, 9).await, placed(&[("1", 2)]));
    let signals = store.carry_outbox(epoch, Target::Signals, 9).await.unwrap().unwrap();
    assert_eq!(signals.iter().map(|row| (&row.row, row.position)).collect::<Vec<_>>(), [(&signal, Some(1))]);
    store.outbox_done(&[signals[0].number]).await.unwrap();
    assert!(!store.outbox_waits(Target::Signals).await.unwrap());
}

/// Out of the outbox and among the dead letters, in one step; told again it changes nothing.
pub async fn a_record_set_aside_is_a_dead_letter(store: Arc<dyn Store>) {
    store.add_outbox(&[record("1"), record("2")]).await.unwrap();
    let number = store.outbox(1).await.unwrap()[0].number;
    let letter = DeadLetterRow {
        source: OUTBOX_SOURCE.into(),
        partition: 0,
        offset: 1,
        code: "record_too_large".into(),
        detail: "1 for events".into(),
        raw: b"1".to_vec(),
        headers: "{}".into(),
        at: at(1),
        replayed_at: None,
    };
    store.set_aside(number, &letter).await.unwrap();
    store.set_aside(number, &letter).await.unwrap();
    assert_eq!(waiting(&store).await, ["2"]);
    assert_eq!(store.list_dead_letters(Some("record_too_large"), 9).await.unwrap(), [letter]);
}

/// A source record read twice is one dead letter; only its replay is noted.
pub async fn dead_letters_stay_as_first_written(store: Arc<dyn Store>) {
    let letter = |offset, code: &str, minutes| DeadLetterRow {
        source: "conversions".into(),
        partition: 2,
        offset,
        code: code.into(),
        detail: "line 1: é".into(),
        raw: vec![0xff, 0, 1],
        headers: "[]".into(),
        at: at(minutes),
        replayed_at: None,
    };
    let written = [letter(1, "bad_json", 1), letter(2, "too_old", 2)];
    store.dead_letters(&written).await.unwrap();
    store.dead_letters(&[letter(1, "other", 9), letter(1, "another", 9)]).await.unwrap();
    store.dead_letters(&[]).await.unwrap();
    let mut newest_first = written.to_vec();
    newest_first.reverse();
    assert_eq!(store.list_dead_letters(None, 9).await.unwrap(), newest_first);
    assert_eq!(store.list_dead_letters(Some("bad_json"), 9).await.unwrap(), written[..1]);
    assert_eq!(store.list_dead_letters(None, 1).await.unwrap(), written[1..]);
    store.dead_letter_replayed("conversions", 2, 1, at(20)).await.unwrap();
    assert_eq!(store.list_dead_letters(Some("bad_json"), 9).await.unwrap()[0].replayed_at, Some(at(20)));
    // What was replayed is passed over, however little is asked for at a time.
    store.dead_letters(&[letter(4, "bad_json", 1), letter(3, "too_old", 3)]).await.unwrap();
    let (mut open, mut after) = (Vec::new(), None);
    while let Some(next) = store.open_dead_letters(None, after.as_ref(), 1).await.unwrap().pop() {
        open.push(next.offset);
        after = Some(next);
    }
    assert_eq!(open, [4, 2, 3]);
    let of_a_code = store.open_dead_letters(Some("too_old"), None, 9).await.unwrap();
    assert_eq!(of_a_code.iter().map(|row| row.offset).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(store.dead_letter("conversions", 2, 2).await.unwrap().as_ref(), Some(&written[1]));
    assert_eq!(store.dead_letter("conversions", 1, 2).await.unwrap(), None);
    let between = store.dead_letters_between("conversions", 2, 1, 3).await.unwrap();
    assert_eq!(between.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([(1, true), (2, false), (3, false)]));
    assert_eq!(store.dead_letters_between("conversions", 1, 0, 9).await.unwrap(), []);
    let huge = DeadLetterRow { raw: vec![7; 3 << 20], ..letter(5, "too_large", 3) };
    store.dead_letters(&[huge]).await.unwrap();
    assert_eq!(store.list_dead_letters(Some("too_large"), 1).await.unwrap()[0].raw.len(), 1 << 20);
}

/// A file can be read in again after years, and its refused lines are known by their dead letters: those lose what they held, not
/// their place.
pub async fn refused_lines_of_files_are_known_for_ever(store: Arc<dyn Store>) {
    let letter = |source: &str, raw: &[u8]| DeadLetterRow {
        source: source.into(),
        partition: 0,
        offset: 3,
        code: "unknown_kind".into(),
        detail: "`bonus.paid`".into(),
        raw: raw.to_vec(),
        headers: r#"{"a":"b"}"#.into(),
        at: at(0),
        replayed_at: None,
    };
    store.dead_letters(&[letter("conversions", b"{}"), letter("file:0f", b"{}")]).await.unwrap();
    let month = 31 * 24 * 60;
    assert_eq!(prune(&store, at(month), 400).await, 2);
    assert_eq!(prune(&store, at(month), 400).await, 0);
    let kept = DeadLetterRow { headers: "{}".into(), detail: String::new(), ..letter("file:0f", b"") };
    assert_eq!(store.list_dead_letters(None, 9).await.unwrap(), [kept]);
    assert_eq!(store.dead_letters_between("file:0f", 0, 0, i64::MAX).await.unwrap(), [(3, false)]);
    assert_eq!(store.open_dead_letters(None, None, 9).await.unwrap(), [], "there is nothing to read again");
}

/// The newest is the one applied last, also when it was applied before.
pub async fn definitions_follow_each_other(store: Arc<dyn Store>) {
    assert_eq!(store.current_definition().await.unwrap(), None);
    assert_eq!(store.current_definition_hash().await.unwrap(), None);
    let definition = |hash: &str, minutes| DefinitionRow {
        hash: hash.into(),
        sources: r#"{"workflows/welcome/workflow.yaml":"on: …"}"#.into(),
        deployed: "{}".into(),
        applied_at: at(minutes),
        applied_by: "ops".into(),
    };
    let mut previous: Option<&str> = None;
    for (hash, minutes) in [("one", 1), ("two", 2), ("one", 3)] {
        let audit = AuditRow::done("apply", hash, "ops", at(minutes));
        let told = [record(&format!("applied-{minutes}"))];
        let stale = Some("another");
        assert!(!store.apply_definition(&definition(hash, minutes), stale, &audit, &told).await.unwrap());
        assert!(store.apply_definition(&definition(hash, minutes), previous, &audit, &told).await.unwrap());
        previous = Some(hash);
    }
    assert_eq!(store.audits("apply", 9).await.unwrap().len(), 3);
    assert_eq!(store.current_definition().await.unwrap(), Some(definition("one", 3)));
    assert_eq!(store.current_definition_hash().await.unwrap().as_deref(), Some("one"));
    assert_eq!(store.definition_hashes().await.unwrap(), ["one", "two"]);
    assert_eq!(store.definition("two").await.unwrap(), Some(definition("two", 2)));
    assert_eq!(store.definition("three").await.unwrap(), None);
    assert_eq!(waiting(&store).await, ["applied-1", "applied-2", "applied-3"]);
}

/// Everything at work, nothing broken.
pub async fn sound_data_breaks_no_invariant(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    owner
        .commit(|batch| {
            batch.partners.push(partner("b"));
            batch.journeys.push(journey("waiting", "b"));
            batch.timers.push(TimerChange::Set(timer("b", "journey:waiting", 60)));
        })
        .await;
    assert_sound(&store).await;
}

/// A journey that waits for nothing, one entered twice, a timer of nobody.
pub async fn broken_data_is_found(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.partners.push(partner("a"));
            let twice = |id: &str| rapport_engine::ports::rows::JourneyRow {
                body: r#"{"key":"k"}"#.into(),
                ..journey(id, "a")
            };
            batch.journeys = vec![twice("1"), twice("2")];
            batch.timers.push(TimerChange::Set(timer("a", "journey:1", 9)));
            batch.timers.push(TimerChange::Set(timer("a", "journey:gone", 9)));
        })
        .await;
    let mut broken: Vec<_> =
        store.check_invariants().await.unwrap().into_iter().filter(|(_, rows)| *rows != 0).collect();
    broken.sort();
    let expected = [
        ("active_journeys_wait_for_something".to_owned(), 1),
        ("one_active_journey_per_workflow_and_key".to_owned(), 1),
        ("timers_belong_to_active_journeys".to_owned(), 1),
    ];
    assert_eq!(broken, expected);
}

/// Old ids go, young ones stay, by the shard's clock.
pub async fn pruning_keeps_what_is_needed(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let days = 24 * 60;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    for (minute, id) in [(0, 1), (2 * days, 2)] {
        owner
            .commit(|batch| {
                batch.clock = Some(at(minute));
                batch.ids = vec![(at(minute), vec![id])];
            })
            .await;
    }
    assert_eq!(prune(&store, at(2 * days), 400).await, 1);
    assert_eq!(prune(&store, at(2 * days), 400).await, 0);
    assert_eq!(store.recent_ids(0, at(0)).await.unwrap(), [(at(2 * days), vec![2])]);
    assert_eq!(claim_one(&store, "mailer", 2 * days).await.due.message.id, "m");
}

/// What is past the keep of one class goes, whatever its age is in others; what stops mail never goes.
pub async fn a_class_is_removed_alone_and_once(store: Arc<dyn Store>) {
    let letter = DeadLetterRow {
        source: "conversions".into(),
        partition: 0,
        offset: 3,
        code: "unknown_kind".into(),
        detail: String::new(),
        raw: b"{}".to_vec(),
        headers: "{}".into(),
        at: at(0),
        replayed_at: None,
    };
    let report = FeedbackRow {
        id: "r1".into(),
        origin: "mail".into(),
        what: "bounce.soft".into(),
        address: Some("hash-of-a".into()),
        message: None,
        workflow: None,
        at: at(0),
    };
    let stop = SuppressionChange::add("a@x.example", None, "hard_bounce", at(0));
    store.dead_letters(&[letter]).await.unwrap();
    assert!(store.take_feedback(&[report], &[stop], &[]).await.unwrap());
    let counted = async || store.feedback_count("hash-of-a", "bounce.soft", at(0)).await.unwrap();
    let day = 24 * 60;
    let letters = Keep { class: Class::Data(DataClass::DeadLetters), days: 7 };
    let feedback = Keep { class: Class::Data(DataClass::Feedback), days: 28 };
    assert_eq!(store.prune(at(7 * day), letters).await.unwrap(), 0, "its last day");
    assert_eq!(store.prune(at(99 * day), letters).await.unwrap(), 1);
    assert_eq!(store.prune(at(99 * day), letters).await.unwrap(), 0);
    assert_eq!(counted().await, 1, "another class");
    assert_eq!(store.prune(at(28 * day), feedback).await.unwrap(), 0);
    assert_eq!(store.prune(at(99 * day), feedback).await.unwrap(), 1);
    assert_eq!(counted().await, 0);
    assert_eq!(prune(&store, at(9_999 * day), 400).await, 0);
    assert_eq!(store.suppressions("a@x.example").await.unwrap(), [(None, "hard_bounce".into())]);
}

/// Whom a notice reached is asked for years: that it came back is no report that is forgotten.
pub async fn that_a_notice_came_back_stays(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let notice = MessageRow { kind: "service".into(), ..message("notice", "a", 0) };
    owner.plan("a", vec![notice, message("news", "a", 0)]).await;
    let report = |id: &str, what: &str, message: &str| FeedbackRow {
        id: id.into(),
        origin: "mail".into(),
        what: what.into(),
        address: Some("hash-of-a".into()),
        message: Some(message.into()),
        workflow: Some("welcome".into()),
        at: at(0),
    };
    let reports = [
        report("r1", "bounce.soft", "notice"),
        report("r2", "complaint", "notice"),
        report("r3", "bounce.soft", "news"),
        report("r4", "bounce.soft", "of nobody"),
    ];
    assert!(store.take_feedback(&reports, &[], &[]).await.unwrap());
    let feedback = Keep { class: Class::Data(DataClass::Feedback), days: 28 };
    assert_eq!(store.prune(at(99 * 24 * 60), feedback).await.unwrap(), 3);
    assert_eq!(store.prune(at(99 * 24 * 60), feedback).await.unwrap(), 0);
    assert_eq!(store.feedback_count("hash-of-a", "bounce.soft", at(0)).await.unwrap(), 1);
    assert_eq!(store.feedback_count("hash-of-a", "complaint", at(0)).await.unwrap(), 0);
}

/// What held at any instant of the history can be asked: older reviews go, but for the last before it.
pub async fn pruning_keeps_the_history_of_health(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let days = 24 * 60;
    let review = |partner: &str, day: i64| SignalRow {
        id: format!("{partner}:{day}"),
        key: key(partner),
        kind: REVIEWED.into(),
        occurred_at: at(day * days),
        ended_at: None,
        payload: "{}".into(),
    };
    let kept = [("a", 10), ("a", 20), ("a", 30), ("b", 10), ("a", 70), ("b", 75)];
    owner
        .commit(|batch| {
            batch.partners = vec![partner("a"), partner("b")];
            batch.signals = kept.iter().map(|(partner, day)| review(partner, *day)).collect();
            batch.signals.push(SignalRow { id: "dip".into(), kind: "dip.conversions".into(), ..review("a", 5) });
        })
        .await;
    assert_eq!(prune(&store, at(90 * days), 40).await, 2);
    assert_eq!(prune(&store, at(90 * days), 40).await, 0);
    let ids = |story: Option<Story>| story.unwrap().signals.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(store.story(&key("a")).await.unwrap()), ["dip", "a:30", "a:70"]);
    assert_eq!(ids(store.story(&key("b")).await.unwrap()), ["b:10", "b:75"]);
}

/// Marketing mails that are over go, with what they said. What is open in any way stays, and so does what must be shown for years.
pub async fn mails_that_are_over_go(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let service = MessageRow { kind: "service".into(), ..message("notice", "a", 0) };
    let ids = ["sent", "dropped", "refused", "doubtful", "told along", "of an open journey"];
    let mut mails: Vec<MessageRow> = ids.iter().map(|id| message(id, "a", 0)).collect();
    mails.extend([service, message("waiting", "a", 9_999_999)]);
    let journeys: Vec<String> = mails.iter().map(|mail| mail.journey.clone()).collect();
    owner.plan("a", mails).await;
    // In hand one after the other, by id; a digest of which nobody knows whether it left tells of another mail.
    let take = |id: &'static str, along: &'static [&'static str]| {
        move |snapshot: &RecipientSnapshot| RecipientVerdict {
            take: snapshot.due.iter().any(|due| due.message.id == id).then(|| id.to_owned()),
            along: along.iter().map(|&id| id.to_owned()).collect(),
            ..RecipientVerdict::default()
        }
    };
    let ends: [(&'static str, &'static [&'static str], MessageState); 5] = [
        ("sent", &[], MessageState::Sent),
        ("notice", &[], MessageState::Sent),
        ("refused", &[], MessageState::Failed),
        ("doubtful", &["told along"], MessageState::InDoubt),
        ("of an open journey", &[], MessageState::Sent),
    ];
    for (id, along, state) in ends {
        let attempts = store.claim(&request("mailer", 1), &take(id, along)).await.unwrap().attempts;
        assert_eq!(attempts.len(), 1, "{id}");
        let in_digest = |id: &&str| EndedMessage { reason: "in_digest".into(), ..ended(id, MessageState::Suppressed) };
        let settled = EndedMessage { along: along.iter().map(in_digest).collect(), ..ended(id, state) };
        assert!(store.settle(&attempts[0], &Settlement::Ended(settled)).await.unwrap());
    }
    store.end_queued(&[ended("dropped", MessageState::Suppressed)]).await.unwrap();
    owner
        .commit(|batch| {
            let over =
                journeys.iter().filter(|id| !["journey-of an open journey", "journey-waiting"].contains(&id.as_str()));
            let over = over.map(|id| JourneyRow { exited: Some((at(6), "completed".into())), ..journey(id, "a") });
            batch.journeys = over.collect();
        })
        .await;
    let day = 24 * 60;
    let mails = Keep { class: Class::Data(DataClass::Mails), days: 401 };
    assert_eq!(store.prune(at(401 * day), mails).await.unwrap(), 0, "their last day");
    assert_eq!(store.prune(at(402 * day), mails).await.unwrap(), 1, "caps still count what was sent");
    let counted = Keep { class: Class::Data(DataClass::CountedMails), days: 60 };
    store.prune(at(402 * day), counted).await.unwrap();
    assert_eq!(store.prune(at(402 * day), mails).await.unwrap(), 1);
    assert_eq!(store.prune(at(402 * day), mails).await.unwrap(), 0);
    let story = store.story(&key("a")).await.unwrap().unwrap();
    let left: BTreeSet<&str> = story.messages.iter().map(|told| told.message.id.as_str()).collect();
    let expected = ["doubtful", "notice", "of an open journey", "refused", "told along", "waiting"];
    assert_eq!(left, BTreeSet::from(expected));
    assert_eq!(store.message("sent").await.unwrap(), None);
    assert_eq!(story.journeys.len(), journeys.len(), "`once` and the draws of a holdout go by them");
    // Who resolves the doubt sends all of the digest again.
    let doubtful = store.doubtful(10).await.unwrap().remove(0);
    let again = Resolution::SendAgain { due: at(20), expires: at(50), reason: "kari wants it".into() };
    assert!(store.resolve(&doubtful, &again).await.unwrap());
    let verdict = take("doubtful", &["told along"]);
    let attempts = store.claim(&request("mailer", 20), &verdict).await.unwrap().attempts;
    let along: Vec<&str> = attempts[0].along.iter().map(|due| due.message.id.as_str()).collect();
    assert_eq!(along, ["told along"]);
}

/// What a journey that is over was let in by and went through goes in time, and why somebody was refused; that it was stays.
pub async fn explanations_go_and_journeys_stay(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let body = r#"{"drawn":12.5,"evidence":[{"text":"a"}],"history":[{"code":"began"},{"code":"planned","step":"hello"}],"key":"k"}"#;
    let bare = r#"{"drawn":12.5,"evidence":[],"history":[{"code":"planned","step":"hello"}],"key":"k"}"#;
    let row = |id: &str, exited: Option<i64>| JourneyRow {
        exited: exited.map(|minutes| (at(minutes), "completed".into())),
        body: body.replace("\"k\"", &format!("\"{id}\"")),
        ..journey(id, "a")
    };
    let day = 24 * 60;
    let refusal = |workflow: &str, minutes: i64| RefusalRow {
        key: key("a"),
        workflow: workflow.into(),
        at: at(minutes),
        code: "once".into(),
        clauses: "[]".into(),
    };
    owner
        .commit(|batch| {
            batch.partners = vec![partner("a")];
            batch.journeys = vec![row("old", Some(5)), row("new", Some(50 * day)), row("open", None)];
            batch.refusals = vec![refusal("welcome", 0), refusal("tips", 50 * day)];
        })
        .await;
    let explanations = Keep { class: Class::Data(DataClass::Explanations), days: 28 };
    assert_eq!(store.prune(at(28 * day + 1), explanations).await.unwrap(), 1, "a refusal; the journey ended later");
    assert_eq!(store.prune(at(60 * day), explanations).await.unwrap(), 1);
    assert_eq!(store.prune(at(60 * day), explanations).await.unwrap(), 0);
    let bodies = async || {
        let story = store.story(&key("a")).await.unwrap().unwrap();
        let refused: Vec<String> = story.refusals.into_iter().map(|row| row.workflow).collect();
        assert_eq!(refused, ["tips"]);
        let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        story.journeys.into_iter().map(|row| (row.id, parsed(&row.body))).collect::<BTreeMap<_, _>>()
    };
    let told = |text: &str, id: &str| -> serde_json::Value {
        serde_json::from_str(&text.replace("\"k\"", &format!("\"{id}\""))).unwrap()
    };
    let expected = [("new", told(body, "new")), ("old", told(bare, "old")), ("open", told(body, "open"))];
    assert_eq!(bodies().await, BTreeMap::from(expected.map(|(id, body)| (id.to_owned(), body))));
    // One that its shard writes again has its explanation again, and its turn.
    owner.commit(|batch| batch.journeys = vec![row("old", Some(5))]).await;
    assert_eq!(bodies().await["old"], told(body, "old"));
    assert_eq!(store.prune(at(60 * day), explanations).await.unwrap(), 1);
    assert_eq!(bodies().await["old"], told(bare, "old"));
}

/// What the demo and `doctor` print.
pub async fn numbers_for_summaries(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    owner.commit(|batch| batch.cancels = vec![("n".into(), "goal_met".into())]).await;
    let counts = store.counts().await.unwrap();
    let expected = [
        ("conversions", 0),
        ("journeys/welcome", 2),
        ("messages/welcome/cancelled", 1),
        ("messages/welcome/queued", 1),
        ("not_sent/goal_met", 1),
        ("partners", 1),
        ("tasks", 0),
    ];
    assert_eq!(counts.iter().map(|(name, rows)| (name.as_str(), *rows)).collect::<Vec<_>>(), expected);
}
