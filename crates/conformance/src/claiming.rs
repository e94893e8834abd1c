//! Who may take which recipient's mail, and what the policy is shown.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::SignedDuration;
use rapport_contact::Kind;

use crate::sample::{
    LONG, Owner, assert_sound, at, claim, claim_one, ended, journey, key, message, partner, person, prune, record,
    request, send_first, state, timer, waiting,
};
use rapport_engine::ports::copies::SentCopy;
use rapport_engine::ports::rows::{
    HoldRow, JourneyRow, MessageRow, MessageState, OutboxRow, ShardCommit, Target, TimerChange,
};
use rapport_engine::ports::store::{
    ClaimRequest, Committed, FeedbackRow, Holder, RecipientSnapshot, RecipientVerdict, Settlement, Store, StoreError,
    SuppressionChange,
};

/// What the policy is shown of every recipient, and nothing decided.
async fn shown(store: &Arc<dyn Store>, request: &ClaimRequest) -> Vec<RecipientSnapshot> {
    let shown = Mutex::new(Vec::new());
    let look = |snapshot: &RecipientSnapshot| {
        shown.lock().unwrap().push(snapshot.clone());
        RecipientVerdict::default()
    };
    assert_eq!(store.claim(request, &look).await.unwrap().looked_at, 0);
    shown.into_inner().unwrap()
}

/// Two partners, one address: the second mail waits until the first is settled, and the policy then sees it.
pub async fn one_recipient_has_one_attempt_at_a_time(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    let first = claim_one(&store, "mailer-1", 1).await;
    assert!(claim(&store, "mailer-2", 1).await.is_empty());
    assert!(store.settle(&first, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    let snapshots = shown(&store, &request("mailer-2", 10)).await;
    assert_eq!(snapshots[0].accepted, [(at(5), Kind::Marketing)]);
    assert_eq!(claim_one(&store, "mailer-2", 10).await.due.message.id, "n");
    assert_sound(&store).await;
}

/// Many mailers at once: every recipient is taken exactly once, and none is left.
pub async fn two_claimers_never_take_the_same_recipient(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let names: Vec<_> = (0..40).map(|number| format!("p{number}")).collect();
    for name in &names {
        owner.plan(name, vec![message(&format!("{name}-1"), name, 0), message(&format!("{name}-2"), name, 0)]).await;
    }
    let claimers = (0..4).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut taken = Vec::new();
            let request = ClaimRequest { limit: 3, ..request(&format!("mailer-{number}"), 1) };
            // A round without a catch may only mean that another claimer holds the rest just now.
            let mut idle = 0;
            while idle < 50 {
                let claimed = store.claim(&request, &send_first).await.unwrap();
                idle = if claimed.attempts.is_empty() { idle + 1 } else { 0 };
                taken.extend(claimed.attempts);
            }
            taken
        })
    });
    let taken: Vec<_> =
        futures::future::join_all(claimers).await.into_iter().flat_map(|taken| taken.unwrap()).collect();
    let addresses: BTreeSet<_> = taken.iter().map(|attempt| attempt.address.clone()).collect();
    assert_eq!((taken.len(), addresses.len()), (names.len(), names.len()));
    assert_sound(&store).await;
}

/// A stop and a claim at the same moment: the message is either cancelled or in hand, and the claimer knows which.
pub async fn cancelling_and_claiming_agree(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for round in 0..20 {
        let (name, id) = (format!("p{round}"), format!("m{round}"));
        owner.plan(&name, vec![message(&id, &name, 0)]).await;
        let mut batch = owner.batch();
        batch.cancels = vec![(id.clone(), "goal_met".into())];
        let claiming = request("mailer", 1);
        let (committed, claimed) = tokio::join!(store.commit_shard(&batch), store.claim(&claiming, &send_first));
        let _ = committed.unwrap();
        owner.commit_no += 1;
        let in_hand = claimed.unwrap().attempts.iter().any(|attempt| attempt.due.message.id == id);
        let expected = if in_hand { MessageState::Attempting } else { MessageState::Cancelled };
        assert_eq!(state(&store, &name, &id).await.0, expected);
    }
    assert_sound(&store).await;
}

/// Accepted and in-doubt mail counts, failed mail does not; what is long past is not shown.
pub async fn accepted_mail_is_shown_to_the_policy(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let service = MessageRow { kind: "service".into(), ..message("s", "a", 0) };
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0), service]).await;
    for end in [MessageState::Sent, MessageState::Failed, MessageState::InDoubt] {
        let attempt = claim_one(&store, "mailer", 1).await;
        assert!(store.settle(&attempt, &Settlement::Ended(ended(&attempt.due.message.id, end))).await.unwrap());
    }
    owner.commit(|batch| batch.messages.push(message("later", "a", 9))).await;
    let snapshots = shown(&store, &request("mailer", 10)).await;
    assert_eq!(snapshots[0].accepted, [(at(5), Kind::Marketing), (at(5), Kind::Service)]);
    // Longer than a month, which is what a partner's own pace asks for.
    let week = 7 * 24 * 60;
    owner.commit(|batch| batch.cancels.push(("later".into(), "goal_met".into()))).await;
    owner.commit(|batch| batch.messages.push(message("within", "a", 4 * week))).await;
    assert_eq!(shown(&store, &request("mailer", 4 * week)).await[0].accepted.len(), 2);
    owner.commit(|batch| batch.cancels.push(("within".into(), "goal_met".into()))).await;
    owner.commit(|batch| batch.messages.push(message("last", "a", 5 * week))).await;
    assert_eq!(shown(&store, &request("mailer", 5 * week)).await[0].accepted, []);
}

/// Put back because nobody knew, and nobody took it again: what its mailer hears after all ends it, where it went, and counts there.
pub async fn a_late_250_ends_a_mail_that_was_put_back(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    let back = Settlement::Requeue { due: at(30), reason: "mailer_lost".into() };
    assert!(store.settle(&attempt, &back).await.unwrap());
    store
        .store_persons(&[person("a", 2, Some("elsewhere@x.example")), person("b", 1, Some("a@x.example"))])
        .await
        .unwrap();
    owner.commit(|batch| batch.readdressed.push(key("a"))).await;
    for other in [MessageState::Failed, MessageState::InDoubt] {
        assert!(!store.settle(&attempt, &Settlement::Ended(ended("m", other))).await.unwrap());
    }
    let sent = Settlement::Ended(ended("m", MessageState::Sent));
    assert!(store.settle(&attempt, &sent).await.unwrap());
    assert!(!store.settle(&attempt, &sent).await.unwrap());
    assert!(!store.settle(&attempt, &back).await.unwrap());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Sent, Some("because".into())));
    assert_eq!(waiting(&store).await, ["m/sent"]);
    assert!(claim(&store, "mailer", 40).await.is_empty());
    owner
        .commit(|batch| {
            batch.partners.push(partner("b"));
            batch.journeys.push(journey("journey-n", "b"));
            batch.messages.push(message("n", "b", 0));
        })
        .await;
    let snapshots = shown(&store, &request("mailer", 10)).await;
    assert_eq!(snapshots[0].accepted, [(at(5), Kind::Marketing)], "counted where it went");
    assert_sound(&store).await;
}

/// Higher priority first, then the older, then the smaller id.
pub async fn due_mail_comes_by_priority(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let urgent = MessageRow { priority: 1, ..message("urgent", "a", 5) };
    owner.plan("a", vec![message("y", "a", 1), message("x", "a", 1), message("old", "a", 0), urgent]).await;
    owner.commit(|batch| batch.messages.push(message("future", "a", 50))).await;
    let snapshots = shown(&store, &request("mailer", 10)).await;
    let due: Vec<_> = snapshots[0].due.iter().map(|due| due.message.id.as_str()).collect();
    assert_eq!(due, ["urgent", "old", "x", "y"]);
}

/// A policy that ends copies and takes what is none.
fn one_copy(snapshot: &RecipientSnapshot) -> RecipientVerdict {
    let mut verdict = RecipientVerdict::default();
    for due in &snapshot.due {
        let id = &due.message.id;
        if snapshot.copies.iter().any(|sent| sent.is_of(&due.message)) {
            verdict.end.push(ended(id, MessageState::Suppressed));
        } else {
            verdict.take = Some(id.clone());
            break;
        }
    }
    verdict
}

/// Sends until nothing is left; the first attempt of each message is put back. Returns what was sent.
async fn send_one_copy(store: Arc<dyn Store>, number: usize) -> Vec<String> {
    let request = request(&format!("mailer-{number}"), 1);
    let mut sent = Vec::new();
    loop {
        let claimed = match store.claim(&request, &one_copy).await {
            Ok(claimed) => claimed,
            Err(StoreError::Unavailable(_)) => continue,
            Err(error) => panic!("{error}"),
        };
        for attempt in &claimed.attempts {
            let id = &attempt.due.message.id;
            let settlement = if attempt.attempt == 1 {
                Settlement::Requeue { due: at(1), reason: "451".into() }
            } else {
                sent.push(id.clone());
                Settlement::Ended(ended(id, MessageState::Sent))
            };
            let settled = loop {
                match store.settle(attempt, &settlement).await {
                    Err(StoreError::Unavailable(_)) => {}
                    settled => break settled.unwrap(),
                }
            };
            assert!(settled);
        }
        if claimed.looked_at == 0 && store.outstanding(at(100)).await.unwrap().messages == 0 {
            return sent;
        }
    }
}

/// Many partners with one address, and many mailers: the policy is shown which mail was accepted and whose it was, so one copy leaves.
/// What was put back was accepted by nobody.
pub async fn one_copy_leaves_for_an_address(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let names: Vec<String> = (0..6).map(|number| format!("p{number}")).collect();
    let shared = |name: &str| person(name, 1, Some("shared@x.example"));
    store.store_persons(&names.iter().map(|name| shared(name)).collect::<Vec<_>>()).await.unwrap();
    let planned = |id: &str, name: &str| MessageRow {
        context: r#"{"values":{},"round":"issue-2026-12-01"}"#.into(),
        ..message(id, name, 0)
    };
    owner
        .commit(|batch| {
            for name in &names {
                let row = planned(&format!("m-{name}"), name);
                batch.partners.push(partner(name));
                batch.journeys.push(journey(&row.journey, name));
                batch.messages.push(row);
            }
        })
        .await;
    let mailers = (0..3).map(|number| tokio::spawn(send_one_copy(Arc::clone(&store), number)));
    let mut sent = Vec::new();
    for mailer in mailers.collect::<Vec<_>>() {
        sent.extend(mailer.await.unwrap());
    }
    assert_eq!(sent.len(), 1, "{sent:?}");
    for name in &names {
        let id = format!("m-{name}");
        let expected = if sent[0] == id { MessageState::Sent } else { MessageState::Suppressed };
        assert_eq!(state(&store, name, &id).await.0, expected, "{id}");
    }
    store.store_persons(&[shared("late")]).await.unwrap();
    owner
        .commit(|batch| {
            let row = planned("m-late", "late");
            batch.partners.push(partner("late"));
            batch.journeys.push(journey(&row.journey, "late"));
            batch.messages.push(row);
        })
        .await;
    let copy = SentCopy {
        at: at(5),
        key: key(sent[0].trim_start_matches("m-")),
        workflow: "welcome".into(),
        mail: "hello".into(),
        round: "issue-2026-12-01".into(),
    };
    assert_eq!(shown(&store, &request("mailer", 10)).await[0].copies, [copy]);
    assert_sound(&store).await;
}

/// As long as a shard has yet to come to the present, whose mail is due there nobody knows. Live nobody asks.
pub async fn a_replay_is_told_who_shares_an_address(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    owner.plan("b", vec![message("n", "b", 0)]).await;
    store.store_persons(&[person("c", 1, Some("a@x.example"))]).await.unwrap();
    let awaiting = async |now| {
        let snapshots = shown(&store, &request("mailer", now)).await;
        let awaiting = snapshots.into_iter().filter(|snapshot| snapshot.awaits_others);
        awaiting.map(|snapshot| snapshot.address).collect::<Vec<_>>()
    };
    assert_eq!(awaiting(0).await, ["a@x.example"]);
    assert!(awaiting(1).await.is_empty(), "live");
    let row = store.take_shard(1, "engine-b", LONG).await.unwrap().unwrap();
    let batch = ShardCommit {
        shard: 1,
        epoch: row.epoch,
        commit_no: row.commit_no,
        clock: Some(at(0)),
        ..ShardCommit::default()
    };
    assert_eq!(store.commit_shard(&batch).await.unwrap(), Committed::Done);
    assert!(awaiting(0).await.is_empty());
}

/// Nothing leaves on stale knowledge; mail of other shards to the same address does.
pub async fn mail_of_a_shard_behind_is_not_claimable(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let other = MessageRow { shard: 1, ..message("other", "a", 0) };
    owner.plan("a", vec![message("m", "a", 0), other]).await;
    let fresh = ClaimRequest { clock_at_least: at(1), ..request("mailer", 1) };
    assert_eq!(store.claim(&fresh, &send_first).await.unwrap().looked_at, 0);
    owner.commit(|batch| batch.clock = Some(at(1))).await;
    let snapshots = shown(&store, &fresh).await;
    assert_eq!(snapshots[0].due.len(), 1);
    assert_eq!(store.claim(&fresh, &send_first).await.unwrap().attempts[0].due.message.id, "m");
}

/// For everything and for a topic; saying it again changes nothing.
pub async fn suppressions_are_shown_by_topic(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    for topic in [Some("tips"), None, None] {
        store
            .change_suppressions(&[SuppressionChange::add("a@x.example", topic, "unsubscribed", at(0))], &[])
            .await
            .unwrap();
    }
    store.change_suppressions(&[SuppressionChange::add("b@x.example", None, "hard_bounce", at(0))], &[]).await.unwrap();
    let mut suppressions = shown(&store, &request("mailer", 1)).await.remove(0).suppressions;
    suppressions.sort();
    assert_eq!(suppressions, [(None, "unsubscribed".into()), (Some("tips".into()), "unsubscribed".into())]);
}

/// A policy that ends what is for a suppressed address, and sends the first of the rest.
fn unless_suppressed(snapshot: &RecipientSnapshot) -> RecipientVerdict {
    if snapshot.suppressions.is_empty() {
        return send_first(snapshot);
    }
    let end = snapshot.due.iter().map(|due| ended(&due.message.id, MessageState::Suppressed)).collect();
    RecipientVerdict { end, ..RecipientVerdict::default() }
}

/// However claims and suppressions fall together: no claim that begins when a suppression is told takes mail to its address.
pub async fn no_claim_takes_mail_to_whom_was_suppressed_before_it(store: Arc<dyn Store>) {
    const COUNT: usize = 16;
    let mut owner = Owner::new(&store).await;
    for number in 0..COUNT {
        let name = format!("p{number:02}");
        let mails = ["m", "n", "o"].map(|kind| message(&format!("{kind}{number:02}"), &name, 0));
        owner.plan(&name, mails.into()).await;
    }
    let told = Arc::new(AtomicUsize::new(0));
    let claimers = (0..3).map(|number| {
        let (store, told) = (Arc::clone(&store), Arc::clone(&told));
        tokio::spawn(async move {
            let request = ClaimRequest { limit: 2, ..request(&format!("mailer-{number}"), 1) };
            loop {
                let before = told.load(Ordering::SeqCst);
                let claimed = store.claim(&request, &unless_suppressed).await.unwrap();
                for attempt in &claimed.attempts {
                    let id = &attempt.due.message.id;
                    assert!(id[1..].parse::<usize>().unwrap() >= before, "{id} was taken, and {before} were told");
                    assert!(store.settle(attempt, &Settlement::Ended(ended(id, MessageState::Sent))).await.unwrap());
                }
                if before == COUNT && claimed.looked_at == 0 {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
    });
    let claimers: Vec<_> = claimers.collect();
    for number in 0..COUNT {
        let gone = SuppressionChange::add(&format!("p{number:02}@x.example"), None, "unsubscribed", at(0));
        store.change_suppressions(&[gone], &[]).await.unwrap();
        told.store(number + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    for claimer in claimers {
        claimer.await.unwrap();
    }
    // Whoever found everything locked by the others left early.
    while store.mail_look(at(1)).await.unwrap().next_due.is_some_and(|due| due <= at(1)) {
        let rest = store.claim(&request("mailer-0", 1), &unless_suppressed).await.unwrap();
        assert!(rest.attempts.is_empty(), "all are suppressed");
    }
    for number in 0..COUNT {
        for kind in ["m", "n", "o"] {
            let (ended, _) = state(&store, &format!("p{number:02}"), &format!("{kind}{number:02}")).await;
            assert!(matches!(ended, MessageState::Sent | MessageState::Suppressed), "{kind}{number:02}: {ended:?}");
        }
    }
    assert_sound(&store).await;
}

fn report(id: &str, what: &str, minutes: i64) -> FeedbackRow {
    FeedbackRow {
        id: id.into(),
        origin: "mail".into(),
        what: what.into(),
        address: Some("hash-of-a".into()),
        message: Some("m".into()),
        workflow: None,
        at: at(minutes),
    }
}

/// Suppression, records and the report come together, once.
pub async fn a_report_told_again_changes_nothing(store: Arc<dyn Store>) {
    let change = |topic| SuppressionChange::add("a@x.example", topic, "hard_bounce", at(0));
    let row = |id: &str| OutboxRow {
        target: Target::Events,
        event_id: id.into(),
        shard: 0,
        key: b"k".to_vec(),
        value: b"v".to_vec(),
    };
    assert!(store.take_feedback(&[report("r1", "bounce.hard", 0)], &[change(None)], &[row("e1")]).await.unwrap());
    // Neither does a new one that comes with it.
    let again = [report("r2", "complaint", 1), report("r1", "complaint", 1)];
    for reports in [&again[..], &again[1..]] {
        assert!(!store.take_feedback(reports, &[change(Some("news"))], &[row("e2")]).await.unwrap());
    }
    assert_eq!(store.feedback_count("hash-of-a", "complaint", at(0)).await.unwrap(), 0);
    assert_eq!(store.suppressions("a@x.example").await.unwrap(), [(None, "hard_bounce".into())]);
    let told: Vec<String> = store.outbox(10).await.unwrap().into_iter().map(|row| row.row.event_id).collect();
    assert_eq!(told, ["e1"]);
}

/// By sort and age, until they are past the history.
pub async fn reports_about_an_address_are_counted_and_forgotten(store: Arc<dyn Store>) {
    for (id, what, minutes) in [("r1", "bounce.soft", 0), ("r2", "bounce.soft", 10), ("r3", "bounce.hard", 10)] {
        assert!(store.take_feedback(&[report(id, what, minutes)], &[], &[]).await.unwrap());
    }
    let count = async |since| store.feedback_count("hash-of-a", "bounce.soft", at(since)).await.unwrap();
    assert_eq!((count(0).await, count(1).await, count(11).await), (2, 1, 0));
    assert_eq!(store.feedback_count("hash-of-b", "bounce.soft", at(0)).await.unwrap(), 0);
    let much_later = at(10).checked_add(SignedDuration::from_hours(400 * 24 + 1)).unwrap();
    assert_eq!(prune(&store, much_later, 400).await, 3);
    assert_eq!(count(0).await, 0);
}

/// Exactly the one named; what others caused, or for other topics, stays.
pub async fn a_suppression_is_lifted_by_topic_and_reason(store: Arc<dyn Store>) {
    let all: [(Option<&str>, &str); 4] =
        [(None, "hard_bounce"), (None, "unsubscribe"), (Some("news"), "unsubscribe"), (Some("tips"), "unsubscribe")];
    for (topic, reason) in all {
        store.change_suppressions(&[SuppressionChange::add("a@x.example", topic, reason, at(0))], &[]).await.unwrap();
    }
    store.change_suppressions(&[SuppressionChange::add("b@x.example", None, "unsubscribe", at(0))], &[]).await.unwrap();
    for (topic, reason) in [(None, "unsubscribe"), (Some("news"), "unsubscribe"), (Some("tips"), "complaint")] {
        store.change_suppressions(&[SuppressionChange::lift("a@x.example", topic, reason)], &[]).await.unwrap();
    }
    let mut kept = store.suppressions("a@x.example").await.unwrap();
    kept.sort();
    assert_eq!(kept, [(None, "hard_bounce".into()), (Some("tips".into()), "unsubscribe".into())]);
    assert_eq!(store.suppressions("b@x.example").await.unwrap().len(), 1);
    assert_eq!(store.suppressions("c@x.example").await.unwrap(), []);
}

/// Before and after it is settled.
pub async fn a_message_is_found_by_its_id(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    assert_eq!(store.message("m").await.unwrap(), Some(message("m", "a", 0)));
    assert_eq!(store.message("n").await.unwrap(), None);
}

/// By another journey: open-ended while it runs, or until an instant; never by the message's own journey.
pub async fn holds_are_shown_until_they_end(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let hold = |by: &str, until| HoldRow {
        key: crate::sample::key("a"),
        workflow: "welcome".into(),
        by_journey: by.into(),
        until,
    };
    let due = |now, clock_at_least| {
        let store = Arc::clone(&store);
        async move {
            let request = ClaimRequest { clock_at_least, ..request("mailer", now) };
            shown(&store, &request).await.remove(0).due.remove(0)
        }
    };
    let held = async |now| {
        let due = due(now, at(0)).await;
        assert_eq!(due.holders, [], "live nobody asks");
        due.held
    };
    owner.commit(|batch| batch.holds.push(hold("journey-m", None))).await;
    assert_eq!(held(1).await, None);
    owner
        .commit(|batch| {
            batch.journeys.push(journey("holder", "a"));
            batch.holds = vec![hold("holder", None), hold("another", Some(at(30)))];
        })
        .await;
    assert_eq!(held(1).await, Some(None));
    // A replay is told what holds without an end, and whether mail of that journey's own waits.
    let holder = |has_mail_queued| Holder {
        body: journey("holder", "a").body,
        has_mail_queued,
        timer_due: None,
        is_put_aside: false,
    };
    assert_eq!(due(0, at(0)).await.holders, [holder(false)]);
    let timers = [timer("a", "journey:holder", 7), timer("a", "held:holder", 8)];
    owner.commit(|batch| batch.timers.extend(timers.map(TimerChange::Set))).await;
    let timed = Holder { timer_due: Some(at(7)), is_put_aside: true, ..holder(false) };
    assert_eq!(due(0, at(0)).await.holders, [timed]);
    let clear = |subject: &str| TimerChange::Clear { key: key("a"), subject: subject.into() };
    owner.commit(|batch| batch.timers = vec![clear("journey:holder"), clear("held:holder")]).await;
    let own = MessageRow { journey: "holder".into(), workflow: "other".into(), ..message("n", "a", 5) };
    owner.plan("a", vec![own]).await;
    assert_eq!(due(0, at(0)).await.holders, [holder(true)]);
    let over = JourneyRow { exited: Some((at(1), "done".into())), ..journey("holder", "a") };
    owner.commit(|batch| batch.journeys.push(over)).await;
    assert_eq!(held(2).await, Some(Some(at(30))));
    assert_eq!(held(30).await, None);
    owner.commit(|batch| batch.holds.push(hold("another", Some(at(-1))))).await;
    assert_eq!(held(2).await, None);
}

/// A mailer that lives keeps what it has in hand.
pub async fn attempts_of_silent_mailers_are_found(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    store.heartbeat("mailer", "mailer", LONG).await.unwrap();
    let attempt = claim_one(&store, "mailer", 1).await;
    assert!(store.stale_attempts(LONG, 10).await.unwrap().is_empty());
    store.farewell("mailer", "mailer").await.unwrap();
    // Just taken: the mailer may not have said yet that it lives.
    assert!(store.stale_attempts(LONG, 10).await.unwrap().is_empty());
    let stale = store.stale_attempts(Duration::ZERO, 10).await.unwrap();
    assert_eq!((stale.len(), stale[0].attempt, &stale[0].address), (1, attempt.attempt, &attempt.address));
    assert_eq!(stale[0].due.message, attempt.due.message);
    assert!(store.settle(&stale[0], &Settlement::Ended(ended("m", MessageState::InDoubt))).await.unwrap());
    assert!(store.stale_attempts(Duration::ZERO, 10).await.unwrap().is_empty());
    assert_sound(&store).await;
}

/// Two owners that plan, cancel and readdress, three mailers that take and settle, all for the same few addresses. An error that says
/// "try again" (a deadlock the database broke up) is tried again; in the end everything adds up.
pub async fn owners_and_mailers_at_once_leave_sound_data(store: Arc<dyn Store>) {
    const ROUNDS: usize = 15;
    const PARTNERS: usize = 6;
    store.create_shards(2).await.unwrap();
    for number in 0..2 * PARTNERS {
        let address = format!("shared-{}@x.example", number % 4);
        store.store_persons(&[person(&format!("p{number}"), 1, Some(&address))]).await.unwrap();
    }
    let owners = (0..2).map(|shard| tokio::spawn(own(Arc::clone(&store), shard, ROUNDS, PARTNERS)));
    let done = Arc::new(AtomicBool::new(false));
    let mailers = (0..3).map(|number| tokio::spawn(send(Arc::clone(&store), number, Arc::clone(&done))));
    let (owners, mailers) = (owners.collect::<Vec<_>>(), mailers.collect::<Vec<_>>());
    for owner in owners {
        owner.await.unwrap();
    }
    done.store(true, Ordering::Release);
    let mut sent = 0;
    for mailer in mailers {
        sent += mailer.await.unwrap();
    }
    assert_sound(&store).await;
    let counts = store.counts().await.unwrap();
    let count = |name: &str| counts.iter().find(|(counted, _)| counted == name).map_or(0, |(_, rows)| *rows);
    let (cancelled, all_sent) = (count("messages/welcome/cancelled"), count("messages/welcome/sent"));
    assert_eq!(all_sent, sent);
    assert_eq!(cancelled + all_sent, i64::try_from(2 * ROUNDS * PARTNERS).unwrap());
    assert_eq!(store.outstanding(at(100)).await.unwrap().messages, 0);
}

async fn own(store: Arc<dyn Store>, shard: u32, rounds: usize, partners: usize) {
    let number = i32::try_from(shard).unwrap();
    let row = store.take_shard(number, "engine", LONG).await.unwrap().unwrap();
    for (round, commit_no) in (0..rounds).zip(row.commit_no..) {
        let mut batch =
            ShardCommit { shard: number, epoch: row.epoch, commit_no, clock: Some(at(0)), ..Default::default() };
        for partner_no in 0..partners {
            let name = format!("p{}", 2 * partner_no + usize::try_from(shard).unwrap());
            let id = |round| format!("m{round}-{name}");
            batch.partners.push(partner(&name));
            batch.messages.push(MessageRow { shard, ..message(&id(round), &name, 0) });
            batch.journeys.push(journey(&format!("journey-{}", id(round)), &name));
            if round > 0 && partner_no % 2 == 0 {
                batch.cancels.push((id(round - 1), "goal_met".into()));
            }
            batch.readdressed.push(key(&name));
        }
        while let Err(error) = store.commit_shard(&batch).await.map(|committed| assert_eq!(committed, Committed::Done))
        {
            assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        }
    }
}

/// Sends until the owners are done and nothing is left; the first attempt of every third message is put back.
async fn send(store: Arc<dyn Store>, number: usize, done: Arc<AtomicBool>) -> i64 {
    let request = ClaimRequest { limit: 3, ..request(&format!("mailer-{number}"), 1) };
    let mut sent = 0;
    loop {
        let last_round = done.load(Ordering::Acquire);
        let claimed = match store.claim(&request, &send_first).await {
            Ok(claimed) => claimed.attempts,
            Err(StoreError::Unavailable(_)) => continue,
            Err(error) => panic!("{error}"),
        };
        for attempt in &claimed {
            let id = &attempt.due.message.id;
            let back = attempt.attempt == 1 && id.len() % 3 == 0;
            let settlement = if back {
                Settlement::Requeue { due: at(1), reason: "451".into() }
            } else {
                Settlement::Ended(ended(id, MessageState::Sent))
            };
            let settled = loop {
                match store.settle(attempt, &settlement).await {
                    Err(StoreError::Unavailable(_)) => {}
                    settled => break settled.unwrap(),
                }
            };
            assert!(settled);
            sent += i64::from(!back);
        }
        if last_round && claimed.is_empty() && store.outstanding(at(100)).await.unwrap().messages == 0 {
            return sent;
        }
    }
}

/// A suppression and the records that tell of it stand or fall together, for every partner whose newest address it is.
pub async fn a_suppression_and_its_records_are_one(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    owner.plan("b", vec![message("n", "b", 0)]).await;
    store.store_persons(&[person("b", 2, Some("a@x.example")), person("c", 1, Some("a@x.example"))]).await.unwrap();
    store.store_persons(&[person("c", 2, Some("c@x.example")), person("a", 2, None)]).await.unwrap();
    assert_eq!(store.partners_at("a@x.example").await.unwrap(), [key("a"), key("b")], "`c` has moved on");
    let add = SuppressionChange::add("a@x.example", None, "hard_bounce", at(0));
    store.change_suppressions(std::slice::from_ref(&add), &[record("told")]).await.unwrap();
    store.change_suppressions(&[add], &[record("told")]).await.unwrap();
    assert_eq!(store.suppressions("a@x.example").await.unwrap(), [(None, "hard_bounce".into())]);
    assert_eq!(waiting(&store).await, ["told"]);
}
