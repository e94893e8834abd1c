//! What `decide` answers, case by case. The rules that hold for every case are in `properties.rs`.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;
use rapport_contact::*;

const CALM: &str = "2026-03-10T12:00:00Z"; // a Tuesday, one in the afternoon in Berlin

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn limits() -> GuardrailsSpec {
    GuardrailsSpec {
        at_most: vec!["2 marketing per week".parse().unwrap(), "1 of any kind per day".parse().unwrap()],
        quiet_hours: Some(QuietHours { from: "20:00".parse().unwrap(), to: "08:00".parse().unwrap() }),
        weekends_hold: true,
        holidays: Holidays {
            everywhere: [date(2026, 12, 25)].into(),
            by_country: [("DE".to_owned(), [date(2026, 4, 3), date(2026, 4, 6)].into())].into(),
        },
        ..GuardrailsSpec::default()
    }
}

fn marketing() -> Request {
    Request {
        kind: Kind::Marketing,
        topic: "tips".into(),
        urgent: false,
        test: false,
        zone: TimeZone::get("Europe/Berlin").unwrap(),
        country: Some("DE".into()),
        expires: at("2026-12-31T00:00:00Z"),
    }
}

fn service() -> Request {
    Request { kind: Kind::Service, topic: "payouts".into(), ..marketing() }
}

fn ada() -> Recipient {
    Recipient { address: normalise("ada@example.com"), consent: Consent::Granted, ..Recipient::default() }
}

fn accepted(list: &[(&str, Kind)]) -> Recipient {
    let accepted = list.iter().map(|(when, kind)| Accepted { at: at(when), kind: *kind }).collect();
    Recipient { accepted, ..ada() }
}

#[track_caller]
fn check(request: &Request, recipient: &Recipient, spec: GuardrailsSpec, now: &str, expected: &str) {
    let guardrails = Guardrails::compile(spec).unwrap();
    let shown = match decide(request, recipient, &guardrails, at(now)) {
        Decision::Send => "send".to_owned(),
        Decision::Defer { until, reason } => format!("defer {until} {}", reason.code()),
        Decision::Suppress { reason } => format!("suppress {}", reason.code()),
    };
    assert_eq!(shown, expected);
}

#[test]
fn an_ordinary_mail_at_an_ordinary_hour_leaves() {
    check(&marketing(), &ada(), limits(), CALM, "send");
    check(&service(), &ada(), limits(), CALM, "send");
}

#[test]
fn marketing_needs_a_basis_and_service_does_not() {
    let stranger = Recipient { consent: Consent::Unknown, ..ada() };
    check(&marketing(), &stranger, limits(), CALM, "suppress no_basis");
    check(&service(), &stranger, limits(), CALM, "send");
    let contracts = vec![ContractBasis { topic: "tips".into(), countries: Some(["DE".to_owned()].into()) }];
    check(&marketing(), &stranger, GuardrailsSpec { contracts, ..limits() }, CALM, "send");
}

#[test]
fn a_suppressed_address_gets_nothing_whatever_else_holds() {
    let bounced = Recipient {
        suppressions: vec![Suppression { scope: SuppressionScope::All, cause: SuppressionCause::HardBounce }],
        ..ada()
    };
    check(&marketing(), &bounced, limits(), CALM, "suppress hard_bounce");
    check(&Request { urgent: true, ..service() }, &bounced, limits(), "2026-03-10T23:00:00Z", "suppress hard_bounce");
    check(&Request { test: true, ..marketing() }, &bounced, limits(), CALM, "suppress hard_bounce");
}

#[test]
fn nights_weekends_and_holidays_add_up() {
    check(&marketing(), &ada(), limits(), "2026-03-10T22:00:00Z", "defer 2026-03-11T07:00:00Z quiet_hours");
    // Friday night: Monday morning, because the night ends inside the weekend.
    check(&marketing(), &ada(), limits(), "2026-03-13T22:00:00Z", "defer 2026-03-16T07:00:00Z quiet_hours");
    check(&marketing(), &ada(), limits(), "2026-03-14T12:00:00Z", "defer 2026-03-16T07:00:00Z weekend");
    // Good Friday to Easter Monday.
    check(&marketing(), &ada(), limits(), "2026-04-03T09:00:00Z", "defer 2026-04-07T06:00:00Z holiday");
    let in_austria = Request { country: Some("AT".into()), ..marketing() };
    check(&in_austria, &ada(), limits(), "2026-04-03T09:00:00Z", "send");
    // What holds everywhere needs no country. It is a Friday: Monday morning.
    for request in [in_austria, Request { country: None, ..marketing() }] {
        check(&request, &ada(), limits(), "2026-12-25T09:00:00Z", "defer 2026-12-28T07:00:00Z holiday");
    }
}

#[test]
fn service_keeps_to_the_night_unless_urgent() {
    check(&service(), &ada(), limits(), "2026-03-10T22:00:00Z", "defer 2026-03-11T07:00:00Z quiet_hours");
    check(&Request { urgent: true, ..service() }, &ada(), limits(), "2026-03-10T22:00:00Z", "send");
    // Urgency is a property of service topics; marketing cannot claim it.
    let pushy = Request { urgent: true, ..marketing() };
    check(&pushy, &ada(), limits(), "2026-03-10T22:00:00Z", "defer 2026-03-11T07:00:00Z quiet_hours");
}

#[test]
fn caps_hold_marketing_until_the_morning_of_the_day_with_a_place() {
    let today = accepted(&[("2026-03-10T09:00:00Z", Kind::Service)]);
    check(&marketing(), &today, limits(), CALM, "defer 2026-03-11T07:00:00Z cap_day");
    check(&service(), &today, limits(), CALM, "send");
    // Two this week, the older on Thursday the 5th: free on Thursday the 12th.
    let week = accepted(&[("2026-03-05T09:00:00Z", Kind::Marketing), ("2026-03-09T09:00:00Z", Kind::Marketing)]);
    check(&marketing(), &week, limits(), CALM, "defer 2026-03-12T07:00:00Z cap_week");
}

#[test]
fn a_pace_of_ones_own_is_one_more_cap() {
    // One on Sunday the 1st: its place in the week is free, the one in the month is not.
    let had = accepted(&[("2026-03-01T09:00:00Z", Kind::Marketing)]);
    let at_pace = |own_pace| Recipient { own_pace, ..had.clone() };
    check(&marketing(), &at_pace(None), limits(), CALM, "send");
    check(&marketing(), &at_pace(Some(OwnPace::Weekly)), limits(), CALM, "send");
    let friday = "2026-03-06T09:00:00Z";
    check(&marketing(), &at_pace(Some(OwnPace::Weekly)), limits(), friday, "defer 2026-03-09T07:00:00Z cap_own");
    check(&marketing(), &at_pace(Some(OwnPace::Monthly)), limits(), CALM, "defer 2026-03-31T06:00:00Z cap_own");
    check(&service(), &at_pace(Some(OwnPace::Monthly)), limits(), CALM, "send");
    let guardrails = Guardrails::compile(limits()).unwrap();
    let over = |own_pace| decide_over(&marketing(), &at_pace(own_pace), &guardrails, Overflow::Drop, at(CALM));
    assert_eq!(over(None), Decision::Send);
    assert_eq!(over(Some(OwnPace::Monthly)), Decision::Suppress { reason: SuppressReason::OverTheCap });
    for pace in OwnPace::ALL {
        assert_eq!(OwnPace::parse(pace.code()), Some(pace));
    }
    assert_eq!(OwnPace::parse("any"), None);
}

#[test]
fn pauses_and_holds_defer() {
    let paused = Recipient { paused_until: Some(at("2026-03-20T12:00:00Z")), ..ada() };
    check(&marketing(), &paused, limits(), CALM, "defer 2026-03-20T12:00:00Z paused");
    check(&service(), &paused, limits(), CALM, "send");
    let until = at("2026-03-17T21:00:00Z");
    let held = Recipient { held_by: Some(Hold { workflow: "welcome".into(), until }), ..ada() };
    check(&marketing(), &held, limits(), CALM, "defer 2026-03-18T07:00:00Z held_by");
    check(&marketing(), &held, limits(), "2026-03-18T07:00:00Z", "send");
}

#[test]
fn what_cannot_leave_before_it_expires_ends_at_once() {
    let short = Request { expires: at("2026-03-11T06:59:59Z"), ..marketing() };
    check(&short, &ada(), limits(), "2026-03-10T22:00:00Z", "suppress expired");
    // The expiry itself is too late.
    check(
        &Request { expires: at("2026-03-11T07:00:00Z"), ..marketing() },
        &ada(),
        limits(),
        "2026-03-10T22:00:00Z",
        "suppress expired",
    );
    check(&Request { expires: at(CALM), ..marketing() }, &ada(), limits(), CALM, "suppress expired");
}

#[test]
fn without_an_address_a_mail_waits_until_it_expires() {
    let nowhere = Recipient { address: None, ..ada() };
    check(&marketing(), &nowhere, limits(), CALM, "defer 2026-12-31T00:00:00Z no_address");
    check(&marketing(), &nowhere, limits(), "2026-12-31T00:00:00Z", "suppress no_address");
}

#[test]
fn an_allow_list_holds_for_everything_also_tests() {
    let staging = || GuardrailsSpec { allow_list: Some(vec!["@staging.example".into()]), ..limits() };
    check(&marketing(), &ada(), staging(), CALM, "suppress not_allowed");
    check(&Request { test: true, ..marketing() }, &ada(), staging(), CALM, "suppress not_allowed");
    let colleague = Recipient { address: normalise("bob@staging.example"), ..Recipient::default() };
    check(&Request { test: true, ..marketing() }, &colleague, staging(), "2026-03-14T23:00:00Z", "send");
}

#[test]
fn one_address_gets_one_copy() {
    let week = || GuardrailsSpec { same_address: Some(jiff::SignedDuration::from_hours(7 * 24)), ..limits() };
    let had = |when| Recipient { copies: vec![at(when)], ..ada() };
    check(&marketing(), &had("2026-03-09T12:00:00Z"), week(), CALM, "suppress same_address");
    // Without the rule, and after its time, each partner has a copy of their own.
    check(&marketing(), &had("2026-03-09T12:00:00Z"), limits(), CALM, "send");
    check(&marketing(), &had("2026-03-03T12:00:00.001Z"), week(), CALM, "suppress same_address");
    check(&marketing(), &had("2026-03-03T12:00:00Z"), week(), CALM, "send");
    // At night, too: it is not worth waiting for the morning.
    check(&marketing(), &had("2026-03-09T12:00:00Z"), week(), "2026-03-10T22:00:00Z", "suppress same_address");
    // What is owed is owed to each, and a sample was asked for.
    check(&service(), &had("2026-03-09T12:00:00Z"), week(), CALM, "send");
    check(&Request { test: true, ..marketing() }, &had("2026-03-09T12:00:00Z"), week(), CALM, "send");
    // Who said no is told that, not that there was a copy.
    let stranger = Recipient { consent: Consent::Unknown, ..had("2026-03-09T12:00:00Z") };
    check(&marketing(), &stranger, week(), CALM, "suppress no_basis");
}

#[test]
fn urgent_service_passes_every_hour_and_no_stop() {
    let urgent = Request { urgent: true, ..service() };
    // Night, weekend, holiday, and another workflow's hold.
    for now in ["2026-03-10T23:00:00Z", "2026-03-14T12:00:00Z", "2026-04-03T09:00:00Z", "2026-12-25T09:00:00Z"] {
        check(&urgent, &ada(), limits(), now, "send");
    }
    let until = at("2026-03-17T21:00:00Z");
    let held = Recipient { held_by: Some(Hold { workflow: "welcome".into(), until }), ..ada() };
    check(&urgent, &held, limits(), CALM, "send");
    check(&urgent, &Recipient { address: None, ..ada() }, limits(), CALM, "defer 2026-12-31T00:00:00Z no_address");
    check(&Request { expires: at(CALM), ..urgent }, &ada(), limits(), CALM, "suppress expired");
    // Marketing that says so keeps to all of them.
    let pushy = Request { urgent: true, ..marketing() };
    check(&pushy, &ada(), limits(), "2026-03-14T12:00:00Z", "defer 2026-03-16T07:00:00Z weekend");
    check(&pushy, &ada(), limits(), "2026-04-03T09:00:00Z", "defer 2026-04-07T06:00:00Z holiday");
    check(&pushy, &held, limits(), CALM, "defer 2026-03-18T07:00:00Z held_by");
}

#[test]
fn explain_sees_every_rule() {
    let guardrails = Guardrails::compile(limits()).unwrap();
    let recipient = accepted(&[("2026-03-09T09:00:00Z", Kind::Marketing)]);
    let seen = assess(&marketing(), &recipient, &guardrails, at(CALM));
    assert_eq!(seen.decision, Decision::Send);
    assert_eq!(seen.caps.iter().map(|cap| (cap.used, cap.cap.limit)).collect::<Vec<_>>(), [(1, 2), (0, 1)]);
    assert!(!seen.quiet_hours && !seen.weekend && !seen.holiday && seen.suppressed.is_none());
}

/// Over a cap with `drop` a mail ends; where it waits for anything else it waits, and what forbids it says so first.
#[test]
fn a_mail_over_a_cap_is_dropped_if_its_workflow_wants_it() {
    let guardrails = Guardrails::compile(limits()).unwrap();
    let full = accepted(&[("2026-03-09T12:00:00Z", Kind::Marketing), ("2026-03-08T12:00:00Z", Kind::Marketing)]);
    let dropped = |request: &Request, recipient: &Recipient, now: &str| {
        decide_over(request, recipient, &guardrails, Overflow::Drop, at(now))
            == Decision::Suppress { reason: SuppressReason::OverTheCap }
    };
    assert!(dropped(&marketing(), &full, CALM));
    assert!(dropped(&marketing(), &full, "2026-03-10T22:00:00Z"), "at night, too");
    let soon = Request { expires: at("2026-03-11T12:00:00Z"), ..marketing() };
    assert!(dropped(&soon, &full, CALM), "it would have expired before there is a place");
    assert!(!dropped(&soon, &full, "2026-03-11T12:00:00Z"), "it has expired");
    assert!(!dropped(&marketing(), &ada(), "2026-03-10T22:00:00Z"), "it waits for the morning");
    assert!(!dropped(&service(), &full, CALM));
    let stranger = Recipient { consent: Consent::Unknown, ..full.clone() };
    assert!(!dropped(&marketing(), &stranger, CALM), "it has no basis");
    for overflow in [Overflow::Wait, Overflow::Digest] {
        let decision = decide_over(&marketing(), &full, &guardrails, overflow, at(CALM));
        assert_eq!(decision, decide(&marketing(), &full, &guardrails, at(CALM)));
    }
}

/// What travels in a digest might leave now, and finds no place once another mail has left.
#[test]
fn a_mail_travels_when_it_has_no_place_beside_another() {
    let check = |spec: GuardrailsSpec, recipient: &Recipient, now: &str| {
        has_no_place_beside(&marketing(), recipient, &Guardrails::compile(spec).unwrap(), at(now))
    };
    let weekly = || GuardrailsSpec { at_most: vec!["2 marketing per week".parse().unwrap()], ..limits() };
    let one = accepted(&[("2026-03-08T12:00:00Z", Kind::Marketing)]);
    let two = accepted(&[("2026-03-09T12:00:00Z", Kind::Marketing), ("2026-03-08T12:00:00Z", Kind::Marketing)]);
    assert!(check(weekly(), &one, CALM), "one place is left");
    assert!(!check(weekly(), &ada(), CALM), "there is a place for each");
    assert!(!check(weekly(), &two, CALM), "there is none at all: both wait");
    assert!(!check(weekly(), &one, "2026-03-10T22:00:00Z"), "at night neither leaves");
    assert!(check(limits(), &ada(), CALM), "one a day");
    let guardrails = Guardrails::compile(weekly()).unwrap();
    assert!(!has_no_place_beside(&service(), &one, &guardrails, at(CALM)), "a notice needs no place");
}
