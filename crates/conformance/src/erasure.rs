//! What a record of an erasure changes beside the shard.

use std::sync::Arc;

use rapport_contact::hashed;

use crate::sample::{
    Owner, assert_sound, at, claim, claim_one, ended, key, message, person, request, send_first, state,
};
use rapport_engine::ports::rows::{MessageState, Rebuilt};
use rapport_engine::ports::store::{EndedMessage, Resolution, Settlement, Store, SuppressionChange};

const ADDRESS: &str = "a@x.example";

async fn erase(owner: &mut Owner) {
    owner.commit(|batch| batch.rebuilt = vec![Rebuilt::Erased { key: key("a"), at: at(5) }]).await;
}

/// Personal fields are gone, queued mail does not leave, and what is told again of the time before stays away. The address is
/// suppressed by its hash, also when it comes back later or with somebody else; doing it again changes nothing.
pub async fn an_erased_partner_is_not_written_to_again(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("m1", "a", 0), message("m2", "a", 0)]).await;
    store
        .change_suppressions(&[SuppressionChange::add(ADDRESS, Some("tips"), "unsubscribe", at(1))], &[])
        .await
        .unwrap();
    let first = claim_one(&store, "mailer", 1).await;
    let sent = Settlement::Ended(ended("m1", MessageState::Sent));
    assert!(store.settle(&first, &sent).await.unwrap());
    for _ in 0..2 {
        erase(&mut owner).await;
        assert_eq!(store.person(&key("a")).await.unwrap(), None);
        assert_eq!(state(&store, "a", "m2").await, (MessageState::Cancelled, Some("erased".into())));
        assert_eq!(state(&store, "a", "m1").await.0, MessageState::Sent);
        assert_eq!(store.message("m1").await.unwrap().unwrap().context, "{}");
        assert_eq!(claim(&store, "mailer", 9).await.len(), 0);
        assert_eq!(store.partners_at(ADDRESS).await.unwrap(), []);
        assert_sound(&store).await;
    }
    let told = store.suppressions(ADDRESS).await.unwrap();
    assert_eq!(told, [(None, "erased".into()), (Some("tips".into()), "unsubscribe".into())]);
    // Told again of before: nothing. Of after: kept, and not written to.
    store.store_persons(&[person("a", at(5).as_millisecond(), Some(ADDRESS))]).await.unwrap();
    assert_eq!(store.person(&key("a")).await.unwrap(), None);
    store.store_persons(&[person("a", at(6).as_millisecond(), Some("A@x.example"))]).await.unwrap();
    assert!(store.person(&key("a")).await.unwrap().is_some());
    owner.plan("b", vec![message("m3", "b", 0)]).await;
    store.store_persons(&[person("b", 9, Some(ADDRESS))]).await.unwrap();
    let look = |snapshot: &rapport_engine::ports::store::RecipientSnapshot| {
        if snapshot.address == ADDRESS {
            assert!(snapshot.suppressions.contains(&(None, "erased".to_owned())), "{:?}", snapshot.suppressions);
        }
        send_first(snapshot)
    };
    // The first look moves the mail to the newest address, the second finds it there.
    let mut found = store.claim(&request("mailer", 9), &look).await.unwrap().attempts;
    found.extend(store.claim(&request("mailer", 9), &look).await.unwrap().attempts);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].address, ADDRESS);
    // What is said of the address later is kept under the hash as well: an erasure of nobody else makes it plain again.
    store.change_suppressions(&[SuppressionChange::add(ADDRESS, None, "complaint", at(9))], &[]).await.unwrap();
    assert!(store.suppressions(&hashed(ADDRESS)).await.unwrap().contains(&(None, "complaint".into())));
}

/// Nobody can call a mail back that is on its way; what is written of it names nobody any more.
pub async fn what_was_in_hand_is_erased_when_it_is_settled(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        let more = message(&format!("{name}2"), name, 0);
        owner.plan(name, vec![message(&format!("{name}1"), name, 0), more]).await;
    }
    let attempts = claim(&store, "mailer", 1).await;
    assert_eq!(attempts.len(), names.len());
    for name in names {
        owner.commit(|batch| batch.rebuilt = vec![Rebuilt::Erased { key: key(name), at: at(5) }]).await;
    }
    let end = |id: &str, state: MessageState, reason: &str| {
        Settlement::Ended(EndedMessage { reason: reason.into(), ..ended(id, state) })
    };
    for attempt in &attempts {
        let id = attempt.due.message.id.as_str();
        let settlement = match id {
            "a1" => Settlement::Requeue { due: at(2), reason: "busy".into() },
            "b1" => end(id, MessageState::Sent, ""),
            "c1" => end(id, MessageState::Failed, "550 no such user <c@x.example>"),
            _ => end(id, MessageState::InDoubt, "the connection broke"),
        };
        assert!(store.settle(attempt, &settlement).await.unwrap());
    }
    let reason = |reason: &str| Some(reason.to_owned());
    assert_eq!(state(&store, "a", "a1").await, (MessageState::Cancelled, reason("erased")));
    assert_eq!(state(&store, "b", "b1").await, (MessageState::Sent, reason("")));
    assert_eq!(state(&store, "c", "c1").await, (MessageState::Failed, reason("erased")));
    let doubtful = store.doubtful(9).await.unwrap();
    assert_eq!(doubtful.iter().map(|row| row.address.as_str()).collect::<Vec<_>>(), [hashed("d@x.example")]);
    let again = Resolution::SendAgain { due: at(9), expires: at(90), reason: "for ines".into() };
    assert!(!store.resolve(&doubtful[0], &again).await.unwrap(), "not to a hash");
    assert_eq!(claim(&store, "mailer", 9).await.len(), 0);
    for name in names {
        assert_eq!(store.suppressions(&format!("{name}@x.example")).await.unwrap(), [(None, "erased".into())]);
    }
    assert_sound(&store).await;
}
