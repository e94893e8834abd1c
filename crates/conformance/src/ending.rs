//! Attempts that end together, each as it would alone.

use std::sync::Arc;

use rapport_contact::Kind;

use crate::sample::{
    Owner, assert_sound, at, claim, claim_one, ended, key, message, request, send_first, state, waiting,
};
use rapport_engine::ports::rows::{MessageState, Rebuilt, RelayReply};
use rapport_engine::ports::store::{
    Attempt, ClaimRequest, EndedMessage, RecipientSnapshot, RecipientVerdict, Settlement, Store, StoreError,
};

/// What each of a group's five mails comes to; the last belongs to a partner who was erased while it was on its way.
const ENDS: [MessageState; 5] =
    [MessageState::Sent, MessageState::Failed, MessageState::InDoubt, MessageState::Expired, MessageState::Failed];

fn end_of(attempt: &Attempt, state: MessageState) -> EndedMessage {
    let id = &attempt.due.message.id;
    let reply = RelayReply::of("250 2.0.0 Ok: queued as 4Xb", "relay.example:587", &[&attempt.address], at(6));
    EndedMessage { reply: (state == MessageState::Sent).then_some(reply), ..ended(id, state) }
}

/// Two groups of partners with the same fates: of one all attempts end together, of the other each alone.
pub async fn attempts_end_together_as_each_would_alone(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for group in ["t", "a"] {
        for number in 0..ENDS.len() {
            let name = format!("{group}{number}");
            owner.plan(&name, vec![message(&format!("m{name}"), &name, 0)]).await;
        }
    }
    let attempts = claim(&store, "mailer", 1).await;
    assert_eq!(attempts.len(), 10);
    let erased = ["t4", "a4"].map(|name| Rebuilt::Erased { key: key(name), at: at(2) });
    owner.commit(|batch| batch.rebuilt = Vec::from(erased)).await;
    let (together, alone): (Vec<Attempt>, Vec<Attempt>) =
        attempts.into_iter().partition(|attempt| attempt.due.message.id.starts_with("mt"));
    let ends: Vec<(Attempt, EndedMessage)> =
        together.into_iter().zip(ENDS).map(|(attempt, state)| (attempt.clone(), end_of(&attempt, state))).collect();
    assert_eq!(store.end_attempts(&ends).await.unwrap(), [true; 5]);
    for (attempt, state) in alone.into_iter().zip(ENDS) {
        let end = Settlement::Ended(end_of(&attempt, state));
        assert!(store.settle(&attempt, &end).await.unwrap());
    }
    for (number, expected) in ENDS.into_iter().enumerate() {
        let [together, alone] = ["t", "a"].map(|group| format!("{group}{number}"));
        let ended = state(&store, &together, &format!("m{together}")).await;
        assert_eq!(ended, state(&store, &alone, &format!("m{alone}")).await);
        assert_eq!(ended.0, expected);
    }
    assert_eq!(state(&store, "t4", "mt4").await.1.as_deref(), Some("erased"));
    let told = waiting(&store).await;
    let of = |group: &str| told.iter().filter_map(|id| id.strip_prefix(group).map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!((told.len(), of("mt")), (10, of("ma")));
    assert_sound(&store).await;
    // What was accepted, or may have been, counts for the next mail, and nobody is left with a mail in hand.
    for group in ["t", "a"] {
        for number in 0..4 {
            let name = format!("{group}{number}");
            owner.commit(|batch| batch.messages.push(message(&format!("n{name}"), &name, 0))).await;
        }
    }
    let seen = std::sync::Mutex::new(Vec::new());
    let look = |snapshot: &RecipientSnapshot| {
        seen.lock().unwrap().push((snapshot.address.clone(), snapshot.accepted.clone()));
        RecipientVerdict::default()
    };
    store.claim(&request("mailer", 10), &look).await.unwrap();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(seen.len(), 8);
    for (address, accepted) in seen {
        let counts = matches!(&address[1..2], "0" | "2");
        assert_eq!(accepted, if counts { vec![(at(5), Kind::Marketing)] } else { Vec::new() }, "{address}");
    }
}

/// What another has settled meanwhile is not ended again, does not keep the others from their ends, and whoever has the message in
/// hand by now keeps it.
pub async fn of_attempts_that_end_together_each_is_asked_for(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for name in ["a", "b", "c", "d"] {
        owner.plan(name, vec![message(&format!("m{name}"), name, 0)]).await;
    }
    let attempts = claim(&store, "mailer-1", 1).await;
    let of = |name: &str| attempts.iter().find(|attempt| attempt.due.message.key == key(name)).unwrap();
    // b was taken for lost and put back, and is in another's hand; c is in doubt; d was ended.
    let back = Settlement::Requeue { due: at(1), reason: "mailer_lost".into() };
    assert!(store.settle(of("b"), &back).await.unwrap());
    let again = claim_one(&store, "mailer-2", 2).await;
    assert_eq!(again.due.message.id, "mb");
    assert!(store.settle(of("c"), &Settlement::Ended(ended("mc", MessageState::InDoubt))).await.unwrap());
    assert!(store.settle(of("d"), &Settlement::Ended(ended("md", MessageState::Failed))).await.unwrap());
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.clone(), end_of(attempt, MessageState::Sent))).collect();
    assert_eq!(store.end_attempts(&ends).await.unwrap(), [true, false, true, false]);
    assert_eq!(store.end_attempts(&ends).await.unwrap(), [false; 4]);
    assert_eq!(store.end_attempts(&[]).await.unwrap(), [false; 0]);
    for (name, expected) in [
        ("a", MessageState::Sent),
        ("b", MessageState::Attempting),
        ("c", MessageState::Sent),
        ("d", MessageState::Failed),
    ] {
        assert_eq!(state(&store, name, &format!("m{name}")).await.0, expected, "{name}");
    }
    owner.plan("b", vec![message("n", "b", 0)]).await;
    assert!(claim(&store, "mailer-3", 3).await.is_empty(), "b has a mail in hand");
    assert!(store.settle(&again, &Settlement::Ended(ended("mb", MessageState::Sent))).await.unwrap());
    assert_eq!(claim_one(&store, "mailer-3", 4).await.due.message.id, "n");
    assert_sound(&store).await;
}

/// A mailer that stood still for long was taken for dead, and has the same mail in hand again before its first attempt is over: both
/// may end together. The message is in the later one, whichever is named first; else its accepted mail would leave again.
pub async fn of_two_attempts_at_one_message_the_later_ends(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for (name, later_is_first) in [("a", false), ("b", true)] {
        let id = format!("m{name}");
        owner.plan(name, vec![message(&id, name, 0)]).await;
        let first = claim_one(&store, "mailer", 1).await;
        let back = Settlement::Requeue { due: at(1), reason: "mailer_lost".into() };
        assert!(store.settle(&first, &back).await.unwrap());
        let later = claim_one(&store, "mailer", 2).await;
        assert_eq!((&later.due.message.id, later.attempt), (&id, first.attempt + 1));
        let (failed, sent) = (end_of(&first, MessageState::Failed), end_of(&later, MessageState::Sent));
        let (mut ends, mut expected) = (vec![(first, failed), (later, sent)], vec![false, true]);
        if later_is_first {
            ends.reverse();
            expected.reverse();
        }
        assert_eq!(store.end_attempts(&ends).await.unwrap(), expected, "{name}");
        assert_eq!(state(&store, name, &id).await.0, MessageState::Sent);
        owner.plan(name, vec![message(&format!("n{name}"), name, 0)]).await;
        let next = claim_one(&store, "mailer", 3).await;
        assert_eq!(next.due.message.key, key(name), "nothing of theirs is in hand");
        assert!(
            store.settle(&next, &Settlement::Ended(ended(&next.due.message.id, MessageState::Failed))).await.unwrap()
        );
    }
    assert_eq!(waiting(&store).await.len(), 4);
    assert_sound(&store).await;
}

/// Several who end the same attempts in whatever order: each ends once, and nobody waits for ever.
pub async fn attempts_end_once_whoever_ends_them(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    for number in 0..24 {
        let name = format!("p{number:02}");
        owner.plan(&name, vec![message(&format!("m{name}"), &name, 0)]).await;
    }
    let claim = ClaimRequest { limit: 24, ..request("mailer", 1) };
    let attempts = store.claim(&claim, &send_first).await.unwrap().attempts;
    assert_eq!(attempts.len(), 24);
    let enders = (0..4).map(|number: usize| {
        let (store, mut attempts) = (Arc::clone(&store), attempts.clone());
        attempts.rotate_left(number * 5);
        if number % 2 == 1 {
            attempts.reverse();
        }
        tokio::spawn(async move {
            let mut mine = 0;
            for some in attempts.chunks(8) {
                let ends: Vec<_> =
                    some.iter().map(|attempt| (attempt.clone(), end_of(attempt, MessageState::Sent))).collect();
                mine += loop {
                    match store.end_attempts(&ends).await {
                        Ok(done) => break done.into_iter().filter(|done| *done).count(),
                        // Another writes, or two waited for each other after all: asked again as a mailer would.
                        Err(StoreError::Unavailable(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
            }
            mine
        })
    });
    let mut ended = 0;
    for ender in enders.collect::<Vec<_>>() {
        ended += ender.await.unwrap();
    }
    assert_eq!((ended, waiting(&store).await.len()), (24, 24));
    assert_sound(&store).await;
}
