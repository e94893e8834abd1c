//! What a record of an erasure changes beside the shard.

use std::sync::Arc;

use rapport_contact::hashed;

use super::sample::{
    Owner, assert_sound, at, claim, claim_one, ended, key, message, person, request, send_first, state,
};
use crate::ports::rows::{MessageState, Rebuilt};
use crate::ports::store::{Settlement, Store, SuppressionChange};

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
    let look = |snapshot: &crate::ports::store::RecipientSnapshot| {
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
    owner.plan("a", vec![message("m1", "a", 0), message("m2", "a", 0)]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    erase(&mut owner).await;
    let back = Settlement::Requeue { due: at(2), reason: "busy".into() };
    assert!(store.settle(&attempt, &back).await.unwrap());
    assert_eq!(state(&store, "a", "m1").await, (MessageState::Cancelled, Some("erased".into())));
    assert_eq!(claim(&store, "mailer", 9).await.len(), 0);
    owner.plan("b", vec![message("n1", "b", 0)]).await;
    let attempt = claim_one(&store, "mailer", 9).await;
    owner.commit(|batch| batch.rebuilt = vec![Rebuilt::Erased { key: key("b"), at: at(5) }]).await;
    let sent = Settlement::Ended(ended("n1", MessageState::Sent));
    assert!(store.settle(&attempt, &sent).await.unwrap());
    assert_eq!(state(&store, "b", "n1").await.0, MessageState::Sent);
    assert_sound(&store).await;
}
