//! Counted links: whoever follows one gets there, and nothing else can be got by it.

use jiff::ToSpan;
use rapport_engine::{clicks::judge_due, ports::store::Store};
use rapport_event::{EngineData, Kind, Payload};
use rapport_message::link::{Claims, Keys};
use rapport_partner::PartnerState;

use crate::world::{Answer, MESSAGE, World, keys, now, path};

const FIREFOX: (&str, &str) = ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0");
const TARGET: &str = "https://acme.example/new?utm_source=mail&x=%20#top";

/// The day of [`now`], counted from 1970-01-01.
pub fn today() -> i64 {
    now().as_second().div_euclid(86_400)
}

pub fn click(link: u32, until: i64) -> Claims {
    Claims::Click {
        message: MESSAGE.into(),
        link: link.to_string(),
        of: "3".into(),
        until: until.to_string(),
        url: TARGET.into(),
    }
}

async fn follow(world: &World, method: &str, path: &str) -> Answer {
    world.ask(method, path, &[FIREFOX], b"").await
}

#[track_caller]
fn assert_leads_there(answer: &Answer) {
    assert_eq!((answer.status, answer.header("location")), (302, Some(TARGET)), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("set-cookie"), None);
}

/// Which links are noted, and whether a machine followed them.
async fn noted(world: &World) -> Vec<(u32, bool)> {
    let open = world.store.open_clicks(now(), 100).await.unwrap();
    open.iter().map(|open| (open.row.link, open.row.machine)).collect()
}

/// Judges what was noted, some minutes later.
async fn judged(world: &World) -> usize {
    judge_due(&*world.store, 4, now() + 5.minutes()).await.unwrap()
}

#[tokio::test]
async fn a_click_leads_to_its_page_and_is_told_once() {
    let world = World::new("en").await;
    for _ in 0..3 {
        assert_leads_there(&follow(&world, "GET", &path(&click(2, today()))).await);
    }
    assert_eq!(noted(&world).await, [(2, false)]);
    assert_eq!(world.outbox().await, [], "nothing is told before it is known who it was");
    assert_eq!(judged(&world).await, 1);
    assert_leads_there(&follow(&world, "GET", &path(&click(2, today()))).await);
    assert_eq!(judged(&world).await, 0);
    let records = world.outbox().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&record.kind, record.occurred_at), (&Kind::MessageClicked, now()));
    let Payload::Engine(data) = &record.payload else { panic!("{record:?}") };
    let EngineData::Outcome(data) = &**data else { panic!("{data:?}") };
    assert_eq!((&*data.message, data.link, data.workflow.as_deref()), (MESSAGE, Some(2), Some("re-engagement")));
    let facts = record.facts();
    assert_eq!(facts.get("link"), Some(&serde_json::json!(2)));
    assert!(!serde_json::to_string(&facts).unwrap().contains("acme.example"), "{facts:?}");
    world.stop().await;
}

#[tokio::test]
async fn machines_get_there_and_are_not_told() {
    let world = World::new("en").await;
    assert_leads_there(&follow(&world, "HEAD", &path(&click(1, today()))).await);
    assert_eq!(noted(&world).await, []);
    assert_leads_there(&world.ask("GET", &path(&click(1, today())), &[("User-Agent", "curl/8.5.0")], b"").await);
    assert_leads_there(&world.get(&path(&click(2, today()))).await);
    assert_eq!(noted(&world).await, [(1, true), (2, true)]);
    assert_eq!(judged(&world).await, 2);
    assert_eq!(world.outbox().await, []);
    world.stop().await;
}

#[tokio::test]
async fn who_follows_all_links_at_once_is_a_scanner() {
    let world = World::new("en").await;
    for link in 1..=3 {
        assert_leads_there(&follow(&world, "GET", &path(&click(link, today()))).await);
    }
    assert_eq!(judged(&world).await, 3);
    assert_eq!(world.outbox().await, []);
    world.stop().await;
}

#[tokio::test]
async fn a_link_that_is_not_ours_leads_nowhere_and_tells_nothing() {
    let world = World::new("en").await;
    let genuine = path(&click(1, today()));
    let foreign = Keys::new([b"another key".to_vec()]).unwrap().url("", &click(1, today())).unwrap();
    let token = genuine.rsplit('/').next().unwrap();
    let with = |url: &str, link: &str, of: &str| {
        let (message, until) = (MESSAGE.into(), today().to_string());
        path(&Claims::Click { message, link: link.into(), of: of.into(), until, url: url.into() })
    };
    for wrong in [
        foreign,
        genuine[..genuine.len() - 2].to_owned(),
        format!("{genuine}A"),
        "/l/".to_owned(),
        "/l/%ff".to_owned(),
        format!("/u/{token}"),
        path(&crate::world::why()).replace("/w/", "/l/"),
        // Signed, and nothing a mailer would sign.
        with("javascript:alert(1)", "1", "3"),
        with("https://acme.example/\r\nSet-Cookie: a=b", "1", "3"),
        with("//acme.example", "1", "3"),
        with(TARGET, "4", "3"),
        with(TARGET, "0", "3"),
        with(TARGET, "x", "3"),
    ] {
        let answer = follow(&world, "GET", &wrong).await;
        assert_eq!((answer.status, answer.header("location")), (404, None), "{wrong}: {answer:?}");
        assert!(!answer.body.contains("acme.example/new") && !answer.body.contains(MESSAGE), "{answer:?}");
    }
    let over = follow(&world, "GET", &path(&click(1, today() - 1))).await;
    assert_eq!((over.status, over.header("location")), (410, None), "{over:?}");
    assert_eq!(world.form(&genuine, "").await.status, 405);
    assert_eq!(noted(&world).await, []);
    // A key that was retired goes on counting.
    let old = Keys::new([b"a retired key".to_vec()]).unwrap().url("", &click(1, today())).unwrap();
    assert_leads_there(&follow(&world, "GET", &old).await);
    assert_ne!(keys().url("", &click(1, today())).unwrap(), old);
    world.stop().await;
}

#[tokio::test]
async fn whoever_follows_a_link_gets_there_though_nothing_can_be_noted() {
    let world = World::new("en").await;
    world.clock.go_away(true);
    assert_leads_there(&follow(&world, "GET", &path(&click(1, today()))).await);
    world.clock.go_away(false);
    assert_eq!(noted(&world).await, []);
    world.stop().await;
}

#[tokio::test]
async fn the_erased_get_there_and_nothing_is_noted() {
    let world = World::new("en").await;
    assert_leads_there(&follow(&world, "GET", &path(&click(1, today()))).await);
    world.erase().await;
    assert_eq!(noted(&world).await, []);
    assert_leads_there(&follow(&world, "GET", &path(&click(2, today()))).await);
    assert_eq!(noted(&world).await, []);
    assert_eq!(judged(&world).await, 0);
    world.stop().await;
}

#[tokio::test]
async fn clicks_of_those_who_object_to_being_judged_lead_there_and_are_told_to_nobody() {
    let world = World::new("en").await;
    let mut state = PartnerState::default();
    state.profile.objects_to_profiling.tell(Some(true), now());
    world.state(&state).await;
    assert_leads_there(&follow(&world, "GET", &path(&click(2, today()))).await);
    assert_eq!(judged(&world).await, 1);
    assert_eq!(world.outbox().await, []);
    state.profile.objects_to_profiling.tell(Some(false), now() + 1.minutes());
    world.state(&state).await;
    assert_leads_there(&follow(&world, "GET", &path(&click(1, today()))).await);
    assert_eq!(judged(&world).await, 1);
    assert_eq!(world.outbox().await.len(), 1, "the objection was taken back");
    world.stop().await;
}
