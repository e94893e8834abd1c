//! The rules of LANGUAGE section 4 that the shipped workflows do not show, and what holds whatever happens.

mod play;

use play::{Stage, invariants};
use proptest::prelude::*;
use rapport_journey::{EventSnapshot, MessageId, Outcome, State, Step, Stimulus, TaskId, World, moved, step};
use serde_json::json;

fn head(rest: &str) -> String {
    format!(
        "workflow: Tried\nowner: a@acme.example\nmail: {{ kind: marketing, topic: news, from: ines }}\nwhen: login\n{rest}"
    )
}

fn login(stage: &mut Stage, day: i64, clock: &str) {
    stage.event(day, clock, json!({ "kind": "login" }));
}

fn active(stage: &mut Stage) {
    stage.event(1, "08:00", json!({ "kind": "partner.approved", "zone": "Europe/Oslo" }));
}

#[test]
fn a_task_that_asks_waits_for_its_answer_or_takes_the_default() {
    let text = head(
        "once: per partner\nsteps:\n  - task: { to: ines, ask: Help?, choices: [help, let_go], due: 2 weekdays, default: let_go }\n  - choose:\n    - if: task.choice == \"help\"\n      then: [{ email: help }]\n    - else: [{ exit: gone }]\n",
    );
    let mut stage = Stage::of(&text, &["help"]);
    active(&mut stage);
    login(&mut stage, 5, "10:00");
    stage.until(30, "00:00");
    // Friday and two working days is Tuesday.
    stage.expect(&[
        "5 10:00: begin tried",
        "5 10:00: task tried: Help?",
        "9 10:00: close task: let_go",
        "9 10:00: exit tried: exit gone",
    ]);

    let mut stage = Stage::of(&text, &["help"]);
    active(&mut stage);
    login(&mut stage, 5, "10:00");
    stage.until(5, "12:00");
    let State::Choosing { task, .. } = stage.journeys[0].state.clone() else { panic!("asks") };
    stage.stimulate(&Stimulus::TaskChoice { task: task.clone(), choice: "nonsense".into() });
    stage.stimulate(&Stimulus::TaskChoice { task, choice: "help".into() });
    assert_eq!(stage.log[2], "5 12:00: mail tried/help");
}

#[test]
fn who_changed_lanes_gets_no_broadcast_of_a_lane_for_seven_days() {
    let looked = |audience: &str, day: i64| {
        let text = format!(
            "workflow: Tried\nowner: a@acme.example\nmail: {{ kind: marketing, topic: news, from: ines }}\n\
             send_to: {audience}\nat: \"0 10 * * TUE\"\nsteps: [{{ email: hello }}]\n"
        );
        let mut stage = Stage::of(&text, &["hello"]);
        active(&mut stage);
        stage.beside.lane_changed_at = Some(stage.at(3, "10:00"));
        stage.until(day, "12:00");
        let trigger = EventSnapshot {
            id: "at:tried:1".into(),
            kind: rapport_journey::BROADCAST.into(),
            occurred_at: stage.now,
            payload: json!({}),
        };
        let workflow = stage.rulebook.workflow("tried").cloned().unwrap();
        stage.consider(&workflow, &trigger);
        stage.log[0].split(": ").nth(1).unwrap().to_owned()
    };
    assert_eq!(looked("lane == \"newsletter\"", 9), "refused tried lane_changed");
    assert_eq!(looked("lane == \"newsletter\"", 10), "begin tried");
    assert_eq!(looked("conversions_total == 0", 9), "begin tried", "it is of no lane");
}

#[test]
fn if_not_sent_goes_another_way() {
    let text = head(
        "once: per partner\nsteps:\n  - email: { mail: hello, if_not_sent: [{ task: { to: ines, text: Call } }] }\n  - exit: done\n",
    );
    let mut stage = Stage::of(&text, &["hello"]);
    stage.outcomes.insert("hello".into(), Outcome::Suppressed);
    active(&mut stage);
    login(&mut stage, 2, "10:00");
    stage.until(3, "00:00");
    stage.expect(&[
        "2 10:00: begin tried",
        "2 10:00: mail tried/hello",
        "2 10:01: task tried: Call",
        "2 10:01: exit tried: exit done",
    ]);
}

#[test]
fn every_counts_from_the_last_start_and_a_mail_in_doubt_counts_as_sent() {
    let text = head("once: every 10 days\nsteps: [{ email: hello }]\n");
    let mut stage = Stage::of(&text, &["hello"]);
    stage.outcomes.insert("hello".into(), Outcome::InDoubt);
    active(&mut stage);
    login(&mut stage, 2, "10:00");
    login(&mut stage, 11, "10:00");
    login(&mut stage, 12, "09:59");
    login(&mut stage, 12, "10:00");
    stage.until(13, "00:00");
    stage.expect(&[
        "2 10:00: begin tried",
        "2 10:00: mail tried/hello",
        "2 10:01: exit tried: completed",
        "11 10:00: refused tried once_used",
        "12 09:59: refused tried once_used",
        "12 10:00: begin tried",
        "12 10:00: mail tried/hello",
        "12 10:01: exit tried: completed",
    ]);
    assert_ne!(stage.journeys[0].id, stage.journeys[1].id);
}

#[test]
fn a_stop_expression_is_seen_at_the_event_that_makes_it_true() {
    let text = head(
        "once: per partner\nstop_when: [conversions_since_start >= 2]\nsteps: [{ wait: 9 days }, { email: hello }]\n",
    );
    let mut stage = Stage::of(&text, &["hello"]);
    active(&mut stage);
    stage.sale(1, "09:00", "c0", "pending");
    login(&mut stage, 2, "10:00");
    stage.sale(3, "09:00", "c1", "pending");
    stage.sale(4, "09:00", "c2", "pending");
    stage.expect(&["2 10:00: begin tried", "4 09:00: exit tried: stop_when conversions_since_start >= 2"]);
}

#[test]
fn opting_out_suspension_suppression_and_erasure_stop_and_keep_out() {
    let text = head("once: per partner\nsteps: [{ wait: 9 days }, { email: hello }]\n");
    type Change = fn(&mut Stage);
    let opted_out: Change = |stage| stage.beside.opted_out.push("news".into());
    let other_topic: Change = |stage| stage.beside.opted_out.push("onboarding".into());
    let suppressed: Change = |stage| stage.beside.suppressed = true;
    let erased: Change = |stage| stage.state.erased_at = Some(stage.now);
    let suspended: Change = |stage| stage.event(3, "11:00", json!({ "kind": "partner.suspended" }));
    for (change, code) in [
        (opted_out, Some("opted_out")),
        (other_topic, None),
        (suppressed, Some("suppressed")),
        (erased, Some("erased")),
        (suspended, Some("not_active")),
    ] {
        let mut stage = Stage::of(&text, &["hello"]);
        active(&mut stage);
        login(&mut stage, 2, "10:00");
        stage.until(3, "11:00");
        change(&mut stage);
        login(&mut stage, 4, "10:00");
        let ended = stage
            .log
            .iter()
            .find(|line| line.contains("exit"))
            .map(|line| line.rsplit(": ").next().unwrap().to_owned());
        assert_eq!(ended.as_deref(), code);
        if let Some(code) = code {
            let refused = stage.log.iter().find(|line| line.contains("refused")).unwrap();
            assert!(refused.ends_with(code), "{refused}");
        }
    }
}

#[test]
fn a_partner_who_is_not_active_is_only_written_to_where_statuses_say_so() {
    let text = head("once: per partner\nsteps: [{ email: hello }]\n");
    let mut stage = Stage::of(&text, &["hello"]);
    login(&mut stage, 2, "10:00");
    stage.expect(&["2 10:00: refused tried not_active"]);
    let text = head("once: per partner\nstatuses: [unknown, applied]\nsteps: [{ email: hello }]\n");
    let mut stage = Stage::of(&text, &["hello"]);
    login(&mut stage, 2, "10:00");
    assert_eq!(stage.log[1], "2 10:00: mail tried/hello");
}

#[test]
fn a_wait_follows_the_partner_to_another_zone() {
    let text = head("once: per partner\nsteps: [{ wait: { until: \"09:30\" } }, { email: hello }]\n");
    let mut stage = Stage::of(&text, &["hello"]);
    active(&mut stage);
    login(&mut stage, 2, "12:00");
    stage.event(2, "13:00", json!({ "kind": "partner.updated", "zone": "America/New_York" }));
    stage.zone_changed();
    stage.until(5, "00:00");
    // 09:30 in New York is 15:30 in Oslo, still the same day: counted from where the wait began.
    assert_eq!(stage.log[1], "2 15:30: mail tried/hello");
}

#[test]
fn per_event_and_per_expression_have_their_own_keys() {
    let text = "workflow: Tried\nowner: a@acme.example\nmail: { kind: marketing, topic: news, from: ines }\nwhen: content.published\nonce: per event.channel\nsteps: [{ email: hello }]\n";
    let mut stage = Stage::of(text, &["hello"]);
    active(&mut stage);
    for (day, channel) in [(2, "blog"), (3, "blog"), (4, "video")] {
        stage.event(day, "10:00", json!({ "kind": "content.published", "channel": channel }));
    }
    stage.event(5, "10:00", json!({ "kind": "content.published" }));
    let log: Vec<&str> = stage.log.iter().map(String::as_str).filter(|line| !line.contains("mail")).collect();
    assert_eq!(
        log,
        [
            "2 10:00: begin tried",
            "2 10:01: exit tried: completed",
            "3 10:00: refused tried once_used",
            "4 10:00: begin tried",
            "4 10:01: exit tried: completed",
            "5 10:00: refused tried key_missing",
        ]
    );
}

#[test]
fn from_now_wants_a_new_event() {
    for (from, lines) in [("", 3), ("\n    from: now", 2)] {
        let text = head(&format!(
            "once: per partner\nsteps:\n  - wait: 2 days\n  - wait_for: link.clicked\n    at_most: 5 days{from}\n  - email: hello\n"
        ));
        let mut stage = Stage::of(&text, &["hello"]);
        active(&mut stage);
        login(&mut stage, 2, "10:00");
        stage.event(3, "10:00", json!({ "kind": "link.clicked" }));
        stage.until(8, "00:00");
        assert_eq!(stage.log.len() + 1, lines + usize::from(from.is_empty()), "{:#?}", stage.log);
    }
}

#[test]
fn a_click_in_a_mail_of_another_journey_is_not_waited_for() {
    let text = head(
        "once: per partner\nsteps:\n  - wait_for: message.clicked\n    at_most: 5 days\n    then: [{ exit: read }]\n  - email: hello\n",
    );
    for (own, ends) in [(true, true), (false, false)] {
        let mut stage = Stage::of(&text, &["hello"]);
        active(&mut stage);
        login(&mut stage, 2, "10:00");
        let id = stage.journeys.last().unwrap().id.to_string();
        let journey = if own { id } else { "another".to_owned() };
        stage.signal(3, "10:00", "message.clicked", "c", json!({ "message": "m", "journey": journey, "link": 1 }));
        assert_eq!(stage.journeys.last().unwrap().is_exited(), ends, "{:#?}", stage.log);
    }
}

#[test]
fn what_leaves_a_journey_as_it_is_makes_no_step() {
    let text = head("once: per partner\nsteps:\n  - wait: 5 days\n  - email: hello\n");
    let mut stage = Stage::of(&text, &["hello"]);
    active(&mut stage);
    login(&mut stage, 2, "10:00");
    let told = |stage: &Stage, stimulus: &Stimulus| -> (Option<Step>, Step) {
        let facts = stage.facts();
        let program = stage.rulebook.config.program("default").unwrap();
        let world = World::new(&facts, &stage.rulebook, program);
        let journey = stage.journeys.last().unwrap();
        let workflow = stage.rulebook.workflow(&journey.workflow).unwrap();
        let stepped = moved(journey, workflow, stimulus, &world, stage.now);
        (stepped, step(journey, workflow, stimulus, &world, stage.now))
    };
    let event = |kind: &str| {
        Stimulus::Event(EventSnapshot {
            id: kind.into(),
            kind: kind.into(),
            occurred_at: stage.now,
            payload: json!({}),
        })
    };
    let seq = stage.journeys.last().unwrap().seq;
    for nothing in [event("link.clicked"), Stimulus::Look, Stimulus::Start, Stimulus::Timer { seq: seq + 1 }] {
        let (stepped, plain) = told(&stage, &nothing);
        assert_eq!(stepped, None, "{nothing:?}");
        assert_eq!(plain.journey, *stage.journeys.last().unwrap());
        assert!(plain.actions.is_empty() && plain.trace.is_empty());
    }
    for something in [event("partner.erased"), Stimulus::Timer { seq }, Stimulus::Stop { reason: "enough".into() }] {
        let (stepped, plain) = told(&stage, &something);
        assert_ne!(plain.journey, *stage.journeys.last().unwrap(), "{something:?}");
        assert_eq!(stepped, Some(plain));
    }
}

#[test]
fn the_holdout_is_recorded_and_uses_up_once() {
    let text = head("once: per partner\nholdout: 99%\nsteps: [{ email: hello }]\n");
    let mut stage = Stage::of(&text, &["hello"]);
    active(&mut stage);
    login(&mut stage, 2, "10:00");
    login(&mut stage, 3, "10:00");
    stage.expect(&["2 10:00: held out of tried", "3 10:00: refused tried once_used"]);
}

#[test]
fn only_who_was_drawn_can_be_compared() {
    for (holdout, drawn, held_out) in [
        ("holdout: 99%\n", Some(99.0), true),
        ("holdout: 0.001%\n", Some(0.001), false),
        ("holdout: { share: 99%, except: partner.status == \"active\" }\n", None, false),
        ("", None, false),
    ] {
        let text = head(&format!("once: per partner\n{holdout}steps: [{{ email: hello }}]\n"));
        let mut stage = Stage::of(&text, &["hello"]);
        active(&mut stage);
        login(&mut stage, 2, "10:00");
        let journey = stage.journeys.last().unwrap();
        assert_eq!((journey.drawn, journey.held_out), (drawn, held_out), "{holdout}");
        let stored = serde_json::to_value(journey).unwrap();
        assert_eq!(stored.get("drawn").and_then(serde_json::Value::as_f64), drawn, "{holdout}");
    }
}

fn any_stimulus() -> impl Strategy<Value = usize> {
    0usize..16
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn whatever_happens_a_step_plans_one_mail_and_a_journey_waits_for_one_thing(
        steps in prop::collection::vec((any_stimulus(), 1i64..6), 1..40), stuck: bool, granted: bool,
    ) {
        // Compiling is the expensive part: once per process is enough.
        static RULEBOOK: std::sync::OnceLock<rapport_workflow::Rulebook> = std::sync::OnceLock::new();
        let rulebook = RULEBOOK.get_or_init(|| play::rulebook(&play::files())).clone();
        let mut stage = Stage::new(rulebook, &[]);
        stage.offers_granted = granted;
        if stuck {
            stage.stuck.extend(["hello", "noticed", "generic", "incentive"].map(String::from));
        }
        let mut day = 1;
        for (at, (what, later)) in steps.into_iter().enumerate() {
            day += later;
            let clock = if at % 2 == 0 { "10:00" } else { "23:59" };
            match what {
                0 => stage.event(day, clock, json!({ "kind": "partner.approved" })),
                1 => stage.sale(day, clock, &format!("c{}", at % 5), "approved"),
                2 => stage.sale(day, clock, &format!("c{}", at % 5), "reversed"),
                3 => stage.event(day, clock, json!({ "kind": "link.clicked" })),
                4 => stage.event(day, clock, json!({ "kind": "survey.answered", "survey": "what-happened", "answer": "holiday" })),
                5 => stage.signal(day, clock, "dip.conversions", &format!("dip-{}", at % 3), json!({ "drop_percent": 50.0 })),
                6 => stage.signal(day, clock, "dip.conversions.recovered", "over", json!({})),
                7 => stage.signal(day, clock, "milestone.reached", &format!("m-{}", at % 4), json!({ "name": "conversions-10", "metric": "approved_conversions", "threshold": at % 3 })),
                8 => stage.event(day, clock, json!({ "kind": "partner.suspended" })),
                9 => stage.event(day, clock, json!({ "kind": "mail.received" })),
                10 => stage.stimulate(&Stimulus::Timer { seq: at as u32 % 7 }),
                11 => stage.stimulate(&Stimulus::ZoneChanged),
                12 => {
                    let message = stage.plans.last().map_or(MessageId::from_stored("none"), |plan| plan.id.clone());
                    let now = stage.now;
                    let outcome = [Outcome::Sent, Outcome::InDoubt, Outcome::Failed, Outcome::Expired][at % 4];
                    stage.stimulate(&Stimulus::Outcome { message, outcome, reason: None, at: now });
                }
                13 => stage.stimulate(&Stimulus::TaskChoice { task: TaskId::from_stored("none"), choice: "help".into() }),
                14 => {
                    let (message, now) = (MessageId::from_stored("none"), stage.now);
                    stage.stimulate(&Stimulus::OfferAnswer { message, granted, reason: None, at: now });
                }
                _ => {
                    let event = EventSnapshot { id: String::new(), kind: "no.such.kind".into(), occurred_at: stage.now, payload: json!([1]) };
                    stage.stimulate(&Stimulus::Event(event));
                    stage.stimulate(&Stimulus::Start);
                }
            }
            invariants(&stage);
            for journey in &stage.journeys {
                prop_assert!(!matches!(journey.state, State::Ready));
            }
        }
        stage.stimulate(&Stimulus::Stop { reason: "enough".into() });
        prop_assert!(stage.journeys.iter().all(rapport_journey::Journey::is_exited));
    }
}
