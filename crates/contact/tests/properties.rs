//! What holds for every partner, zone, sequence of mails and change of the clocks.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rapport_contact::*;

const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Africa/Casablanca",
    "America/Santiago",
    "Asia/Beirut",
    "Pacific/Auckland",
];

prop_compose! {
    fn any_guardrails()(
        weekly in 1_u32..4,
        daily in 1_u32..3,
        from in 0_i8..24,
        length in 1_i8..20,
        weekends_hold: bool,
    ) -> GuardrailsSpec {
        let hour = |hour: i8| jiff::civil::time(hour % 24, 30, 0, 0);
        GuardrailsSpec {
            at_most: vec![
                Cap { limit: weekly, counted: Counted::Marketing, window: Window::Week },
                Cap { limit: daily, counted: Counted::Any, window: Window::Day },
            ],
            quiet_hours: Some(QuietHours { from: hour(from), to: hour(from + length) }),
            weekends_hold,
            ..GuardrailsSpec::default()
        }
    }
}

/// Around any change of the clocks between 2024 and 2027, to the second.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (1_704_067_200_i64..1_830_297_600).prop_map(|second| Timestamp::from_second(second).unwrap())
}

fn request(kind: Kind, zone: &str, expires: Timestamp) -> Request {
    Request {
        kind,
        topic: "tips".into(),
        urgent: false,
        test: false,
        zone: TimeZone::get(zone).unwrap(),
        country: None,
        expires,
    }
}

fn recipient(accepted: Vec<Accepted>) -> Recipient {
    Recipient { address: normalise("ada@example.com"), consent: Consent::Granted, accepted, ..Recipient::default() }
}

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Mails ask at random moments; one deferred asks again exactly at its `until`.
    #[test]
    fn no_sequence_of_mails_exceeds_a_cap(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        start in any_instant(),
        mut asks in proptest::collection::vec((0_i64..30 * 86_400, any::<bool>()), 1..40),
    ) {
        let guardrails = Guardrails::compile(spec).unwrap();
        let zone_of = TimeZone::get(zone).unwrap();
        asks.sort_unstable();
        let mut queue: std::collections::BTreeMap<(Timestamp, usize), Kind> = asks
            .iter()
            .enumerate()
            .map(|(n, (after, service))| {
                let kind = if *service { Kind::Service } else { Kind::Marketing };
                ((start + SignedDuration::from_secs(*after), n), kind)
            })
            .collect();
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut asked = 0;
        while let Some(((now, n), kind)) = queue.pop_first() {
            asked += 1;
            prop_assert!(asked < 4000, "deferrals go round in circles");
            match decide(&request(kind, zone, now + days(60)), &recipient(accepted.clone()), &guardrails, now) {
                Decision::Send => accepted.push(Accepted { at: now, kind }),
                Decision::Defer { until, .. } => {
                    prop_assert!(until > now);
                    queue.insert((until, n), kind);
                }
                Decision::Suppress { .. } => {}
            }
        }
        // By hand: at each marketing mail, those of the last 7 (1) local days with it.
        for (order, mail) in accepted.iter().enumerate().filter(|(_, mail)| mail.kind == Kind::Marketing) {
            let day = |at: Timestamp| zone_of.to_datetime(at).date();
            let today = day(mail.at);
            for cap in guardrails.caps() {
                let used = accepted
                    .iter()
                    .take(order + 1)
                    .filter(|other| cap.counted == Counted::Any || other.kind == Kind::Marketing)
                    .filter(|other| day(other.at).until(today).unwrap().get_days() < cap.window.days())
                    .count();
                prop_assert!(used <= cap.limit as usize, "{used} over {cap} at {}", mail.at);
            }
        }
    }

    /// However mails ask, between two that leave is the time the partner wants, beside what all caps want.
    #[test]
    fn no_sequence_of_mails_exceeds_a_pace_of_ones_own(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        start in any_instant(),
        mut asks in proptest::collection::vec(0_i64..60 * 86_400, 1..20),
        pace in proptest::sample::select(&OwnPace::ALL[..]),
    ) {
        let guardrails = Guardrails::compile(spec).unwrap();
        let zone_of = TimeZone::get(zone).unwrap();
        asks.sort_unstable();
        let mut queue: std::collections::BTreeSet<(Timestamp, usize)> =
            asks.iter().enumerate().map(|(n, after)| (start + SignedDuration::from_secs(*after), n)).collect();
        let mut accepted: Vec<Accepted> = Vec::new();
        let mut asked = 0;
        while let Some((now, n)) = queue.pop_first() {
            asked += 1;
            prop_assert!(asked < 4000, "deferrals go round in circles");
            let recipient = Recipient { own_pace: Some(pace), ..recipient(accepted.clone()) };
            match decide(&request(Kind::Marketing, zone, now + days(90)), &recipient, &guardrails, now) {
                Decision::Send => accepted.push(Accepted { at: now, kind: Kind::Marketing }),
                Decision::Defer { until, .. } => {
                    prop_assert!(until > now);
                    queue.insert((until, n));
                }
                Decision::Suppress { .. } => {}
            }
        }
        prop_assert!(!accepted.is_empty());
        let day = |mail: &Accepted| zone_of.to_datetime(mail.at).date();
        for (before, mail) in accepted.iter().zip(accepted.iter().skip(1)) {
            let between = day(before).until(day(mail)).unwrap().get_days();
            prop_assert!(between >= pace.days(), "{between} days at {}", mail.at);
        }
    }

    /// Whatever travels with a mail, travelling alone behind it would have exceeded a cap; whatever does not, would not, or may not leave.
    #[test]
    fn only_what_finds_no_place_travels(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        now in any_instant(),
        ago in proptest::collection::vec((0_i64..8 * 86_400, any::<bool>()), 0..5),
    ) {
        let guardrails = Guardrails::compile(spec).unwrap();
        let accepted: Vec<Accepted> = ago
            .iter()
            .map(|(ago, service)| Accepted {
                at: now - SignedDuration::from_secs(*ago),
                kind: if *service { Kind::Service } else { Kind::Marketing },
            })
            .collect();
        let request = request(Kind::Marketing, zone, now + days(60));
        let alone = decide(&request, &recipient(accepted.clone()), &guardrails, now);
        let travels = has_no_place_beside(&request, &recipient(accepted.clone()), &guardrails, now);
        let mut after = accepted;
        after.push(Accepted { at: now, kind: Kind::Marketing });
        let behind = decide(&request, &recipient(after), &guardrails, now);
        prop_assert_eq!(travels, alone == Decision::Send && behind != Decision::Send);
        if let (true, Decision::Defer { reason, .. }) = (travels, behind) {
            prop_assert!(matches!(reason, DeferReason::CapWeek | DeferReason::CapDay));
        }
    }

    #[test]
    fn a_deferral_ends_exactly_at_its_until(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        now in any_instant(),
        ago in proptest::collection::vec((0_i64..8 * 86_400, any::<bool>()), 0..5),
        paused in proptest::option::of(1_i64..10 * 86_400),
        held in proptest::option::of(1_i64..10 * 86_400),
        samples in proptest::collection::vec(0.0..1.0_f64, 20),
    ) {
        let guardrails = Guardrails::compile(spec).unwrap();
        let later = |seconds: i64| now + SignedDuration::from_secs(seconds);
        let recipient = Recipient {
            paused_until: paused.map(later),
            stopped_until: None,
            held_by: held.map(|seconds| Hold { workflow: "welcome".into(), until: later(seconds) }),
            ..recipient(
                ago.iter()
                    .map(|(ago, service)| Accepted {
                        at: now - SignedDuration::from_secs(*ago),
                        kind: if *service { Kind::Service } else { Kind::Marketing },
                    })
                    .collect(),
            )
        };
        let request = request(Kind::Marketing, zone, now + days(60));
        let ask = |at| decide(&request, &recipient, &guardrails, at);
        if let Decision::Defer { until, .. } = ask(now) {
            prop_assert_eq!(ask(until), Decision::Send);
            prop_assert_ne!(ask(until - SignedDuration::from_nanos(1)), Decision::Send);
            let span = until.duration_since(now).as_secs_f64();
            for sample in samples {
                let between = now + SignedDuration::from_secs_f64(span * sample);
                if between < until {
                    let is_same = matches!(ask(between), Decision::Defer { until: again, .. } if again == until);
                    prop_assert!(is_same, "sent or moved at {between}");
                }
            }
        }
    }

    #[test]
    fn nothing_leaves_at_night_or_on_a_held_weekend(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        now in any_instant(),
        service: bool,
    ) {
        let quiet = spec.quiet_hours.unwrap();
        let weekends_hold = spec.weekends_hold;
        let guardrails = Guardrails::compile(spec).unwrap();
        let kind = if service { Kind::Service } else { Kind::Marketing };
        let request = request(kind, zone, now + days(60));
        let sent_at = match decide(&request, &recipient(vec![]), &guardrails, now) {
            Decision::Send => now,
            Decision::Defer { until, .. } => until,
            Decision::Suppress { .. } => return Err(TestCaseError::fail("nothing suppresses this")),
        };
        let local = request.zone.to_datetime(sent_at);
        prop_assert!(!quiet.cover(local.time()), "{local}");
        let is_weekend = local.date().weekday().to_monday_zero_offset() >= 5;
        prop_assert!(!(weekends_hold && is_weekend), "{local}");
    }

    #[test]
    fn no_marketing_to_a_suppressed_address(
        spec in any_guardrails(),
        now in any_instant(),
        causes in proptest::collection::vec((proptest::sample::select(&SuppressionCause::ALL[..]), any::<bool>()), 1..4),
        urgent: bool,
    ) {
        let guardrails = Guardrails::compile(spec).unwrap();
        let suppressions = causes
            .into_iter()
            .map(|(cause, all)| Suppression {
                scope: if all { SuppressionScope::All } else { SuppressionScope::Topic("tips".into()) },
                cause,
            })
            .collect();
        let recipient = Recipient { suppressions, ..recipient(vec![]) };
        let request = Request { urgent, ..request(Kind::Marketing, "Europe/Berlin", now + days(60)) };
        let is_suppressed = matches!(decide(&request, &recipient, &guardrails, now), Decision::Suppress { .. });
        prop_assert!(is_suppressed);
    }

    /// Partners who share an address, each asking for some mails at random moments.
    #[test]
    fn an_address_gets_one_copy_of_a_mail(
        spec in any_guardrails(),
        zone in proptest::sample::select(&ZONES[..]),
        start in any_instant(),
        hours in 1_i64..=7 * 24,
        asks in proptest::collection::vec((0_i64..20 * 86_400, 0_usize..3, 0_usize..3), 1..30),
    ) {
        let within = SignedDuration::from_hours(hours);
        let guardrails = Guardrails::compile(GuardrailsSpec { same_address: Some(within), ..spec }).unwrap();
        let mut queue: std::collections::BTreeMap<(Timestamp, usize), (usize, usize)> = asks
            .into_iter()
            .enumerate()
            .map(|(n, (after, partner, mail))| ((start + SignedDuration::from_secs(after), n), (partner, mail)))
            .collect();
        let mut sent: Vec<(Timestamp, usize, usize)> = Vec::new();
        let mut asked = 0;
        while let Some(((now, n), (partner, mail))) = queue.pop_first() {
            asked += 1;
            prop_assert!(asked < 4000, "deferrals go round in circles");
            let accepted = sent.iter().map(|(at, ..)| Accepted { at: *at, kind: Kind::Marketing }).collect();
            let of_others = |(_, by, what): &&(Timestamp, usize, usize)| *by != partner && *what == mail;
            let copies: Vec<Timestamp> = sent.iter().filter(of_others).map(|(at, ..)| *at).collect();
            let lately = copies.iter().any(|at| now.duration_since(*at) < within);
            let recipient = Recipient { copies, ..recipient(accepted) };
            match decide(&request(Kind::Marketing, zone, now + days(60)), &recipient, &guardrails, now) {
                Decision::Send => {
                    prop_assert!(!lately, "a second copy");
                    sent.push((now, partner, mail));
                }
                Decision::Defer { until, .. } => {
                    prop_assert!(!lately, "what is a copy does not wait");
                    queue.insert((until, n), (partner, mail));
                }
                Decision::Suppress { reason } => {
                    prop_assert_eq!(reason, SuppressReason::SameAddress);
                    prop_assert!(lately, "nobody had it");
                }
            }
        }
    }
}
