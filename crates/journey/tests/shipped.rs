//! What the shipped workflows do: events in, mails, tasks and exits out.

mod play;

use play::Stage;
use rapport_journey::{ExitReason, Journey, Outcome, State, explain};
use serde_json::json;

fn approved(stage: &mut Stage) {
    stage.event(1, "10:00", json!({ "kind": "partner.approved", "language": "de-AT", "country": "AT" }));
}

fn dip(stage: &mut Stage, day: i64, drop: f64) {
    let payload = json!({ "name": "dip.conversions", "expected": 29.0, "observed": 20.0, "drop_percent": drop, "chance": 0.03,
        "summary": "Expected 29 sales since 8 April, saw 20." });
    stage.signal(day, "02:00", "dip.conversions", "dip-1", payload);
}

#[test]
fn welcome_helps_to_a_first_link_and_asks_for_a_call_when_nobody_clicks() {
    let mut stage = Stage::shipped(&["welcome"]);
    approved(&mut stage);
    stage.until(40, "00:00");
    stage.expect(&[
        "1 10:00: begin welcome",
        "1 10:00: mail welcome/hello",
        "4 10:01: mail welcome/first-link",
        "15 10:02: mail welcome/need-a-hand",
        "15 10:03: task welcome: {{partner.name}} has had no click in two weeks",
        "15 10:03: exit welcome: completed",
    ]);
    let hello = &stage.plans[0];
    assert_eq!(hello.languages, ["de-AT", "de", "en"]);
    assert_eq!(hello.context["survey"]["question"], "Wofür lohnt sich das Ganze für dich?");
    assert!(hello.context.get("partner").is_none_or(|partner| partner.get("first_name").is_none()));
}

#[test]
fn welcome_ends_with_a_click_even_if_it_came_before_the_wait() {
    let mut stage = Stage::shipped(&["welcome"]);
    approved(&mut stage);
    stage.event(2, "09:00", json!({ "kind": "link.created" }));
    stage.event(2, "12:00", json!({ "kind": "link.clicked", "count": 3 }));
    stage.event(3, "12:00", json!({ "kind": "survey.answered", "survey": "motivation", "answer": "income" }));
    stage.until(40, "00:00");
    stage.expect(&[
        "1 10:00: begin welcome",
        "1 10:00: mail welcome/hello",
        "4 10:01: mail welcome/first-sale-tips",
        "4 10:02: exit welcome: completed",
    ]);
    assert_eq!(stage.plans[1].context["motive"], "income");
    assert_eq!(stage.plans[1].context["links_created_total"], 1);
}

#[test]
fn a_sale_ends_the_welcome_and_takes_back_its_mail() {
    let mut stage = Stage::shipped(&["welcome"]);
    stage.stuck.insert("hello".into());
    approved(&mut stage);
    stage.sale(1, "10:30", "c1", "pending");
    stage.event(2, "10:00", json!({ "kind": "partner.approved" }));
    stage.expect(&[
        "1 10:00: begin welcome",
        "1 10:00: mail welcome/hello",
        "1 10:30: cancel welcome: stop_when",
        "1 10:30: exit welcome: stop_when conversion.recorded",
        // Nothing went out, so `once: per partner` is not used up.
        "2 10:00: begin welcome",
        "2 10:00: mail welcome/hello",
    ]);
}

#[test]
fn follow_up_judges_what_came_after_the_first_sale() {
    let mut stage = Stage::shipped(&["follow-up"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    stage.sale(10, "15:00", "c2", "pending");
    stage.until(60, "00:00");
    // Three weeks after Tuesday 15:00 is a Tuesday 15:00; the next 10:00 is Wednesday's.
    stage.expect(&[
        "2 15:00: begin follow-up",
        "24 10:00: mail follow-up/what-worked",
        "24 10:01: exit follow-up: completed",
    ]);
}

#[test]
fn follow_up_asks_what_is_in_the_way_when_nothing_came() {
    let mut stage = Stage::shipped(&["follow-up"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    stage.until(60, "00:00");
    stage.expect(&[
        "2 15:00: begin follow-up",
        "24 10:00: mail follow-up/ask-what-is-in-the-way",
        "24 10:01: exit follow-up: completed",
    ]);
}

#[test]
fn a_reversed_first_sale_is_not_followed_up_and_the_next_first_one_is() {
    let mut stage = Stage::shipped(&["follow-up"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    stage.sale(5, "09:00", "c1", "reversed");
    stage.sale(6, "09:00", "c2", "pending");
    stage.until(8, "00:00");
    stage.expect(&["2 15:00: begin follow-up", "5 09:00: exit follow-up: trigger_revoked", "6 09:00: begin follow-up"]);
}

#[test]
fn re_engagement_asks_then_offers_then_lets_go() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    dip(&mut stage, 90, 43.0);
    stage.until(170, "00:00");
    stage.expect(&[
        "90 02:00: begin re-engagement",
        "90 02:00: mail re-engagement/noticed",
        "97 02:01: mail re-engagement/fresh-offers",
        "111 02:02: reserve comeback-bonus",
        "111 02:02: mail re-engagement/incentive",
        "132 02:03: start let-go-review",
        "132 02:03: begin let-go-review",
        "132 02:03: task let-go-review: Help or let go? {{partner.name}} has not sold anything for a long time, and writing did not change it.",
        "132 02:03: exit re-engagement: completed",
        // Two working weeks without an answer, from a Saturday: the default, to help.
        "145 02:03: close task: help",
        "145 02:03: task let-go-review: Find out what would help {{partner.name}}, and see to it",
        "145 02:03: exit let-go-review: completed",
    ]);
    let offers = stage.plans[1].context["products"].as_array().unwrap();
    assert_eq!(offers.len(), 3);
    let incentive = &stage.plans[2];
    assert_eq!(incentive.context["offer"]["value"], json!({ "minor": 5000, "currency": "EUR" }));
    assert_eq!(incentive.context["offer"]["condition"], "erster Verkauf innerhalb von 30 Tagen");
    assert_eq!(incentive.context["offer"]["ends_on"], "2026-06-22");
    assert!(incentive.evidence.iter().any(|clause| clause.text == "conversions_total >= 1"));
}

#[test]
fn re_engagement_hands_an_answer_to_the_manager_but_not_a_holiday() {
    for (answer, task) in [("technical", true), ("holiday", false)] {
        let mut stage = Stage::shipped(&["re-engagement"]);
        approved(&mut stage);
        stage.sale(2, "15:00", "c1", "pending");
        dip(&mut stage, 70, 43.0);
        stage.event(
            72,
            "09:00",
            json!({ "kind": "survey.answered", "survey": "what-happened", "answer": answer, "reason": answer }),
        );
        stage.until(150, "00:00");
        let mut expected = vec!["70 02:00: begin re-engagement", "70 02:00: mail re-engagement/noticed"];
        if task {
            expected.push("72 09:00: task re-engagement: {{partner.name}}: What happened? Something is broken");
        }
        expected.push("72 09:00: exit re-engagement: exit answered");
        stage.expect(&expected);
    }
}

#[test]
fn a_dip_too_small_is_refused_clause_by_clause_and_enters_when_it_deepens() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    dip(&mut stage, 70, 31.0);
    assert!(stage.log.is_empty());
    dip(&mut stage, 72, 43.0);
    dip(&mut stage, 73, 50.0);
    stage.signal(75, "02:00", "dip.conversions.recovered", "dip-1-over", json!({}));
    stage.until(90, "00:00");
    stage.expect(&[
        "72 02:00: begin re-engagement",
        "72 02:00: mail re-engagement/noticed",
        "73 02:00: refused re-engagement already_active",
        "75 02:00: exit re-engagement: stop_when dip.conversions.recovered",
    ]);
}

#[test]
fn a_vip_gets_a_call_instead_of_mails() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    stage.state.group = Some("vip".into());
    dip(&mut stage, 70, 43.0);
    stage.expect(&[
        "70 02:00: begin re-engagement",
        "70 02:00: task re-engagement: Call {{partner.name}}: Expected 29 sales since 8 April, saw 20.",
        "70 02:00: exit re-engagement: exit by_hand",
    ]);
}

#[test]
fn an_overdue_payout_blocks_the_entry_and_an_answer_to_a_mail_stops_the_run() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    stage.event(60, "09:00", json!({ "kind": "payout.overdue", "payout": "p1", "due_on": "2026-03-01" }));
    dip(&mut stage, 70, 43.0);
    stage.event(71, "09:00", json!({ "kind": "payout.paid", "payout": "p1" }));
    dip(&mut stage, 72, 43.0);
    stage.event(73, "09:00", json!({ "kind": "mail.received", "auto_submitted": "auto-replied" }));
    stage.event(74, "09:00", json!({ "kind": "mail.received" }));
    stage.until(90, "00:00");
    stage.expect(&[
        "70 02:00: refused re-engagement unless_blocks",
        "72 02:00: begin re-engagement",
        "72 02:00: mail re-engagement/noticed",
        "74 09:00: exit re-engagement: replied",
    ]);
}

#[test]
fn an_offer_that_is_not_granted_is_not_promised() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    stage.offers_granted = false;
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    dip(&mut stage, 70, 43.0);
    stage.until(100, "00:00");
    assert_eq!(stage.plans.len(), 2);
    assert!(stage.journeys[0].history.iter().any(|line| line.code == "offer_refused" && line.detail == "budget"));
}

#[test]
fn an_offer_is_given_back_when_its_mail_does_not_go_out() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    stage.outcomes.insert("incentive".into(), Outcome::Suppressed);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    dip(&mut stage, 70, 43.0);
    stage.until(100, "00:00");
    assert!(stage.log.contains(&"91 02:03: release".to_owned()), "{:#?}", stage.log);
}

fn milestone(stage: &mut Stage, day: i64, clock: &str, level: i64) {
    let payload =
        json!({ "name": format!("conversions-{level}"), "metric": "approved_conversions", "threshold": level });
    stage.signal(day, clock, "milestone.reached", &format!("approved_conversions-{level}"), payload);
}

#[test]
fn a_congratulation_waits_for_the_morning_and_takes_the_largest() {
    let mut stage = Stage::shipped(&["congratulation"]);
    approved(&mut stage);
    for sale in 0..10 {
        stage.sale(2, "15:00", &format!("c{sale}"), "approved");
    }
    milestone(&mut stage, 2, "15:00", 1);
    milestone(&mut stage, 2, "15:05", 10);
    stage.until(20, "00:00");
    stage.expect(&[
        "2 15:00: begin congratulation",
        "2 15:00: hold re-engagement",
        "2 15:05: join congratulation",
        "3 09:30: mail congratulation/generic",
        "3 09:31: emit partner.recognised",
        "3 09:31: hold re-engagement until 10 09:31",
        "3 09:31: exit congratulation: completed",
    ]);
    assert_eq!(stage.plans[0].context["events"].as_array().unwrap().len(), 2);
    // The same levels told again are the same milestones.
    milestone(&mut stage, 20, "15:00", 1);
    milestone(&mut stage, 20, "15:00", 10);
    let again = "20 15:00: refused congratulation already_begun";
    assert_eq!(stage.log[7..], [again, again]);
}

#[test]
fn a_first_milestone_has_its_own_mail_and_a_reversal_takes_it_back() {
    let mut stage = Stage::shipped(&["congratulation"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "approved");
    milestone(&mut stage, 2, "15:00", 1);
    stage.sale(2, "16:00", "c1", "reversed");
    stage.sale(4, "15:00", "c2", "approved");
    milestone(&mut stage, 4, "15:00", 1);
    stage.until(20, "00:00");
    stage.expect(&[
        "2 15:00: begin congratulation",
        "2 15:00: hold re-engagement",
        "2 16:00: release hold",
        "2 16:00: exit congratulation: trigger_revoked",
        "4 15:00: begin congratulation",
        "4 15:00: hold re-engagement",
        "5 09:30: mail congratulation/conversions-1",
        "5 09:31: emit partner.recognised",
        "5 09:31: hold re-engagement until 12 09:31",
        "5 09:31: exit congratulation: completed",
    ]);
}

#[test]
fn a_congratulation_on_friday_afternoon_goes_out_on_monday() {
    let mut stage = Stage::shipped(&["congratulation"]);
    approved(&mut stage);
    stage.sale(5, "15:00", "c1", "approved");
    milestone(&mut stage, 5, "15:00", 1);
    stage.until(20, "00:00");
    assert_eq!(stage.log[2], "8 09:30: mail congratulation/conversions-1");
}

#[test]
fn an_explanation_past_its_keep_says_so() {
    let mut stage = Stage::shipped(&["welcome"]);
    approved(&mut stage);
    stage.until(40, "00:00");
    let zone = stage.zone();
    let journey = stage.journeys[0].clone();
    assert!(journey.is_exited(), "{:?}", journey.state);
    assert!(!explain::journey(&journey, &zone).contains("not kept any more"));
    let bare = Journey { evidence: Vec::new(), history: Vec::new(), ..journey };
    assert!(explain::journey(&bare, &zone).contains("why it was let in and what happened in it is not kept any more"));
}

#[test]
fn an_explanation_shows_every_clause_with_its_value() {
    let mut stage = Stage::shipped(&["re-engagement"]);
    approved(&mut stage);
    stage.sale(2, "15:00", "c1", "pending");
    dip(&mut stage, 70, 43.0);
    let zone = stage.zone();
    let text = explain::journey(&stage.journeys[0], &zone);
    for line in [
        "✓ when dip.conversions (Expected 29 sales since 8 April, saw 20.)",
        "✓ conversions_total >= 1 (1)",
        "✓ event.drop_percent >= 40 (43)",
        "✓ unless payouts_overdue > 0 (0)",
        "waits at email noticed for message",
    ] {
        assert!(text.contains(line), "{line} not in:\n{text}");
    }
}

#[test]
fn every_way_out_is_told_with_what_it_means() {
    let mut stage = Stage::shipped(&["welcome"]);
    approved(&mut stage);
    let zone = stage.zone();
    let mut journey = stage.journeys[0].clone();
    let at = journey.started_at;
    let ways = [
        ExitReason::Completed,
        ExitReason::Exit("by_hand".into()),
        ExitReason::StopWhen("conversion.recorded".into()),
        ExitReason::TriggerRevoked,
        ExitReason::NotActive,
        ExitReason::Replied,
        ExitReason::OptedOut,
        ExitReason::Suppressed,
        ExitReason::Erased,
        ExitReason::HeldOut,
        ExitReason::NoPlace,
        ExitReason::Stopped("a mistake".into()),
        ExitReason::WorkflowGone,
    ];
    let mut told = std::collections::BTreeSet::new();
    for reason in ways {
        journey.state = State::Exited { at, reason: reason.clone() };
        let text = explain::journey(&journey, &zone);
        let line =
            text.lines().find(|line| line.contains("over since")).unwrap_or_else(|| panic!("{reason:?}: {text}"));
        let detail = reason.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
        assert!(line.ends_with(&format!(": {}{detail}, {}", reason.code(), reason.about())), "{line}");
        assert!(told.insert(reason.about()), "two ways out read alike: {line}");
    }
}

#[test]
fn a_click_acknowledges_the_notice_it_was_given_by_and_no_other() {
    let mut stage = Stage::shipped(&["notice-of-commission"]);
    approved(&mut stage);
    for (day, notice) in [(2, "n1"), (3, "n2")] {
        let change = json!({ "kind": "commission.changed", "notice": notice, "from": "2026-04-01", "old_rate": 10,
            "new_rate": 8, "url": "https://acme.example/rates" });
        stage.event(day, "10:00", change);
    }
    stage.until(4, "00:00");
    let second = stage.plans[1].id.clone();
    let click = json!({ "kind": "survey.answered", "survey": "acknowledge-commission", "answer": "seen",
        "message": second.as_str() });
    stage.event(4, "10:00", click);
    let are_over: Vec<bool> = stage.journeys.iter().map(rapport_journey::Journey::is_exited).collect();
    assert_eq!(are_over, [false, true], "{:#?}", stage.log);
    assert_eq!(stage.log.last().unwrap(), "4 10:00: exit notice-of-commission: stop_when acknowledged");
}

#[test]
fn an_answer_that_names_no_mail_acknowledges_the_notice_it_names_or_none() {
    let mut stage = Stage::shipped(&["notice-of-terms"]);
    approved(&mut stage);
    for (day, notice) in [(2, "n1"), (3, "n2")] {
        let change = json!({ "kind": "terms.changed", "notice": notice, "from": "2026-04-01", "what": "cookies",
            "url": "https://acme.example/terms" });
        stage.event(day, "10:00", change);
    }
    let over =
        |stage: &Stage| -> Vec<bool> { stage.journeys.iter().map(rapport_journey::Journey::is_exited).collect() };
    let answer = json!({ "kind": "survey.answered", "survey": "acknowledge-terms", "answer": "read" });
    stage.event(4, "10:00", answer.clone());
    assert_eq!(over(&stage), [false, false], "which of the two it is about nobody knows");
    for of in [json!("n0"), json!(1)] {
        let mut other = answer.clone();
        other["notice"] = of;
        stage.event(4, "11:00", other);
        assert_eq!(over(&stage), [false, false]);
    }
    let mut first = answer;
    first["notice"] = json!("n1");
    stage.event(4, "12:00", first);
    assert_eq!(over(&stage), [true, false], "{:#?}", stage.log);
}
