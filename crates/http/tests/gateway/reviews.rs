use jiff::{Timestamp, civil::Date};
use rapport_engine::{
    ports::rows::{MessageRow, MessageState, PartnerRow, SignalRow, TaskEnd, TaskKind, TaskRow},
    review::{Amount, Change, HealthPart, Known, Missing, NoReview, Period, ReviewPack, Standing, What, pack},
    shard::facts::PartnerFacts,
    story::{Story, ToldMessage},
};
use rapport_event::PartnerKey;
use rapport_http::review::{Reader, text};
use rapport_message::{Locale, link::Keys};
use rapport_partner::{Measure, PartnerState, day, profile::Stored};

use crate::world::{PARTNER, World, now, path, review, shipped};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn story() -> Story {
    let key = PartnerKey::new("default", PARTNER).unwrap();
    Story {
        partner: PartnerRow { key, hot: Vec::new(), days: None },
        person: None,
        journeys: Vec::new(),
        messages: Vec::new(),
        signals: Vec::new(),
        refusals: Vec::new(),
        tasks: Vec::new(),
        parked: Vec::new(),
    }
}

fn made_of(state: &PartnerState, story: &Story, period: &str) -> Result<ReviewPack, NoReview> {
    let applied = shipped();
    let facts = PartnerFacts {
        state,
        rulebook: &applied,
        program: applied.config.program("default").unwrap(),
        now: now(),
        began: None,
        reversed: None,
        figures: None,
        expectations: None,
    };
    pack(&facts, story, Period::parse(period).unwrap(), &["en".to_owned()])
}

fn made(state: &PartnerState, period: &str) -> ReviewPack {
    made_of(state, &story(), period).unwrap()
}

/// Somebody who is known since this instant.
fn partner(since: &str) -> PartnerState {
    PartnerState { first_event_at: Some(at(since)), ..PartnerState::default() }
}

/// Sales, clicks and decisions of the last year, and the list they were made from.
pub fn busy(seed: u64) -> (PartnerState, Vec<(Date, Measure, i64)>) {
    let mut state = partner("2025-11-01T10:00:00Z");
    let mut told = Vec::new();
    let mut drawn = seed;
    let mut draw = |most: u64| {
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((drawn >> 33) % most) as i64
    };
    for back in 0..380 {
        let on = day::number("2026-11-21".parse().unwrap()) - back;
        for (measure, most) in [
            (Measure::Conversions, 4),
            (Measure::Revenue, 90_000),
            (Measure::ApprovedConversions, 3),
            (Measure::ReversedConversions, 2),
            (Measure::Clicks, 50),
        ] {
            let count = draw(most);
            state.days.add(on, measure, count);
            state.totals.add(measure, count);
            told.push((day::date(on), measure, count));
        }
    }
    (state, told)
}

fn brute(told: &[(Date, Measure, i64)], measure: Measure, from: &str, to: &str) -> i64 {
    let days: (Date, Date) = (from.parse().unwrap(), to.parse().unwrap());
    told.iter().filter(|(on, of, _)| *of == measure && (days.0..=days.1).contains(on)).map(|told| told.2).sum()
}

fn number(known: Known) -> Option<f64> {
    known.value().map(Amount::number)
}

#[test]
fn figures_of_a_period_and_the_one_before_are_what_brute_force_says() {
    for seed in 1..6 {
        let (state, told) = busy(seed);
        for (period, now, before) in [
            ("2026-Q3", ("2026-07-01", "2026-09-30"), ("2026-04-01", "2026-06-30")),
            ("2026-02", ("2026-02-01", "2026-02-28"), ("2026-01-01", "2026-01-31")),
            // Not over: as far as it has come.
            ("2026-11", ("2026-11-01", "2026-11-21"), ("2026-10-01", "2026-10-31")),
        ] {
            let pack = made(&state, period);
            let line = |name: &str| pack.figures.iter().find(|line| line.name == name).unwrap();
            for (name, measure) in [
                ("conversions", Measure::Conversions),
                ("revenue", Measure::Revenue),
                ("approved_conversions", Measure::ApprovedConversions),
                ("reversed_conversions", Measure::ReversedConversions),
                ("clicks", Measure::Clicks),
            ] {
                let expected = [now, before].map(|(from, to)| brute(&told, measure, from, to) as f64);
                let line = line(name);
                assert_eq!([number(line.now), number(line.before)], expected.map(Some), "{seed} {period} {name}");
                match line.change {
                    Some(Change::Percent(percent)) => {
                        assert!(pack.over && (percent - 100.0 * (expected[0] / expected[1] - 1.0)).abs() < 1e-9);
                    }
                    other => assert!(!pack.over && other.is_none(), "{period} {name}: {other:?}"),
                }
            }
            let sums =
                [Measure::ApprovedConversions, Measure::ReversedConversions].map(|of| brute(&told, of, now.0, now.1));
            let rate = 100.0 * sums[0] as f64 / (sums[0] + sums[1]) as f64;
            assert!((number(line("approval_rate").now).unwrap() - rate).abs() < 1e-9);
            let months: i64 =
                pack.months.iter().rev().take(1).filter_map(|month| number(month.conversions)).sum::<f64>() as i64;
            let last = pack.months.last().unwrap().month;
            let to = last.last().min("2026-11-21".parse().unwrap());
            assert_eq!(months, brute(&told, Measure::Conversions, &last.first().to_string(), &to.to_string()));
        }
    }
}

#[test]
fn what_is_not_known_says_why_and_is_never_nothing() {
    let now = |pack: &ReviewPack, name: &str| pack.figures.iter().find(|line| line.name == name).unwrap().now;
    let before = |pack: &ReviewPack, name: &str| pack.figures.iter().find(|line| line.name == name).unwrap().before;
    let nobody = made(&PartnerState::default(), "2026-Q3");
    assert_eq!((now(&nobody, "conversions"), nobody.since), (Known::Missing(Missing::NotThere), None));
    let new = made(&partner("2026-08-10T10:00:00Z"), "2026-Q3");
    assert_eq!(now(&new, "conversions"), Known::Value(Amount::Count(0)), "they were there and sold nothing");
    assert_eq!(before(&new, "conversions"), Known::Missing(Missing::NotThere));
    assert_eq!(now(&new, "clicks"), Known::Missing(Missing::NeverTold));
    assert_eq!(now(&new, "average_order"), Known::Missing(Missing::OfNothing));
    let mut unpriced = partner("2026-01-10T10:00:00Z");
    let on = day::number("2026-08-02".parse().unwrap());
    unpriced.days.add(on, Measure::Conversions, 2);
    unpriced.days.add(on, Measure::Unpriced, 1);
    let unpriced = made(&unpriced, "2026-Q3");
    assert_eq!(now(&unpriced, "revenue"), Known::Missing(Missing::NoRate));
    assert_eq!(now(&unpriced, "conversions"), Known::Value(Amount::Count(2)));
    // The days before the first that is kept.
    let old = made(&partner("2024-01-10T10:00:00Z"), "2025-11");
    assert_eq!(before(&old, "conversions"), Known::Missing(Missing::NotKept));
    assert_eq!(made_of(&partner("2024-01-10T10:00:00Z"), &story(), "2025-Q3"), Err(NoReview::Forgotten));
    assert!(matches!(made_of(&PartnerState::default(), &story(), "2027-Q1"), Err(NoReview::NotBegun(_))));
    let erased = PartnerState { erased_at: Some(at("2026-11-01T00:00:00Z")), ..PartnerState::default() };
    assert_eq!(made_of(&erased, &story(), "2026-Q3"), Err(NoReview::Erased));
}

fn signal(kind: &str, on: &str, ended: Option<&str>, payload: serde_json::Value) -> SignalRow {
    SignalRow {
        id: format!("{kind}{on}"),
        key: PartnerKey::new("default", PARTNER).unwrap(),
        kind: kind.into(),
        occurred_at: at(on),
        ended_at: ended.map(at),
        payload: payload.to_string(),
    }
}

fn mail(topic: &str, state: MessageState, on: &str) -> ToldMessage {
    let message = MessageRow {
        id: format!("{topic}{on}"),
        shard: 0,
        key: PartnerKey::new("default", PARTNER).unwrap(),
        workflow: "w".into(),
        journey: "j".into(),
        step: "s".into(),
        mail: "m".into(),
        rulebook: "r".into(),
        kind: "marketing".into(),
        topic: topic.into(),
        priority: 0,
        policy: "at_most_once".into(),
        planned_at: at(on),
        due: at(on),
        expires: at(on),
        context: "{}".into(),
    };
    ToldMessage { message, state, reason: None, changed_at: at(on), reply: None, carrier: None }
}

fn case(opened: &str, ended: Option<(&str, &str)>) -> TaskRow {
    TaskRow {
        kind: TaskKind::Case,
        id: opened.into(),
        key: PartnerKey::new("default", PARTNER).unwrap(),
        workflow: "w".into(),
        journey: "j".into(),
        assignee: "ines".into(),
        text: "they are difficult".into(),
        choices: Vec::new(),
        opened_at: at(opened),
        due: Some(at("2026-12-01T10:00:00Z")),
        opened_by: "workflow".into(),
        ended: ended.map(|(at_, outcome)| TaskEnd {
            at: at(at_),
            by: "ines".into(),
            outcome: outcome.into(),
            note: Some("a secret".into()),
        }),
    }
}

#[test]
fn what_happened_in_the_period_is_told_with_its_evidence_and_nothing_else() {
    let contribution = serde_json::json!({ "input": "recency", "group": "value", "value": 2.0, "points": 30.0, "weight": 100.0, "part": 30.0 });
    let reviewed = |score: f64| serde_json::json!({ "score": score, "band": "good", "contributions": [contribution], "missing": ["survey_score"] });
    let dip = serde_json::json!({ "name": "dip", "since": "2026-07-20", "expected": 42.0, "observed": 17.0, "drop_percent": 60.0 });
    let mut story = story();
    story.signals = vec![
        signal("health.reviewed", "2026-06-30T00:30:00Z", None, reviewed(71.0)),
        signal("dip.conversions", "2026-08-03T01:00:00Z", Some("2026-09-01T01:00:00Z"), dip),
        // Kept at the close of the period's last day.
        signal("health.reviewed", "2026-10-01T00:30:00Z", None, reviewed(55.0)),
        signal("health.reviewed", "2026-10-02T00:30:00Z", None, reviewed(10.0)),
        signal("win.streak", "2026-10-05T00:30:00Z", None, serde_json::json!({ "value": 8.0 })),
    ];
    story.messages = vec![
        mail("performance", MessageState::Sent, "2026-07-01T10:00:00Z"),
        mail("performance", MessageState::InDoubt, "2026-09-30T10:00:00Z"),
        mail("performance", MessageState::Suppressed, "2026-08-30T10:00:00Z"),
        mail("news", MessageState::Sent, "2026-10-01T10:00:00Z"),
    ];
    story.tasks = vec![
        case("2026-07-05T10:00:00Z", Some(("2026-07-09T10:00:00Z", "solved"))),
        case("2026-06-05T10:00:00Z", Some(("2026-08-09T10:00:00Z", "unsolved"))),
        case("2026-11-05T10:00:00Z", None),
    ];
    let state = partner("2026-01-10T10:00:00Z");
    let pack = made_of(&state, &story, "2026-Q3").unwrap();
    let HealthPart::Reviewed(then) = &pack.health else { panic!("{:?}", pack.health) };
    assert_eq!((then.health.score, then.before, then.on.to_string()), (55.0, Some(71.0), "2026-09-30".to_owned()));
    let [happening] = &*pack.happenings else { panic!("{:?}", pack.happenings) };
    let expected = What::Dip { since: Some("2026-07-20".parse().unwrap()), expected: 42.0, observed: 17.0 };
    assert_eq!(happening.what, expected);
    let mails: Vec<(&str, usize)> = pack.done.mails.iter().map(|line| (line.topic.as_str(), line.count)).collect();
    assert_eq!(mails, [("performance", 2)]);
    assert_eq!(
        (pack.done.cases.opened, pack.done.cases.solved, pack.done.cases.unsolved, pack.open.cases),
        (1, 1, 1, 1)
    );
    // What people noted for each other is not for partners.
    let data = serde_json::to_string(&pack).unwrap();
    assert!(!data.contains("difficult") && !data.contains("secret"), "{data}");
}

#[test]
fn a_score_by_another_model_is_not_what_the_period_began_with() {
    let reviewed = |on: &str, score: f64, model: &str, stamp: u32| {
        let payload = serde_json::json!({
            "score": score, "band": "good", "contributions": [], "missing": [], "model": model, "model_stamp": stamp,
        });
        signal("health.reviewed", on, None, payload)
    };
    // Before the period, in it, and at its end.
    let before = |models: [(&str, u32); 3]| {
        let days = ["2026-06-20T00:30:00Z", "2026-08-10T00:30:00Z", "2026-09-20T00:30:00Z"];
        let mut story = story();
        story.signals =
            days.into_iter().zip(models).map(|(on, (model, stamp))| reviewed(on, 71.0, model, stamp)).collect();
        let pack = made_of(&partner("2026-01-10T10:00:00Z"), &story, "2026-Q3").unwrap();
        let HealthPart::Reviewed(then) = &pack.health else { panic!("{:?}", pack.health) };
        then.before
    };
    let (first, second, coupon) = (("default", 1), ("default", 2), ("coupon", 1));
    assert_eq!(before([first, first, first]), Some(71.0));
    assert_eq!(before([first, first, second]), None, "other weights");
    assert_eq!(before([first, first, coupon]), None, "another type of partner");
    assert_eq!(before([first, second, first]), None, "changed and changed back");
}

/// A row as an owner keeps what was proposed, or answered.
fn of_goal(kind: &str, on: &str, proposal: &str, target: i64, days: (&str, &str)) -> SignalRow {
    let by = if kind == "goal.proposed" { "ines" } else { "partner" };
    let payload = serde_json::json!({
        "goal": "own_approved_conversions", "proposal": proposal, "metric": "approved_conversions", "target": target,
        "from": days.0, "until": days.1, "by": by,
    });
    signal(kind, on, None, payload)
}

#[test]
fn goals_stand_as_they_stood_when_the_period_ended() {
    let to_december = ("2026-08-01", "2026-12-31");
    let mut story = story();
    story.signals = vec![
        of_goal("goal.proposed", "2026-06-20T10:00:00Z", "a", 20, ("2026-07-01", "2026-07-31")),
        of_goal("goal.accepted", "2026-06-21T10:00:00Z", "a", 20, ("2026-07-01", "2026-07-31")),
        of_goal("goal.proposed", "2026-08-01T10:00:00Z", "b", 100, to_december),
        of_goal("goal.accepted", "2026-08-02T10:00:00Z", "b", 100, to_december),
        // The same once more for other terms, of which nobody knew then.
        of_goal("goal.proposed", "2026-10-05T10:00:00Z", "c", 500, to_december),
        of_goal("goal.accepted", "2026-10-06T10:00:00Z", "c", 500, to_december),
    ];
    let mut state = partner("2026-01-10T10:00:00Z");
    for (on, count) in [("2026-07-20", 10), ("2026-08-20", 20), ("2026-10-20", 80)] {
        state.days.add(day::number(on.parse().unwrap()), Measure::ApprovedConversions, count);
    }
    let goals = |period: &str| {
        let mut pack = made_of(&state, &story, period).unwrap();
        pack.goals.retain(|goal| goal.goal == "own_approved_conversions");
        pack
    };
    let told = |pack: &ReviewPack| {
        let lines = pack.goals.iter().map(|goal| (goal.value, goal.target, goal.on.to_string(), goal.standing));
        lines.collect::<Vec<_>>()
    };
    let line = |value: i64, target: i64, on: &str, standing: Standing| {
        (Some(Amount::Count(value)), Some(Amount::Count(target)), on.to_owned(), Some(standing))
    };
    let over = goals("2026-Q3");
    let expected = [line(10, 20, "2026-09-30", Standing::Missed), line(20, 100, "2026-09-30", Standing::Behind)];
    assert_eq!(told(&over), expected, "two fifths of the time for 20 of 100");
    assert!(over.goals.iter().all(|goal| goal.binding && goal.agreed_at.is_some()));
    let locales = [Locale::parse("en").unwrap()];
    let reader = Reader { locales: &locales, program: "Acme", name: "Ada", imprint: None };
    let page = text(&over, &reader);
    assert!(page.contains("As they stood on") && page.contains("20 of 100"), "{page}");
    let running = goals("2026-Q4");
    assert_eq!(told(&running), [line(100, 500, "2026-11-21", Standing::Behind)]);
}

#[test]
fn a_condition_was_met_by_then_if_it_was_told_so() {
    let approved = at("2026-07-10T10:00:00Z");
    let percent = |reached: Option<&str>, sold: i64| {
        let mut state = partner("2026-07-10T10:00:00Z");
        state.profile.approved_at = Stored { value: Some(approved), at: approved };
        state.totals.add(Measure::ApprovedConversions, sold);
        let mut story = story();
        let payload = serde_json::json!({ "name": "first_sale", "percent": 100.0 });
        story.signals = reached.map(|on| signal("goal.reached", on, None, payload)).into_iter().collect();
        let pack = made_of(&state, &story, "2026-Q3").unwrap();
        pack.goals.iter().find(|goal| goal.goal == "first_sale").unwrap().percent
    };
    assert_eq!(percent(Some("2026-07-20T10:00:00Z"), 0), Some(100.0), "whatever was taken back since");
    assert_eq!(percent(None, 0), Some(0.0), "not met to this day");
    assert_eq!(percent(None, 1), None, "met now, and nobody knows whether it was then");
}

#[test]
fn nobody_is_told_of_what_a_sale_taken_back_took_with_it() {
    let reached = serde_json::json!({ "name": "conversions-10", "metric": "approved_conversions", "threshold": 10.0 });
    let row = signal("milestone.reached", "2026-08-03T10:00:00Z", None, reached);
    let mut story = story();
    story.signals = vec![SignalRow { id: format!("{}:approved_conversions-10", row.key), ..row }];
    let mut state = partner("2026-01-10T10:00:00Z");
    state.totals.add(Measure::ApprovedConversions, 10);
    let told = |state: &PartnerState| made_of(state, &story, "2026-Q3").unwrap().happenings.len();
    assert_eq!(told(&state), 1);
    state.totals.add(Measure::ApprovedConversions, -1);
    assert_eq!(told(&state), 0, "nine approved sales are left of ten");
}

#[tokio::test]
async fn the_page_shows_a_period_in_both_languages_and_needs_nothing_from_elsewhere() {
    for (language, says) in [
        ("en", ["Looking back on Q3 2026", "Q2 2026", "There is no score", "What could come next", "Aug 2026"]),
        ("de", ["Rückblick auf Q3 2026", "Q2 2026", "gibt es keine Wertung", "Was als Nächstes", "Aug. 2026"]),
    ] {
        let world = World::new(language).await;
        world.state(&busy(7).0).await;
        let page = world.get(&path(&review("2026-Q3"))).await;
        assert_eq!(page.status, 200, "{}", page.body);
        for said in says {
            assert!(page.body.contains(said), "{said}: {}", page.body);
        }
        assert!(page.body.contains("role=\"img\" aria-label=\""), "{}", page.body);
        assert!(page.body.contains("@media print"), "it prints");
        for foreign in ["<script", " src=", "url(", "@import", "<link"] {
            assert!(!page.body.contains(foreign), "{foreign}");
        }
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
        world.stop().await;
    }
}

#[test]
fn a_partner_reads_neither_of_a_time_before_them_nor_of_what_nobody_reports() {
    let locales = [Locale::parse("en").unwrap()];
    let reader = Reader { locales: &locales, program: "Acme", name: "Ada", imprint: None };
    let told = |since: &str| text(&made(&partner(since), "2026-Q3"), &reader);
    let (new, old) = (told("2026-08-10T10:00:00Z"), told("2026-01-10T10:00:00Z"));
    assert!(new.contains("You have been with us since") && !new.contains("Q2 2026"), "{new}");
    assert!(old.contains("Sales: 0 (Q2 2026: 0"), "{old}");
    assert!(!new.contains("never reported") && !old.contains("never reported"), "{old}");
}

#[tokio::test]
async fn a_name_is_text_whatever_it_is() {
    let world = World::new("en").await;
    world.state(&partner("2026-01-10T10:00:00Z")).await;
    world.call("</h1><script>alert(1)</script>\" onload=\"x\u{202e}").await;
    let page = world.get(&path(&review("2026-Q3"))).await;
    assert_eq!(page.status, 200);
    assert!(
        !page.body.contains("<script") && !page.body.contains("\" onload") && !page.body.contains('\u{202e}'),
        "{}",
        page.body
    );
    assert!(page.body.contains("&lt;script&gt;"), "{}", page.body);
    world.stop().await;
}

#[tokio::test]
async fn nobody_is_shown_what_they_have_no_link_to_or_what_is_gone() {
    let world = World::new("en").await;
    // Nothing was folded of the partner yet.
    assert_eq!(world.get(&path(&review("2026-Q3"))).await.status, 404);
    world.state(&busy(3).0).await;
    let good = path(&review("2026-Q3"));
    assert_eq!(world.get(&good).await.status, 200);
    let forged = Keys::new([b"another key".to_vec()]).unwrap().url("", &review("2026-Q3")).unwrap();
    let wrong_kind = good.replace("/v/", "/c/");
    let unknown = path(&review("2026-Q9"));
    let forgotten = path(&review("2025-Q1"));
    let to_come = path(&review("2027-Q1"));
    for nowhere in [forged, wrong_kind, unknown, forgotten, to_come, "/v/x".to_owned(), format!("{good}A")] {
        let page = world.get(&nowhere).await;
        assert_eq!(page.status, 404, "{nowhere}");
        assert!(!page.body.contains("Looking back"), "{nowhere}");
    }
    assert_eq!(world.form(&good, "").await.status, 405);
    let erased = PartnerState { erased_at: Some(now()), ..PartnerState::default() };
    world.state(&erased).await;
    assert_eq!(world.get(&good).await.status, 404);
    world.stop().await;
}
