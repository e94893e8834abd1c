//! Facts, processes, and who owns which shard.

use std::sync::Arc;
use std::time::Duration;

use crate::sample::{LONG, at};
use rapport_engine::clocks;
use rapport_engine::ports::rows::COORDINATOR;
use rapport_engine::ports::store::Store;

/// A migrated database needs nothing else before shards are made, and making them again changes nothing.
pub async fn a_fresh_store_has_the_schema_and_no_shards(store: Arc<dyn Store>) {
    store.check_schema().await.expect("the schema of this binary");
    assert_eq!(store.shard_rows().await.unwrap(), []);
    store.create_shards(3).await.unwrap();
    store.create_shards(3).await.unwrap();
    let shards: Vec<_> = store.shard_rows().await.unwrap().into_iter().map(|row| row.shard).collect();
    assert_eq!(shards, [COORDINATOR, 0, 1, 2]);
    assert!(store.server_time().await.unwrap() > at(0));
}

/// `pin_meta` keeps the first value, `set_meta` the last; the replay's present only moves on.
pub async fn facts_are_pinned_once_and_the_present_never_goes_back(store: Arc<dyn Store>) {
    assert_eq!(store.meta("shards").await.unwrap(), None);
    assert_eq!(store.pin_meta("shards", "64").await.unwrap(), "64");
    assert_eq!(store.pin_meta("shards", "32").await.unwrap(), "64");
    store.set_meta("shards", "32").await.unwrap();
    assert_eq!(store.meta("shards").await.unwrap().as_deref(), Some("32"));
    for (number, stands) in [(9_000_000_000, "9000000000"), (70, "70"), (800, "70"), (-1, "-1")] {
        store.lower_meta("began", number).await.unwrap();
        assert_eq!(store.meta("began").await.unwrap().as_deref(), Some(stands));
    }
    assert_eq!(store.replay_present().await.unwrap(), None);
    for present in [at(10), at(5), at(20)] {
        store.set_replay_present(present).await.unwrap();
    }
    assert_eq!(store.replay_present().await.unwrap(), Some(at(20)));
    store.set_replay_present(at(15)).await.unwrap();
    assert_eq!(store.replay_present().await.unwrap(), Some(at(20)));
    // It is what people call now until services run by the server's time, and again from the next replay on.
    let server = store.server_time().await.unwrap();
    clocks::take_over(store.as_ref(), true).await.unwrap();
    assert_eq!(clocks::present(store.as_ref()).await.unwrap(), at(20));
    clocks::take_over(store.as_ref(), false).await.unwrap();
    assert!(clocks::present(store.as_ref()).await.unwrap() >= server);
    clocks::take_over(store.as_ref(), true).await.unwrap();
    assert_eq!(clocks::present(store.as_ref()).await.unwrap(), at(20));
}

/// Of many that want a free shard, one gets it.
pub async fn a_free_shard_is_taken_once(store: Arc<dyn Store>) {
    store.create_shards(1).await.unwrap();
    let wanting = (0..4).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.take_shard(0, &format!("engine-{number}"), LONG).await.unwrap() })
    });
    let got = futures::future::join_all(wanting).await;
    let taken: Vec<_> = got.into_iter().filter_map(|row| row.unwrap()).collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].epoch, 1);
    assert_eq!(store.shard_rows().await.unwrap()[1].owner, taken[0].owner);
}

/// A living owner keeps its shard; a silent one loses it; one that takes its own shard again gets a new epoch.
pub async fn taking_over_needs_silence_and_raises_the_epoch(store: Arc<dyn Store>) {
    store.create_shards(1).await.unwrap();
    let first = store.take_shard(0, "engine-a", LONG).await.unwrap().unwrap();
    assert_eq!(store.take_shard(0, "engine-b", LONG).await.unwrap(), None);
    let again = store.take_shard(0, "engine-a", LONG).await.unwrap().unwrap();
    assert_eq!(again.epoch, first.epoch + 1);
    let over = store.take_shard(0, "engine-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!((over.epoch, over.owner.as_deref()), (first.epoch + 2, Some("engine-b")));
}

/// A heartbeat tells who else of the kind lives.
pub async fn heartbeats_list_the_living(store: Arc<dyn Store>) {
    store.heartbeat("engine", "a", LONG).await.unwrap();
    store.heartbeat("mailer", "m", LONG).await.unwrap();
    assert_eq!(store.heartbeat("engine", "b", LONG).await.unwrap().processes, ["a", "b"]);
    store.farewell("engine", "a").await.unwrap();
    assert_eq!(store.heartbeat("engine", "b", LONG).await.unwrap().processes, ["b"]);
}

/// A shard taken over is not among those touched.
pub async fn touching_tells_what_is_still_ours(store: Arc<dyn Store>) {
    store.create_shards(3).await.unwrap();
    let mut owned = Vec::new();
    for shard in 0..3 {
        owned.push((shard, store.take_shard(shard, "engine-a", LONG).await.unwrap().unwrap().epoch));
    }
    assert_eq!(store.touch_shards("engine-a", &owned).await.unwrap(), [0, 1, 2]);
    store.take_shard(1, "engine-b", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(store.touch_shards("engine-a", &owned).await.unwrap(), [0, 2]);
    assert_eq!(store.touch_shards("engine-a", &[]).await.unwrap(), [0_i32; 0]);
}

/// Giving up works under the own epoch only.
pub async fn a_released_shard_is_free(store: Arc<dyn Store>) {
    store.create_shards(1).await.unwrap();
    let row = store.take_shard(0, "engine-a", LONG).await.unwrap().unwrap();
    store.release_shard(0, row.epoch - 1).await.unwrap();
    assert_eq!(store.take_shard(0, "engine-b", LONG).await.unwrap(), None);
    store.release_shard(0, row.epoch).await.unwrap();
    assert!(store.take_shard(0, "engine-b", LONG).await.unwrap().is_some());
}

/// After a restore the commits count on from what the log was told; whoever owned the shard before is fenced.
pub async fn a_raised_commit_number_has_no_owner_and_never_goes_back(store: Arc<dyn Store>) {
    store.create_shards(1).await.unwrap();
    let before = store.take_shard(0, "engine-a", LONG).await.unwrap().unwrap();
    store.raise_commit_no(0, 12).await.unwrap();
    store.raise_commit_no(0, 5).await.unwrap();
    let row = store.shard_row(0).await.unwrap().unwrap();
    assert_eq!((row.commit_no, row.owner.as_deref()), (12, None));
    assert!(row.epoch > before.epoch);
    assert!(store.take_shard(0, "engine-b", LONG).await.unwrap().is_some());
}
