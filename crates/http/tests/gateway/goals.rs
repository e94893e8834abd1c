use std::collections::BTreeMap;

use jiff::civil::date;
use rapport_engine::shard::goals::agreed::{Act, Agreement, Proposal, Terms};
use rapport_event::{EngineData, Event, Kind, engine::GoalData};
use rapport_message::link::{Claims, Keys};

use crate::world::{World, goal, now, path};

/// A goal of 5,000 EUR for the first quarter, proposed as `p1`, and what happened since.
fn agreement(acts: &[Act]) -> BTreeMap<String, Agreement> {
    let terms = Terms {
        metric: "approved_revenue".into(),
        target: 500_000,
        from: date(2027, 1, 1),
        to: date(2027, 3, 31),
        tell_at: vec![50],
    };
    let proposal = Proposal { id: String::new(), terms, owner: None, by: None, at: now(), counter: None };
    let mut agreement = Agreement::default();
    for act in [Act::Propose(proposal)].iter().chain(acts) {
        assert!(agreement.apply("p1", act, now()), "{act:?}");
    }
    [("own_approved_revenue".to_owned(), agreement)].into()
}

pub async fn world(language: &str, acts: &[Act]) -> World {
    let world = World::new(language).await;
    world.keep(agreement(acts)).await;
    world
}

fn data(event: &Event) -> &GoalData {
    let Some(EngineData::Goal(data)) = event.engine() else { panic!("{event:?}") };
    data
}

#[tokio::test]
async fn looking_at_a_goal_as_often_as_one_likes_answers_nothing() {
    let world = world("en", &[]).await;
    let before = world.written().await;
    for _ in 0..50 {
        let page = world.get(&path(&goal("p1"))).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("approved revenue, from 1 January 2027 to 31 March 2027"), "{}", page.body);
        assert_eq!(world.ask("HEAD", &path(&goal("p1")), &[], b"").await.status, 200);
    }
    for nothing in ["", "answer=", "answer=perhaps", "List-Unsubscribe=One-Click", "answer=counter", "%%%"] {
        let page = world.form(&path(&goal("p1")), nothing).await;
        assert!(page.status == 200 || page.status == 422, "{nothing}: {page:?}");
    }
    assert_eq!(world.written().await, before);
    world.stop().await;
}

#[tokio::test]
async fn a_goal_is_agreed_on_by_a_button_however_often_it_is_pressed() {
    let world = world("en", &[]).await;
    for _ in 0..3 {
        let page = world.form(&path(&goal("p1")), "answer=accept").await;
        assert!(page.status == 200 && page.body.contains("Agreed"), "{page:?}");
    }
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&record.kind, record.occurred_at), (&Kind::GoalAccepted, now()));
    let data = data(record);
    assert_eq!((&*data.goal, &*data.proposal, data.by.as_deref()), ("own_approved_revenue", "p1", Some("partner")));
    assert_eq!(data.target, None, "what was proposed is known; a form does not say it again");
    world.stop().await;
}

#[tokio::test]
async fn other_terms_are_taken_when_they_can_be() {
    let world = world("de", &[]).await;
    let link = path(&goal("p1"));
    for wrong in [
        "answer=counter&target=0&until=2027-03-31",
        "answer=counter&target=-5&until=2027-03-31",
        "answer=counter&target=4.000&until=2027-03-31",
        "answer=counter&target=4000&until=2026-12-31",
        "answer=counter&target=4000&until=2031-01-01",
        "answer=counter&target=4000&until=tomorrow",
        "answer=counter&target=NaN&until=2027-03-31",
        "answer=counter&target=4000",
    ] {
        let page = world.form(&link, wrong).await;
        assert!(page.status == 422 && page.body.contains("role=\"alert\""), "{wrong}: {page:?}");
    }
    assert_eq!(world.outbox().await, []);
    let page = world.form(&link, "answer=counter&target=4000%2C50&until=2027-04-30").await;
    assert!(page.status == 200 && page.body.contains("30. April 2027"), "{page:?}");
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    let data = data(record);
    assert_eq!((&record.kind, data.target, data.until), (&Kind::GoalCountered, Some(400_050), Some(date(2027, 4, 30))));
    world.stop().await;
}

#[tokio::test]
async fn a_no_is_taken_and_thanked_for() {
    let world = world("en", &[]).await;
    let page = world.form(&path(&goal("p1")), "answer=decline").await;
    assert!(page.status == 200 && page.body.contains("No goal, then"), "{page:?}");
    assert_eq!(world.outbox().await.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(), [Kind::GoalDeclined]);
    world.stop().await;
}

#[tokio::test]
async fn the_page_says_how_things_stand_and_takes_no_answer_to_what_is_over() {
    let to = date(2027, 4, 30);
    let countered = world("en", &[Act::Counter { target: 400_000, to }]).await;
    let page = countered.get(&path(&goal("p1"))).await;
    assert!(page.body.contains("We have not answered yet") && page.body.contains("value=\"accept\""), "{}", page.body);
    countered.stop().await;
    let agreed = world("en", &[Act::Accept { counter: None }]).await;
    let page = agreed.get(&path(&goal("p1"))).await;
    assert!(page.status == 200 && page.body.contains("Agreed on 21 November 2026"), "{page:?}");
    assert!(!page.body.contains("<form"), "{}", page.body);
    let before = agreed.written().await;
    assert_eq!(agreed.form(&path(&goal("p1")), "answer=decline").await.status, 200);
    assert_eq!(agreed.written().await, before);
    for wrong in [goal("p0"), Claims::Goal { program: "default".into(), partner: "p-18".into(), proposal: "p1".into() }]
    {
        let page = agreed.get(&path(&wrong)).await;
        assert!(page.status == 410 && page.body.contains("This proposal is closed"), "{page:?}");
        assert_eq!(agreed.form(&path(&wrong), "answer=accept").await.status, 410);
    }
    assert_eq!(agreed.written().await, before);
    agreed.stop().await;
    let withdrawn = world("en", &[Act::Withdraw]).await;
    assert_eq!(withdrawn.form(&path(&goal("p1")), "answer=accept").await.status, 410);
    assert_eq!(withdrawn.outbox().await, []);
    withdrawn.stop().await;
}

#[tokio::test]
async fn a_retired_key_still_opens_a_goal_and_a_foreign_one_does_not() {
    let world = world("en", &[]).await;
    let retired = Keys::new([b"a retired key".to_vec()]).unwrap().url("", &goal("p1")).unwrap();
    assert_eq!(world.form(&retired, "answer=accept").await.status, 200);
    let foreign = Keys::new([b"somebody else's".to_vec()]).unwrap().url("", &goal("p1")).unwrap();
    assert_eq!(world.form(&foreign, "answer=accept").await.status, 404);
    assert_eq!(world.outbox().await.len(), 1);
    world.stop().await;
}

#[tokio::test]
async fn the_pages_of_a_goal_are_in_the_partners_language_and_hold_nothing_foreign() {
    for (language, said) in [("en", "Propose this instead"), ("de-AT", "Das schlage ich vor")] {
        let world = world(language, &[]).await;
        let page = world.get(&path(&goal("p1"))).await;
        assert!(page.body.contains(said), "{}", page.body);
        assert!(!page.body.contains("<script") && !page.body.contains(" style=") && !page.body.contains("Ada"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        world.stop().await;
    }
}
