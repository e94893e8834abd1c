//! Mail that travels with other mail in a digest: bound by the claim, and settled with what carries it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::sample::{Owner, assert_sound, at, ended, journey, message, request, state, waiting};
use rapport_engine::ports::rows::{JourneyRow, MessageRow, MessageState, Rebuilt};
use rapport_engine::ports::store::{
    Attempt, EndedMessage, RecipientSnapshot, RecipientVerdict, Resolution, Settlement, Store,
};

/// A policy that takes the first due message, and gathers the rest.
fn gather(snapshot: &RecipientSnapshot) -> RecipientVerdict {
    let mut ids = snapshot.due.iter().map(|due| due.message.id.clone());
    RecipientVerdict { take: ids.next(), along: ids.collect(), ..RecipientVerdict::default() }
}

async fn claim(store: &Arc<dyn Store>, mailer: &str, now: i64) -> Vec<Attempt> {
    store.claim(&request(mailer, now), &gather).await.unwrap().attempts
}

async fn claim_one(store: &Arc<dyn Store>, mailer: &str, now: i64) -> Attempt {
    let mut attempts = claim(store, mailer, now).await;
    assert_eq!(attempts.len(), 1);
    attempts.remove(0)
}

fn ids(attempt: &Attempt) -> Vec<&str> {
    attempt.along.iter().map(|due| due.message.id.as_str()).collect()
}

/// As a mailer ends it: what travels is in the digest.
fn settled(attempt: &Attempt, as_what: MessageState) -> Settlement {
    let in_digest = |id: &str| EndedMessage { reason: "in_digest".into(), ..ended(id, MessageState::Suppressed) };
    let along = ids(attempt).into_iter().map(in_digest).collect();
    Settlement::Ended(EndedMessage { along, ..ended(&attempt.due.message.id, as_what) })
}

/// A partner with three mails, of which `high` is the first to leave.
async fn three(store: &Arc<dyn Store>) -> Owner {
    let mut owner = Owner::new(store).await;
    let high = MessageRow { priority: 1, ..message("high", "a", 0) };
    owner.plan("a", vec![message("m", "a", 0), high, message("n", "a", 1)]).await;
    owner
}

async fn carrier_of(store: &Arc<dyn Store>, id: &str) -> Option<String> {
    let story = store.story(&crate::sample::key("a")).await.unwrap().unwrap();
    story.messages.into_iter().find(|told| told.message.id == id).unwrap().carrier
}

/// Bound by the claim, ended by the settlement, counted once.
pub async fn what_travels_is_claimed_by_nobody_and_settled_with_its_carrier(store: Arc<dyn Store>) {
    let mut owner = three(&store).await;
    let attempt = claim_one(&store, "mailer", 5).await;
    assert_eq!((attempt.due.message.id.as_str(), ids(&attempt)), ("high", vec!["m", "n"]));
    assert_eq!(attempt.along[0].person, attempt.due.person);
    assert_eq!(store.mail_look(at(5)).await.unwrap().next_due, None, "nothing is left to claim");
    assert!(claim(&store, "other", 5).await.is_empty());
    assert_sound(&store).await;
    let sent = settled(&attempt, MessageState::Sent);
    assert!(store.settle(&attempt, &sent).await.unwrap());
    assert!(!store.settle(&attempt, &sent).await.unwrap(), "told twice, ended once");
    assert_eq!(waiting(&store).await, ["high/sent", "m/suppressed", "n/suppressed"]);
    for id in ["m", "n"] {
        assert_eq!(state(&store, "a", id).await, (MessageState::Suppressed, Some("in_digest".into())));
        assert_eq!(carrier_of(&store, id).await.as_deref(), Some("high"));
    }
    // One mail left, and one is counted.
    let accepted = std::sync::Mutex::new(None);
    let look = |snapshot: &RecipientSnapshot| {
        *accepted.lock().unwrap() = Some(snapshot.accepted.len());
        RecipientVerdict::default()
    };
    owner.plan("a", vec![message("later", "a", 5)]).await;
    store.claim(&request("mailer", 6), &look).await.unwrap();
    assert_eq!(*accepted.lock().unwrap(), Some(1));
    assert_sound(&store).await;
}

/// Put back or refused: nothing of what travelled was read.
pub async fn what_travels_with_a_mail_that_did_not_leave_is_free_again(store: Arc<dyn Store>) {
    three(&store).await;
    let first = claim_one(&store, "mailer", 5).await;
    let back = Settlement::Requeue { due: at(9), reason: "busy".into() };
    assert!(store.settle(&first, &back).await.unwrap());
    assert_eq!(carrier_of(&store, "m").await, None);
    assert_eq!(waiting(&store).await, [""; 0]);
    assert_sound(&store).await;
    // The next one carries the rest; the server refuses it, and the last leaves alone.
    let second = claim_one(&store, "mailer", 6).await;
    assert_eq!((second.due.message.id.as_str(), ids(&second)), ("m", vec!["n"]));
    assert!(store.settle(&second, &Settlement::Ended(ended("m", MessageState::Failed))).await.unwrap());
    let third = claim_one(&store, "mailer", 7).await;
    assert_eq!((third.due.message.id.as_str(), third.along.len()), ("n", 0));
    assert!(store.settle(&third, &settled(&third, MessageState::Sent)).await.unwrap());
    assert!(!store.settle(&first, &back).await.unwrap(), "told late, it changes nothing");
    assert_eq!(waiting(&store).await, ["m/failed", "n/sent"]);
    assert_sound(&store).await;
}

/// Whoever settles for a mailer that is gone knows what travelled.
pub async fn what_a_lost_mailer_had_gathered_is_found_with_its_carrier(store: Arc<dyn Store>) {
    three(&store).await;
    let lost = claim_one(&store, "mailer", 5).await;
    for found in [
        store.attempts_of("mailer").await.unwrap(),
        // The server's time may stand still between the claim and the look.
        store.stale_attempts(Duration::ZERO, 10).await.unwrap(),
    ] {
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].due.message.id.as_str(), ids(&found[0])), ("high", vec!["m", "n"]));
        assert_eq!(found[0].along[1].person, lost.along[1].person);
    }
    let found = store.attempts_of("mailer").await.unwrap().remove(0);
    assert!(store.settle(&found, &settled(&found, MessageState::InDoubt)).await.unwrap());
    // It was not gone after all, and has heard that the mail was taken.
    assert!(store.settle(&lost, &settled(&lost, MessageState::Sent)).await.unwrap());
    assert_eq!(waiting(&store).await, ["high/in_doubt", "m/suppressed", "n/suppressed", "high/sent"]);
    assert!(claim(&store, "other", 9).await.is_empty(), "none of them leaves by itself");
    assert_sound(&store).await;
}

/// A journey that is stopped while its mail travels has it cancelled, as any that is queued.
pub async fn what_was_cancelled_on_its_way_is_not_told_again(store: Arc<dyn Store>) {
    let mut owner = three(&store).await;
    let attempt = claim_one(&store, "mailer", 5).await;
    owner.commit(|batch| batch.cancels = vec![("m".into(), "replied".into())]).await;
    assert!(store.settle(&attempt, &settled(&attempt, MessageState::Sent)).await.unwrap());
    assert_eq!(state(&store, "a", "m").await, (MessageState::Cancelled, Some("replied".into())));
    assert_eq!(waiting(&store).await, ["high/sent", "n/suppressed"]);
    assert_sound(&store).await;
}

/// A person wants a digest in doubt to be sent again: with all that it told of.
pub async fn what_travelled_with_a_mail_in_doubt_is_sent_again_with_it(store: Arc<dyn Store>) {
    three(&store).await;
    let attempt = claim_one(&store, "mailer", 5).await;
    assert!(store.settle(&attempt, &settled(&attempt, MessageState::InDoubt)).await.unwrap());
    let doubtful = store.doubtful(10).await.unwrap().remove(0);
    let again = Resolution::SendAgain { due: at(20), expires: at(50), reason: "kari wants it".into() };
    assert!(store.resolve(&doubtful, &again).await.unwrap());
    let again = claim_one(&store, "mailer", 20).await;
    assert_eq!((again.due.message.id.as_str(), ids(&again)), ("high", vec!["m", "n"]));
    assert_eq!(again.along[0].message.expires, at(50));
    assert!(store.settle(&again, &settled(&again, MessageState::Sent)).await.unwrap());
    assert_sound(&store).await;
}

/// What stopped a journey stands against its mail also where that only travelled.
pub async fn what_a_stopped_journey_had_in_a_digest_is_not_sent_again(store: Arc<dyn Store>) {
    let mut owner = three(&store).await;
    let attempt = claim_one(&store, "mailer", 5).await;
    assert!(store.settle(&attempt, &settled(&attempt, MessageState::InDoubt)).await.unwrap());
    let exited = |id: &str, code: &str| JourneyRow { exited: Some((at(6), code.into())), ..journey(id, "a") };
    owner
        .commit(|batch| batch.journeys = vec![exited("journey-m", "goal_met"), exited("journey-n", "completed")])
        .await;
    let doubtful = store.doubtful(10).await.unwrap().remove(0);
    let again = Resolution::SendAgain { due: at(20), expires: at(50), reason: "kari wants it".into() };
    assert!(store.resolve(&doubtful, &again).await.unwrap());
    let again = claim_one(&store, "mailer", 20).await;
    assert_eq!((again.due.message.id.as_str(), ids(&again)), ("high", vec!["n"]));
    assert_eq!(state(&store, "a", "m").await, (MessageState::Suppressed, Some("in_digest".into())));
    assert!(store.settle(&again, &settled(&again, MessageState::Sent)).await.unwrap());
    assert_sound(&store).await;
}

/// A person wants a digest in doubt to be sent again, and then its own 250 comes: the partner has all of it, and gets none of it twice.
pub async fn a_late_250_tells_of_what_was_to_be_sent_again(store: Arc<dyn Store>) {
    three(&store).await;
    let lost = claim_one(&store, "mailer", 5).await;
    let found = store.attempts_of("mailer").await.unwrap().remove(0);
    assert!(store.settle(&found, &settled(&found, MessageState::InDoubt)).await.unwrap());
    let doubtful = store.doubtful(10).await.unwrap().remove(0);
    let again = Resolution::SendAgain { due: at(20), expires: at(50), reason: "kari wants it".into() };
    assert!(store.resolve(&doubtful, &again).await.unwrap());
    assert_eq!(state(&store, "a", "m").await.0, MessageState::Queued);
    assert!(store.settle(&lost, &settled(&lost, MessageState::Sent)).await.unwrap());
    for id in ["m", "n"] {
        assert_eq!(state(&store, "a", id).await, (MessageState::Suppressed, Some("in_digest".into())));
        assert_eq!(carrier_of(&store, id).await.as_deref(), Some("high"));
    }
    assert!(claim(&store, "other", 20).await.is_empty(), "nothing of it leaves again");
    assert_sound(&store).await;
}

/// A database that was saved while mail travelled, and is restored: the log knows that the carrier did not leave, and what left by itself.
pub async fn what_travelled_when_a_backup_was_made_ends_as_the_log_tells(store: Arc<dyn Store>) {
    let mut owner = three(&store).await;
    let attempt = claim_one(&store, "mailer", 5).await;
    let told =
        |message: &str, state| Rebuilt::Mail { message: message.into(), state, reason: String::new(), at: at(6) };
    owner.commit(|batch| batch.rebuilt = vec![told("n", MessageState::InDoubt)]).await;
    assert_eq!(carrier_of(&store, "n").await, None);
    // The mailer that had it in hand is gone, and may be given up before the log has told of the others.
    assert!(store.settle(&attempt, &settled(&attempt, MessageState::InDoubt)).await.unwrap());
    owner.commit(|batch| batch.rebuilt = vec![told("m", MessageState::Sent)]).await;
    assert_eq!(state(&store, "a", "m").await, (MessageState::Sent, Some("told_by_the_log".into())));
    assert_eq!(carrier_of(&store, "m").await, None);
    assert_sound(&store).await;
    // What is in doubt can still be sent again: nothing carries it.
    let doubtful = store.doubtful(10).await.unwrap().into_iter().find(|doubtful| doubtful.message.id == "n").unwrap();
    let again = Resolution::SendAgain { due: at(20), expires: at(50), reason: "kari wants it".into() };
    assert!(store.resolve(&doubtful, &again).await.unwrap());
    let again = claim_one(&store, "mailer", 20).await;
    assert_eq!((again.due.message.id.as_str(), again.along.len()), ("n", 0));
    assert_sound(&store).await;
}

/// However many claim at once: each mail is carried or carries, once.
pub async fn several_mailers_gather_each_mail_once(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for number in 0..8 {
        let name = format!("p{number}");
        let mails = (0..3).map(|mail| message(&format!("{name}-{mail}"), &name, mail)).collect();
        owner.plan(&name, mails).await;
    }
    let mailers = (0..4).map(|mailer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut seen = Vec::new();
            for round in 0..6 {
                for attempt in claim(&store, &format!("mailer-{mailer}"), 5).await {
                    let goes_back = (mailer + round) % 3 == 0;
                    let settlement = if goes_back {
                        Settlement::Requeue { due: at(5), reason: "busy".into() }
                    } else {
                        seen.push(attempt.due.message.id.clone());
                        seen.extend(ids(&attempt).into_iter().map(str::to_owned));
                        settled(&attempt, MessageState::Sent)
                    };
                    assert!(store.settle(&attempt, &settlement).await.unwrap());
                }
            }
            seen
        })
    });
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for mailer in mailers.collect::<Vec<_>>() {
        for id in mailer.await.unwrap() {
            *seen.entry(id).or_default() += 1;
        }
    }
    // What was put back last waits in the queue.
    loop {
        let attempts = claim(&store, "last", 5).await;
        if attempts.is_empty() {
            break;
        }
        for attempt in attempts {
            for id in std::iter::once(attempt.due.message.id.as_str()).chain(ids(&attempt)) {
                *seen.entry(id.to_owned()).or_default() += 1;
            }
            assert!(store.settle(&attempt, &settled(&attempt, MessageState::Sent)).await.unwrap());
        }
    }
    assert_eq!(seen.len(), 24);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
    assert_eq!(waiting(&store).await.len(), 24);
    assert_sound(&store).await;
}
