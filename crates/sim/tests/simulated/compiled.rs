//! Files are compiled once for all services of a process that share them, and never taken for others.

use std::sync::Arc;

use rapport_engine::{
    apply,
    ports::store::Store,
    rulebooks::{Compiled, Rulebooks},
};
use rapport_memory::store::MemoryStore;
use rapport_sim::world;

async fn with_files(change: impl Fn(&mut String)) -> (Arc<dyn Store>, String) {
    let memory = Arc::new(MemoryStore::default());
    let store: Arc<dyn Store> = memory.clone();
    store.create_shards(1).await.unwrap();
    let mut texts = world::shipped_files();
    change(texts.get_mut("workflows/welcome/workflow.yaml").unwrap());
    let request =
        apply::Request { texts, by: "test".into(), since: None, approval: apply::Approval::NotNeeded, plan: None };
    apply::apply(&store, request, 1, memory.server_now()).await.unwrap();
    let hash = store.current_definition_hash().await.unwrap().unwrap();
    (store, hash)
}

#[tokio::test]
async fn those_who_share_get_one_rulebook_of_the_same_files_and_another_of_others() {
    let compiled = Arc::new(Compiled::default());
    let (store, hash) = with_files(|_| {}).await;
    let of = |store: &Arc<dyn Store>| Rulebooks::sharing(store.clone(), compiled.clone());
    let first = of(&store).current().await.unwrap().unwrap();
    let second = of(&store).current().await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let alone = Rulebooks::new(store.clone()).current().await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&first, &alone) && alone.hash == first.hash);

    // Another first deployment is another rulebook, and so are other texts under a hash that was theirs.
    let mut row = store.definition(&hash).await.unwrap().unwrap();
    assert!(Arc::ptr_eq(&compiled.of(&row).unwrap(), &first));
    let deployed = std::mem::replace(&mut row.deployed, "{}".to_owned());
    let undeployed = compiled.of(&row).unwrap();
    assert!(!Arc::ptr_eq(&undeployed, &first) && undeployed.deployed.is_empty());
    row.deployed = deployed;
    row.sources = row.sources.replace("wait: 3 days", "wait: 4 days");
    assert!(!Arc::ptr_eq(&compiled.of(&row).unwrap(), &first));
    row.sources = "{}".to_owned();
    assert!(compiled.of(&row).is_err(), "what is broken is not taken for what was sound");

    let (other, _) = with_files(|text| *text = text.replace("wait: 3 days", "wait: 5 days")).await;
    let other = of(&other).current().await.unwrap().unwrap();
    assert!(!Arc::ptr_eq(&other, &first) && other.hash != first.hash);
}
