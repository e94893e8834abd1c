//! Language, pace and a time of rest on the page of preferences.

use rapport_engine::{
    operate::{self, Subject},
    ports::{rows::PersonRow, store::Store},
};
use rapport_event::{Kind, PartnerKey};
use rapport_message::link::{Claims, Keys};
use serde_json::Value;

use crate::world::{ADDRESS, PARTNER, World, now, path, preferences, why};

/// What is chosen, as it is kept of the partner.
async fn chosen(world: &World, name: &str) -> Value {
    world.person().await[name].clone()
}

#[tokio::test]
async fn a_hundred_gets_choose_nothing_and_a_form_sent_twice_is_one() {
    let world = World::new("en").await;
    let link = path(&preferences());
    for (form, name, value) in [
        ("language=de&pace=any", "chosen_language", "de"),
        ("language=de&pace=weekly", "chosen_pace", "weekly"),
        ("pause=begin", "paused_until", "2026-12-21T10:00:00Z"),
    ] {
        let (before, kept) = (world.written().await, world.person().await);
        for _ in 0..100 {
            assert_eq!(world.get(&format!("{link}?{form}")).await.status, 200);
        }
        assert_eq!((world.written().await, world.person().await), (before.clone(), kept));
        for _ in 0..2 {
            assert_eq!(world.form(&link, form).await.status, 200, "{form}");
            assert_eq!(chosen(&world, name).await, value, "{form}");
            assert_eq!(world.outbox().await.len(), before.0 + 1, "{form}");
        }
        let record = world.outbox().await.pop().unwrap();
        assert_eq!((&record.kind, record.occurred_at), (&Kind::PartnerUpdated, now()));
        assert_eq!(record.person_version, Some(now().as_millisecond()));
        assert_eq!(record.partner().unwrap().extra.get(name), Some(&Value::from(value)));
    }
    assert_eq!(world.suppressions().await, []);
    world.stop().await;
}

#[tokio::test]
async fn the_language_that_was_chosen_is_that_of_every_page() {
    let world = World::new("de").await;
    let page = world.get(&path(&preferences())).await.body;
    assert!(page.contains("name=\"language\" value=\"de\" checked"), "{page}");
    assert!(page.contains("<legend>Sprache</legend>") && page.contains(">English<"), "{page}");
    let page = world.form(&path(&preferences()), "language=en&pace=any").await.body;
    assert!(page.contains("<html lang=\"en\">") && page.contains("Saved."), "{page}");
    assert!(page.contains("name=\"language\" value=\"en\" checked"), "{page}");
    assert!(world.get(&path(&why())).await.body.contains("<html lang=\"en\">"));
    // What a tracker tells later stands beside it.
    let (key, version) = (PartnerKey::new("default", PARTNER).unwrap(), now().as_millisecond() + 1);
    let told = PersonRow { key, version, address: None, fields: r#"{"language":"de"}"#.into() };
    world.store.store_persons(&[told]).await.unwrap();
    assert!(world.get(&path(&why())).await.body.contains("<html lang=\"en\">"));
    for odd in ["language=fr", "language=", "pace=hourly", "pause=for+ever", "pause=end", "chosen_language=fr"] {
        assert_eq!(world.form(&path(&preferences()), odd).await.status, 200, "{odd}");
    }
    assert_eq!(world.outbox().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_rest_says_until_when_what_still_comes_and_how_it_ends() {
    let world = World::new("en").await;
    let link = path(&preferences());
    let page = world.get(&link).await.body;
    assert!(page.contains("Pause for 30 days") && !page.contains("End the break"), "{page}");
    let page = world.form(&link, "pause=begin").await.body;
    assert!(page.contains("until 21 December 2026") && page.contains("Still sent"), "{page}");
    assert!(page.contains("End the break") && !page.contains("Pause for 30 days"), "{page}");
    let page = world.form(&link, "pause=end").await.body;
    assert!(page.contains("Pause for 30 days"), "{page}");
    assert_eq!(chosen(&world, "paused_until").await, "2026-11-21T10:00:00Z");
    assert_eq!(world.outbox().await.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn where_mail_goes_is_told_without_telling_the_address() {
    let world = World::new("en").await;
    let link = path(&preferences());
    let page = world.get(&link).await.body;
    assert!(page.contains("by mail only, to a•••@partner.example") && page.contains("partners@acme.example"), "{page}");
    assert!(!page.to_lowercase().contains(&ADDRESS.to_lowercase()), "{page}");
    assert!(!page.contains("all our mails to you wait"), "{page}");
    // A hold by a person holds all mail, and only a person ends it.
    let held = Subject::Partner(PartnerKey::new("default", PARTNER).unwrap());
    operate::pause(&*world.store, 4, &held, None, ("ines", "asked for rest"), now()).await.unwrap();
    let page = world.form(&link, "pause=end").await.body;
    assert!(page.contains("all our mails to you wait"), "{page}");
    assert_eq!(world.store.pauses().await.unwrap().len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn strangers_and_forgers_choose_nothing() {
    let world = World::new("en").await;
    let (before, kept) = (world.written().await, world.person().await);
    let foreign = Keys::new([b"somebody else's".to_vec()]).unwrap().url("", &preferences()).unwrap();
    assert_eq!(world.form(&foreign, "language=de&pace=weekly&pause=begin").await.status, 404);
    let elsewhere = path(&why()).replacen("/w/", "/p/", 1);
    assert_eq!(world.form(&elsewhere, "pause=begin").await.status, 404);
    // Of whom no address is known, or no more, there is nothing to choose.
    let nobody = path(&Claims::Preferences { program: "default".into(), partner: "p-18".into() });
    let page = world.form(&nobody, "language=de&pace=weekly&pause=begin").await;
    assert!(page.status == 200 && page.body.contains("know no address of yours"), "{page:?}");
    assert_eq!((world.written().await, world.person().await), (before, kept));
    assert_eq!(world.store.person(&PartnerKey::new("default", "p-18").unwrap()).await.unwrap(), None);
    world.stop().await;
}
