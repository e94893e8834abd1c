//! A message from plan to end.

use std::sync::Arc;

use crate::sample::{
    Owner, assert_sound, at, claim, claim_one, ended, journey, key, message, partner, person, prune, request,
    send_first, state, waiting,
};
use rapport_engine::ports::rows::{MessageRow, MessageState, QuarantineRow, Rebuilt, RelayReply};
use rapport_engine::ports::store::{EndedMessage, MailLook, RecipientVerdict, Resolution, Settlement, Store};

/// Queued, in hand, sent: and its outcome waits for the log.
pub async fn a_message_is_sent_once_and_tells_it(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, Some(at(0)));
    let attempt = claim_one(&store, "mailer", 1).await;
    assert_eq!((attempt.attempt, attempt.address.as_str(), attempt.due.attempts), (1, "a@x.example", 0));
    assert_eq!(attempt.due.message, message("m", "a", 0));
    assert_eq!(attempt.due.person, r#"{"email":"a@x.example"}"#);
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Attempting);
    let in_hand = store.attempts_of("mailer").await.unwrap();
    assert_eq!((in_hand.len(), in_hand[0].attempt, &in_hand[0].due.message.id), (1, 1, &attempt.due.message.id));
    assert!(store.attempts_of("another").await.unwrap().is_empty());
    assert_sound(&store).await;
    assert_eq!(store.outstanding(at(1)).await.unwrap().messages, 1);
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Sent, Some("because".into())));
    assert_eq!(waiting(&store).await, ["m/sent"]);
    assert!(claim(&store, "mailer", 9).await.is_empty());
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, None);
    assert_eq!(store.outstanding(at(1)).await.unwrap().messages, 0);
    assert_sound(&store).await;
}

/// The journey was stopped in time.
pub async fn a_cancelled_message_is_not_claimed(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    owner.commit(|batch| batch.cancels = vec![("m".into(), "goal_met".into())]).await;
    assert!(claim(&store, "mailer", 1).await.is_empty());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Cancelled, Some("goal_met".into())));
}

/// The mailer was faster; but after a 4xx the stop counts.
pub async fn a_message_in_hand_is_not_cancelled_but_not_queued_again(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    owner.commit(|batch| batch.cancels = vec![("m".into(), "goal_met".into())]).await;
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Attempting);
    assert!(store.settle(&attempt, &Settlement::Requeue { due: at(2), reason: "451".into() }).await.unwrap());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Cancelled, Some("goal_met".into())));
    assert!(claim(&store, "mailer", 9).await.is_empty());
    assert_sound(&store).await;
}

/// The second settlement finds nothing to settle and adds no outcome.
pub async fn settling_twice_counts_once(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    let (sent, failed) = (ended("m", MessageState::Sent), ended("m", MessageState::Failed));
    assert!(store.settle(&attempt, &Settlement::Ended(sent.clone())).await.unwrap());
    assert!(!store.settle(&attempt, &Settlement::Ended(sent)).await.unwrap());
    assert!(!store.settle(&attempt, &Settlement::Ended(failed)).await.unwrap());
    assert!(!store.settle(&attempt, &Settlement::Requeue { due: at(9), reason: "451".into() }).await.unwrap());
    assert_eq!(waiting(&store).await, ["m/sent"]);
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Sent);
}

/// Given up as in doubt by somebody else, then accepted after all.
pub async fn a_late_250_turns_in_doubt_into_sent(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    let in_doubt = Settlement::Ended(ended("m", MessageState::InDoubt));
    assert!(store.settle(&attempt, &in_doubt).await.unwrap());
    assert!(!store.settle(&attempt, &in_doubt).await.unwrap());
    let next = claim_one(&store, "mailer", 2).await;
    assert_eq!(next.due.message.id, "n");
    assert!(!store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Failed))).await.unwrap());
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Sent);
    // The other message is still in hand: the late answer freed nothing.
    assert!(claim(&store, "mailer", 3).await.is_empty());
    assert_eq!(waiting(&store).await, ["m/in_doubt", "m/sent"]);
    assert_sound(&store).await;
}

/// Somebody looked into the server's log: one arrived, one did not.
pub async fn a_mail_in_doubt_is_resolved_by_a_person(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    for _ in 0..2 {
        let attempt = claim_one(&store, "mailer", 1).await;
        let id = attempt.due.message.id.clone();
        assert!(store.settle(&attempt, &Settlement::Ended(ended(&id, MessageState::InDoubt))).await.unwrap());
    }
    let doubtful = store.doubtful(10).await.unwrap();
    let ids: Vec<&str> = doubtful.iter().map(|row| row.message.id.as_str()).collect();
    assert_eq!((ids.as_slice(), doubtful[0].reason.as_str(), doubtful[0].attempt), (&["m", "n"][..], "because", 1));
    assert_eq!(store.doubtful(1).await.unwrap().len(), 1);
    assert!(store.resolve(&doubtful[0], &Resolution::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert!(store.resolve(&doubtful[1], &Resolution::Ended(ended("n", MessageState::Failed))).await.unwrap());
    // What is resolved stays so.
    assert!(!store.resolve(&doubtful[1], &Resolution::Ended(ended("n", MessageState::Sent))).await.unwrap());
    assert!(store.doubtful(10).await.unwrap().is_empty());
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Sent);
    assert_eq!(state(&store, "a", "n").await.0, MessageState::Failed);
    assert_eq!(waiting(&store).await, ["m/in_doubt", "n/in_doubt", "m/sent", "n/failed"]);
    assert_sound(&store).await;
}

/// It is queued again under the policy's eye, not counted twice, and not when its journey was stopped while it was in hand.
pub async fn a_mail_in_doubt_is_sent_again_when_a_person_wants_it(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let first = claim_one(&store, "mailer", 1).await;
    assert!(store.settle(&first, &Settlement::Ended(ended("m", MessageState::InDoubt))).await.unwrap());
    let doubtful = store.doubtful(10).await.unwrap();
    let again = Resolution::SendAgain { due: at(5), expires: at(65), reason: "for ines".into() };
    assert!(store.resolve(&doubtful[0], &again).await.unwrap());
    assert!(!store.resolve(&doubtful[0], &again).await.unwrap());
    assert!(claim(&store, "mailer", 4).await.is_empty());
    let second = claim_one(&store, "mailer", 5).await;
    assert_eq!((second.attempt, second.due.message.expires), (2, at(65)));
    // The first one's 250 comes too late to speak for the second.
    assert!(!store.settle(&first, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert!(store.settle(&second, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_sound(&store).await;

    owner.plan("b", vec![message("s", "b", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    owner.commit(|batch| batch.cancels.push(("s".into(), "replied".into()))).await;
    assert!(store.settle(&attempt, &Settlement::Ended(ended("s", MessageState::InDoubt))).await.unwrap());
    let doubtful = store.doubtful(10).await.unwrap();
    assert!(!store.resolve(&doubtful[0], &again).await.unwrap());
    assert_sound(&store).await;
}

/// A 4xx: due later, another attempt number, and no longer counted.
pub async fn a_requeued_message_returns_its_count(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let first = claim_one(&store, "mailer", 1).await;
    assert!(store.settle(&first, &Settlement::Requeue { due: at(30), reason: "421".into() }).await.unwrap());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Queued, Some("421".into())));
    assert!(claim(&store, "mailer", 29).await.is_empty());
    let counted = std::sync::Mutex::new(None);
    let decide = |snapshot: &rapport_engine::ports::store::RecipientSnapshot| {
        *counted.lock().unwrap() = Some(snapshot.accepted.len());
        send_first(snapshot)
    };
    let claimed = store.claim(&request("mailer", 30), &decide).await.unwrap();
    assert_eq!((claimed.looked_at, claimed.attempts[0].attempt, claimed.attempts[0].due.attempts), (1, 2, 1));
    assert_eq!(*counted.lock().unwrap(), Some(0));
    assert!(!store.settle(&first, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_sound(&store).await;
}

/// The policy said no, or its time ran out: the outcome tells it, once.
pub async fn an_ended_message_is_not_claimed_again(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    let refuse = |_: &rapport_engine::ports::store::RecipientSnapshot| RecipientVerdict {
        end: vec![ended("m", MessageState::Suppressed), ended("n", MessageState::Expired)],
        ..RecipientVerdict::default()
    };
    let claimed = store.claim(&request("mailer", 1), &refuse).await.unwrap();
    assert_eq!((claimed.looked_at, claimed.attempts.len()), (1, 0));
    store.end_queued(&[ended("m", MessageState::Failed)]).await.unwrap();
    assert_eq!(store.claim(&request("mailer", 1), &refuse).await.unwrap().looked_at, 0);
    assert_eq!(waiting(&store).await, ["m/suppressed", "n/expired"]);
    assert_eq!(state(&store, "a", "n").await, (MessageState::Expired, Some("because".into())));
    assert_sound(&store).await;
}

/// Deferred: not due before, with the reason to be shown.
pub async fn a_deferred_message_waits_for_its_time(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let defer = |_: &rapport_engine::ports::store::RecipientSnapshot| RecipientVerdict {
        defer: vec![("m".into(), at(60), "quiet_hours".into())],
        ..RecipientVerdict::default()
    };
    assert_eq!(store.claim(&request("mailer", 1), &defer).await.unwrap().looked_at, 1);
    assert_eq!(store.claim(&request("mailer", 59), &defer).await.unwrap().looked_at, 0);
    assert_eq!(state(&store, "a", "m").await, (MessageState::Queued, Some("quiet_hours".into())));
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, Some(at(60)));
    assert_eq!(claim_one(&store, "mailer", 60).await.due.message.due, at(60));
}

/// Planned before the address is known.
pub async fn a_message_waits_for_an_address(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.partners.push(partner("a"));
            batch.journeys.push(journey("journey-m", "a"));
            batch.messages.push(message("m", "a", 0));
        })
        .await;
    assert!(claim(&store, "mailer", 1).await.is_empty());
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, None);
    assert_eq!(store.outstanding(at(1)).await.unwrap().messages, 0);
    store.store_persons(&[person("a", 5, Some("a@x.example"))]).await.unwrap();
    assert!(claim(&store, "mailer", 1).await.is_empty());
    owner.commit(|batch| batch.readdressed.push(key("a"))).await;
    assert_eq!(claim_one(&store, "mailer", 1).await.address, "a@x.example");
    assert_sound(&store).await;
}

/// Queued mail follows to the newest address; what is in hand stays.
pub async fn a_new_address_moves_queued_mail(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0), message("n", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    let newer = [person("a", 3, None), person("a", 2, Some("new@x.example"))];
    store.store_persons(&newer).await.unwrap();
    owner.commit(|batch| batch.readdressed.push(key("a"))).await;
    let next = claim_one(&store, "mailer", 1).await;
    assert_eq!((next.address.as_str(), next.due.message.id.as_str()), ("new@x.example", "n"));
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_sound(&store).await;
}

/// Whoever takes an update in stores the address before any shard hears of it, and may die in between: a claim shows the policy no
/// mail for an address that is not the newest any more, but moves it there. So does one after the mail was put back.
pub async fn a_claim_moves_mail_to_the_newest_address(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    owner.plan("b", vec![message("n", "b", 0)]).await;
    let elsewhere = |version, address| person("a", version, Some(address));
    // A version that tells nothing of the address is no news of it, and neither is one that is older.
    store
        .store_persons(&[elsewhere(3, "new@x.example"), elsewhere(2, "older@x.example"), person("a", 4, None)])
        .await
        .unwrap();
    let claimed = store.claim(&request("mailer", 1), &send_first).await.unwrap();
    let taken: Vec<_> = claimed.attempts.iter().map(|attempt| attempt.due.message.id.as_str()).collect();
    assert_eq!((claimed.looked_at, taken), (2, vec!["n"]));
    assert_sound(&store).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    assert_eq!((attempt.address.as_str(), attempt.attempt), ("new@x.example", 1));
    store.store_persons(&[elsewhere(5, "newest@x.example")]).await.unwrap();
    assert!(store.settle(&attempt, &Settlement::Requeue { due: at(2), reason: "451".into() }).await.unwrap());
    let claimed = store.claim(&request("mailer", 2), &send_first).await.unwrap();
    assert_eq!((claimed.looked_at, claimed.attempts.len()), (1, 0));
    let attempt = claim_one(&store, "mailer", 2).await;
    assert_eq!((attempt.address.as_str(), attempt.attempt), ("newest@x.example", 2));
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert_sound(&store).await;
}

/// Listed for the mailer, which ends them.
pub async fn messages_without_an_address_expire(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let short = MessageRow { expires: at(10), ..message("m", "a", 0) };
    owner
        .commit(|batch| {
            batch.partners.push(partner("a"));
            batch.journeys.push(journey("journey-m", "a"));
            batch.messages.push(short.clone());
        })
        .await;
    assert_eq!(store.unaddressed_expired(at(9), 10).await.unwrap(), []);
    assert_eq!(store.mail_look(at(9)).await.unwrap(), MailLook::default());
    assert_eq!(store.unaddressed_expired(at(10), 10).await.unwrap(), [short]);
    assert_eq!(store.mail_look(at(10)).await.unwrap(), MailLook { next_due: None, is_over: true });
    store.end_queued(&[ended("m", MessageState::Expired)]).await.unwrap();
    assert_eq!(store.unaddressed_expired(at(10), 10).await.unwrap(), []);
    assert_eq!(store.mail_look(at(10)).await.unwrap(), MailLook::default());
    assert_eq!(waiting(&store).await, ["m/expired"]);
}

/// The same step planned again leaves the message as it is, even when it has ended.
pub async fn planning_again_changes_nothing(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    owner.commit(|batch| batch.messages.push(message("m", "a", 9))).await;
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    owner.commit(|batch| batch.messages.push(message("m", "a", 9))).await;
    assert!(claim(&store, "mailer", 99).await.is_empty());
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Sent);
}

/// Nobody's mail leaves while its partner is in quarantine; the mail of others does, and it goes on after the release.
pub async fn mail_of_a_quarantined_partner_waits(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m", "a", 0)]).await;
    owner.plan("b", vec![message("n", "b", 3)]).await;
    owner
        .commit(|batch| {
            batch.quarantined = vec![(key("a"), "too deep".into())];
            batch.parked = vec![(key("a"), 7, "too deep".into()), (key("a"), 9, "too deep".into())];
        })
        .await;
    let row = QuarantineRow { key: key("a"), reason: "too deep".into(), at: at(0), parked: 2 };
    assert_eq!(store.quarantines().await.unwrap(), [row]);
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, Some(at(3)), "the next that can be claimed");
    assert_eq!(store.outstanding(at(5)).await.unwrap().messages, 1, "what waits for a person holds no time up");
    assert_eq!(claim_one(&store, "mailer", 5).await.due.message.id, "n");
    owner.commit(|batch| batch.unparked = vec![(key("a"), 7)]).await;
    assert_eq!(store.parked(&key("a")).await.unwrap(), [(9, "too deep".into())]);
    owner
        .commit(|batch| {
            batch.unparked = vec![(key("a"), 9)];
            batch.released = vec![key("a")];
        })
        .await;
    assert_eq!(store.quarantines().await.unwrap(), []);
    assert_eq!(claim_one(&store, "mailer", 5).await.due.message.id, "m");
}

/// What the relay said when it accepted a mail stays with it, also when an erasure comes and the history is over; of a mail that
/// nobody accepted there is nothing.
pub async fn what_the_relay_said_is_kept(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m1", "a", 0), message("m2", "a", 0)]).await;
    let words = "250 2.0.0 \u{1b}[2J Ok <A@x.example> \"quoted\\\" é: queued as 4Xb";
    let said = RelayReply::of(words, "relay.example:587", &["a@x.example"], at(6));
    assert_eq!((said.code, said.queue_id.as_deref()), (Some(250), Some("4Xb")));
    let first = claim_one(&store, "mailer", 1).await;
    let sent = EndedMessage { reply: Some(said.clone()), ..ended("m1", MessageState::Sent) };
    assert!(store.settle(&first, &Settlement::Ended(sent)).await.unwrap());
    let second = claim_one(&store, "mailer", 2).await;
    assert!(store.settle(&second, &Settlement::Ended(ended("m2", MessageState::Failed))).await.unwrap());
    let expected = [("m1".to_owned(), Some(said)), ("m2".to_owned(), None)];
    assert_eq!(replies(&store).await, expected);
    owner.commit(|batch| batch.rebuilt = vec![Rebuilt::Erased { key: key("a"), at: at(7) }]).await;
    assert_eq!(replies(&store).await, expected, "it names nobody");
    prune(&store, at(30 * 24 * 60), 1).await;
    assert_eq!(replies(&store).await, expected);
    assert_sound(&store).await;
}

async fn replies(store: &Arc<dyn Store>) -> Vec<(String, Option<RelayReply>)> {
    let story = store.story(&key("a")).await.expect("story").expect("a known partner");
    story.messages.into_iter().map(|told| (told.message.id, told.reply)).collect()
}
