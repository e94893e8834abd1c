//! Personal fields.

use std::sync::Arc;

use crate::sample::{Owner, claim_one, journey, key, message, partner, person};
use rapport_engine::ports::rows::PersonRow;
use rapport_engine::ports::store::Store;

fn fields(version: i64, fields: &str) -> PersonRow {
    PersonRow { fields: fields.into(), ..person("a", version, None) }
}

async fn name_and_zone(store: &Arc<dyn Store>) -> (String, String) {
    let merged = store.person(&key("a")).await.unwrap().unwrap();
    let merged: serde_json::Value = serde_json::from_str(&merged).unwrap();
    (merged["name"].as_str().unwrap().into(), merged["zone"].as_str().unwrap().into())
}

/// Later wins field by field, in whatever order the versions arrive; a null says nothing.
pub async fn persons_are_merged_by_version(store: Arc<dyn Store>) {
    store.store_persons(&[fields(20, r#"{"name":"Ada L."}"#)]).await.unwrap();
    store.store_persons(&[fields(10, r#"{"name":"Ada","zone":"UTC"}"#)]).await.unwrap();
    assert_eq!(name_and_zone(&store).await, ("Ada L.".into(), "UTC".into()));
    store.store_persons(&[fields(30, r#"{"zone":"Europe/Berlin","name":null}"#)]).await.unwrap();
    assert_eq!(name_and_zone(&store).await, ("Ada L.".into(), "Europe/Berlin".into()));
}

/// A source record read twice brings the same version twice.
pub async fn storing_a_version_again_changes_nothing(store: Arc<dyn Store>) {
    let first = fields(10, r#"{"name":"Ada","zone":"UTC"}"#);
    store.store_persons(&[first.clone(), first.clone()]).await.unwrap();
    store.store_persons(&[first]).await.unwrap();
    store.store_persons(&[]).await.unwrap();
    assert_eq!(name_and_zone(&store).await, ("Ada".into(), "UTC".into()));
}

/// Two events of one instant: none of their fields is lost, together or one after the other, and what is told later wins.
pub async fn a_version_told_again_takes_what_is_new(store: Arc<dyn Store>) {
    let name =
        PersonRow { address: Some("old@x.example".into()), ..fields(10, r#"{"name":"Ada","email":"old@x.example"}"#) };
    let zone = fields(10, r#"{"zone":"UTC","name":null}"#);
    store.store_persons(&[name, zone]).await.unwrap();
    assert_eq!(name_and_zone(&store).await, ("Ada".into(), "UTC".into()));
    let corrected =
        PersonRow { address: Some("new@x.example".into()), ..fields(10, r#"{"email":"new@x.example","name":null}"#) };
    store.store_persons(&[corrected]).await.unwrap();
    store.store_persons(&[fields(10, r#"{"tags":["a",{"b":null}],"score":1.5}"#)]).await.unwrap();
    assert_eq!(name_and_zone(&store).await, ("Ada".into(), "UTC".into()));
    let merged = store.person(&key("a")).await.unwrap().unwrap();
    let merged: serde_json::Value = serde_json::from_str(&merged).unwrap();
    assert_eq!((merged["email"].as_str(), merged["score"].as_f64()), (Some("new@x.example"), Some(1.5)));
    assert_eq!(merged["tags"], serde_json::json!(["a", { "b": null }]));
    let mut owner = Owner::new(&store).await;
    owner
        .commit(|batch| {
            batch.partners.push(partner("a"));
            batch.journeys.push(journey("journey-m", "a"));
            batch.messages.push(message("m", "a", 0));
        })
        .await;
    assert_eq!(claim_one(&store, "mailer", 1).await.address, "new@x.example");
}

/// Nobody stored, nothing told.
pub async fn an_unknown_person_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.person(&key("a")).await.unwrap(), None);
}
