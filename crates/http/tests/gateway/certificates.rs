use rapport_engine::shard::{facts::marks, react::Given};
use rapport_message::link::{Claims, Keys};

use crate::world::{World, now, path};

pub fn certificate(award: &str) -> Claims {
    Claims::Certificate { program: "default".into(), partner: "p-17".into(), award: award.into() }
}

pub async fn world(language: &str) -> World {
    let world = World::new(language).await;
    let given = |id: &str, award: &str, because: Option<&str>| Given {
        id: id.into(),
        award: award.into(),
        at: now(),
        because: because.map(Into::into),
        training: None,
    };
    let learnt = |id: &str, training: &str| Given { training: Some(training.into()), ..given(id, "development", None) };
    let all = [
        given("a1", "spot", Some("for <b>winter</b> tyres")),
        given("a2", "tenure", None),
        given("a3", "gone", None),
        learnt("a4", "first-steps"),
        learnt("a5", "secret-course"),
    ];
    world.mark(marks::AWARDS, serde_json::to_vec(&all).unwrap()).await;
    world
}

#[tokio::test]
async fn a_certificate_says_what_it_is_for_and_who_gave_it_to_whom() {
    let english = world("en").await;
    let page = english.get(&path(&certificate("a1"))).await;
    assert_eq!(page.status, 200);
    for said in ["Well done", "for &lt;b&gt;winter&lt;/b&gt; tyres", "Given on"] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    english.stop().await;
    let german = world("de").await;
    let page = german.get(&path(&certificate("a2"))).await;
    for said in ["Gemeinsame Jahre", "für die Jahre, die wir zusammenarbeiten", "Verliehen am"] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    // One that the files no longer have is still an award.
    assert!(german.get(&path(&certificate("a3"))).await.body.contains("gone"));
    german.stop().await;
}

#[tokio::test]
async fn a_certificate_for_a_training_names_it_where_it_is_declared() {
    for (language, title) in [("en", "Completed: First steps"), ("de", "Abgeschlossen: Erste Schritte")] {
        let world = world(language).await;
        let page = world.get(&path(&certificate("a4"))).await;
        assert!(page.body.contains(title), "{title}: {}", page.body);
        let page = world.get(&path(&certificate("a5"))).await;
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("secret-course") && !page.body.contains("Completed"), "{}", page.body);
        world.stop().await;
    }
}

#[tokio::test]
async fn what_was_never_given_or_not_signed_shows_nothing() {
    let world = world("en").await;
    let forged = Keys::new([b"another key".to_vec()]).unwrap().url("", &certificate("a1")).unwrap();
    for nowhere in [path(&certificate("a9")), forged, "/c/x".to_owned(), path(&certificate("a1")).replace("/c/", "/g/")]
    {
        let page = world.get(&nowhere).await;
        assert_eq!(page.status, 404, "{nowhere}");
        assert!(!page.body.contains("winter"));
    }
    world.stop().await;
}
