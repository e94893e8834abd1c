//! A record that services made as they run live: two engines, relays and mailers each on one store and log, by the server's time, with
//! processes killed in the middle, mailers that are down and nights without anybody. Played again it comes out as it did.

mod world;

use rapport_engine::operate::{self, Subject};
use rapport_engine::rulebooks::Rulebooks;
use serde_json::json;

use self::world::{SHARDS, World, files, replaced};

/// Greets, waits a minute for a click, and writes once more the next day; who logs in is left alone.
const HELLO: &str = "workflow: Hello\nowner: team@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
    when: partner.approved\nonce: per partner\nstop_when: [login]\nsteps:\n  - email: hello\n  - wait_for: link.clicked\n    \
    at_most: 1 minute\n    then: [{ email: clicked }]\n    otherwise: [{ email: nudge }]\n  - wait: 1 day\n  - email: later\n";
/// A mail for each sale.
const SALE: &str = "workflow: Sale\nowner: team@acme.example\nmail: { kind: marketing, topic: milestones, from: ines }\n\
    when: conversion.recorded\nonce: per event\nsteps:\n  - email: receipt\n";
/// A mail for each award, which people give.
const THANKS: &str = "workflow: Thanks\nowner: team@acme.example\nmail: { kind: marketing, topic: milestones, from: ines }\n\
    when: partner.awarded\nonce: per event\nsteps:\n  - email: thanks\n";
/// One mail, and no more.
const GREET: &str = "workflow: Greet\nowner: team@acme.example\nmail: { kind: marketing, topic: onboarding, from: ines }\n\
    when: partner.approved\nonce: per partner\nsteps:\n  - email: hello\n";

const SHIPPED_CAPS: &str = "at_most: [2 marketing per week, 1 of any kind per day]";
const CAPS: &str = "at_most: [20 marketing per week, 4 of any kind per day]";
const QUIET: &str = "quiet_hours: { from: \"20:00\", to: \"08:00\", zone: partner, weekends: hold }";

/// A Monday at ten: who clicks and who does not, refusals, lost answers, and processes that die.
async fn monday_morning(world: &mut World) {
    world.start_all().await;
    for partner in ["ada", "bob", "cleo", "dora", "emil", "finn", "ella"] {
        world.approved(partner).await;
    }
    world.pass(10).await;
    world.happens("link.clicked", "ada", json!({ "count": 1, "link": "l1" })).await;
    world.pass(5).await;
    world.happens("login", "cleo", json!({})).await;
    world.pass(5).await;
    // A mailer dies with a mail in hand: nobody knows whether it left.
    world.approved("gus").await;
    world.pass(3).await;
    let holder = world.who_holds_a_mail();
    world.kill(holder);
    world.pass(3).await;
    world.start(holder);
    world.sale("ada", "a1").await;
    world.pass(2).await;
    world.kill("engine-a");
    world.sale("ada", "a2").await;
    world.pass(4).await;
    world.start("engine-a");
    world.pass(3).await;
    // Until the other relay goes on, what became of mails is told to nobody.
    world.kill("relay-a");
    world.sale("bob", "b1").await;
    world.sale("ada", "a3").await;
    world.pass(15).await;
    world.start("relay-a");
    world.pass(120).await;
}

/// Nobody sends for twelve minutes, and one who waits for a mail logs in meanwhile.
async fn mailers_are_down(world: &mut World) {
    world.stop("mailer-a").await;
    world.stop("mailer-b").await;
    world.approved("hal").await;
    world.approved("ivy").await;
    world.pass(3).await;
    world.stop_all().await;
    world.pass(12 * 60).await;
    world.happens("login", "ivy", json!({})).await;
    for name in ["engine-a", "engine-b", "relay-a", "relay-b"] {
        world.start(name);
    }
    world.pass(12).await;
    world.start("mailer-a");
    world.start("mailer-b");
    world.pass(20).await;
    world.happens("link.clicked", "hal", json!({ "count": 1, "link": "l1" })).await;
    world.pass(70).await;
    world.stop_all().await;
}

async fn the_days_after(world: &mut World) {
    world.night_until("2030-03-18T21:00:00Z").await;
    world.start_all().await;
    world.approved("jan").await;
    world.sale("ada", "a4").await;
    world.pass(10).await;
    world.stop_all().await;
    // Quiet hours end while mailers are there.
    world.night_until("2030-03-19T07:59:40Z").await;
    world.start_all().await;
    world.pass(100).await;
    world.stop_all().await;
    world.night_until("2030-03-19T09:59:50Z").await;
    world.start_all().await;
    world.unsubscribes("bob", "onboarding").await;
    world.pass(200).await;
    world.stop_all().await;
    // A journey goes on while nobody is there.
    world.night_until("2030-03-19T10:20:00Z").await;
    world.start_all().await;
    world.pass(15).await;
    world.stop_all().await;
    // A day is closed while everybody is there.
    world.night_until("2030-03-20T00:59:50Z").await;
    world.start_all().await;
    world.pass(40).await;
    world.stop_all().await;
    world.night_until("2030-03-20T10:00:00Z").await;
    world.start_all().await;
    world.awarded("ada", "spot").await;
    world.reversed("ada", "a1").await;
    world.repeats_itself().await;
    let stopped = Subject::Workflow("sale".into());
    let now = world.store.server_now();
    operate::pause(world.store.as_ref(), SHARDS, &stopped, None, ("ines", "a wrong price"), now).await.unwrap();
    world.sale("cleo", "c1").await;
    world.pass(10).await;
    let now = world.store.server_now();
    assert!(operate::resume(world.store.as_ref(), SHARDS, &stopped, None, "ines", now, false).await.unwrap());
    world.pass(10).await;
    world.stop_all().await;
    world.night_until("2030-03-20T21:30:00Z").await;
    world.start_all().await;
    world.approved("kim").await;
    world.pass(10).await;
    world.stop_all().await;
    // It is looked at while a mail waits that is due soon.
    world.night_until("2030-03-21T07:50:00Z").await;
    world.start_all().await;
    world.pass(5).await;
    world.stop_all().await;
}

#[tokio::test(start_paused = true)]
async fn what_services_did_live_comes_out_the_same_and_no_rule_is_without_effect() {
    let texts = files(&[
        ("hello", HELLO, &["hello", "clicked", "nudge", "later"]),
        ("sale", SALE, &["receipt"]),
        ("thanks", THANKS, &["thanks"]),
    ]);
    let texts = replaced(&texts, "config/rapport.yaml", SHIPPED_CAPS, CAPS);
    let mut world = World::new(&texts).await;
    monday_morning(&mut world).await;
    mailers_are_down(&mut world).await;
    the_days_after(&mut world).await;

    let live = world.came_live().await;
    let of = |partner: &str, mail: &str| {
        let found = live.mails.values().find(|sent| sent.partner == partner && sent.mail == mail);
        found.map(|sent| sent.state.as_str())
    };
    for (partner, mail, state) in [
        ("ada", "clicked", Some("sent")),
        ("ada", "later", Some("sent")),
        ("ada", "thanks", Some("sent")),
        ("bob", "nudge", Some("sent")),
        ("cleo", "hello", Some("sent")),
        ("cleo", "nudge", None),
        ("dora", "hello", Some("failed")),
        ("ella", "hello", Some("failed")),
        ("emil", "hello", Some("sent")),
        ("finn", "hello", Some("in_doubt")),
        ("gus", "hello", Some("in_doubt")),
        ("hal", "clicked", Some("sent")),
        ("ivy", "hello", Some("cancelled")),
        ("jan", "nudge", Some("sent")),
        ("kim", "hello", Some("queued")),
    ] {
        assert_eq!(of(partner, mail), state, "{partner} {mail}: {:#?}", live.mails.values());
    }
    let hal = live.mails.values().find(|sent| sent.partner == "hal" && sent.mail == "hello").unwrap();
    assert!(hal.at.duration_since(hal.due).as_mins() >= 11, "the mailers were down: {hal:?}");

    world.comes_out_the_same(&live, &texts).await;
    for (rule, file, was, is) in [
        ("quiet hours", "config/rapport.yaml", QUIET, ""),
        ("caps", "config/rapport.yaml", CAPS, "at_most: [99 marketing per week, 99 of any kind per day]"),
        ("a stop", "workflows/hello/workflow.yaml", "stop_when: [login]\n", ""),
        ("a wait", "workflows/hello/workflow.yaml", "wait: 1 day", "wait: 2 days"),
    ] {
        let edited = replaced(&texts, file, was, is);
        world.comes_out_otherwise(&live, &edited, rule).await;
    }
}

/// Mail of a workflow reaches its hour's limit, and what waited goes on when a person says so. Without the limit nothing would have waited.
#[tokio::test(start_paused = true)]
async fn a_stop_at_the_limit_of_an_hour_holds_as_long_as_the_limit_does() {
    const BURST: &str = "burst: { warn_above: 50 per hour, stop_above: 500 per hour }";
    const LOW: &str = "burst: { warn_above: 2 per hour, stop_above: 3 per hour }";
    let texts = replaced(&files(&[("greet", GREET, &["hello"])]), "config/rapport.yaml", BURST, LOW);
    let mut world = World::new(&texts).await;
    world.start_all().await;
    for partner in ["ada", "bob", "cleo", "hal", "ivy"] {
        world.approved(partner).await;
    }
    world.pass(30).await;
    let waits = |world: &World| {
        let tables = world.store.tables();
        tables.messages.values().filter(|message| message.state.code() == "queued").count()
    };
    assert_eq!(waits(&world), 2, "three may leave within an hour");
    let rulebook = Rulebooks::new(world.store.clone()).current().await.unwrap().unwrap();
    let (stopped, now) = (Subject::Workflow("greet".into()), world.store.server_now());
    let ended = operate::resume(world.store.as_ref(), SHARDS, &stopped, Some(&rulebook.rulebook), "ines", now, false);
    assert!(ended.await.unwrap(), "it was stopped");
    world.pass(10).await;
    world.stop_all().await;
    // What waited goes one by one.
    world.pass(30 * 60).await;
    world.start_all().await;
    world.pass(20).await;
    world.stop_all().await;
    assert_eq!(waits(&world), 0);

    let live = world.came_live().await;
    world.comes_out_the_same(&live, &texts).await;
    for is in ["burst: { warn_above: 50 per hour }", "burst: { warn_above: 50 per hour, stop_above: 4 per hour }"] {
        world.comes_out_otherwise(&live, &replaced(&texts, "config/rapport.yaml", LOW, is), is).await;
    }
}
