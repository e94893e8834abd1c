//! What a partner's history leads to, told in short.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_event::engine::{ErasedData, OutcomeData};
use rapport_event::{ActivityData, CustomKinds, EngineData, Event, Extra, Headers, Kind, Limits, Payload, decode_with};
use rapport_partner::{
    ConversionState, Figure, FigureContext, FoldContext, Folded, Measure, PartnerState, StartMark, Status, conversion,
    day, fold,
};
use rapport_rule::money::Currency;

struct World {
    zone: TimeZone,
    state: PartnerState,
    conversions: BTreeMap<String, ConversionState>,
    told: Vec<String>,
    began: Option<Timestamp>,
    start: Option<StartMark>,
}

impl World {
    fn new() -> Self {
        World {
            zone: TimeZone::get("Europe/Oslo").unwrap(),
            state: PartnerState::default(),
            conversions: BTreeMap::new(),
            told: Vec::new(),
            began: None,
            start: None,
        }
    }

    fn event(&self, at: &str, kind: &str, data: &str) -> Event {
        let text = format!(
            r#"{{"id":"e","kind":"{kind}","program":"acme","partner":"ada","occurred_at":"{at}:00Z","data":{{{data}}}}}"#
        );
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        decode_with(&Limits::replay(), text.as_bytes(), &Headers::NONE, &CustomKinds::none(), now).unwrap().event
    }

    fn fold(&mut self, event: &Event) {
        let id = event.conversion().map(|data| data.conversion_id.to_string()).unwrap_or_default();
        let context = FoldContext { zone: &self.zone, currency: Currency::EUR, rates: rapport_partner::Rates::none() };
        if let Folded::Conversion(merged) = fold(&mut self.state, self.conversions.get(&id), event, &context) {
            self.told.extend(merged.became.iter().map(|kind| conversion::derived(event, kind).id.to_string()));
            self.conversions.insert(id, merged.state);
        }
    }

    fn tell(&mut self, at: &str, kind: &str, data: &str) -> &mut Self {
        let event = self.event(at, kind, data);
        self.fold(&event);
        self
    }

    /// `c1 approved`, `c1 approved 60`, `c1 approved 60 USD`: sold and told at that time, 40 EUR unless said otherwise.
    fn sale(&mut self, at: &str, what: &str) -> &mut Self {
        let mut words = what.split(' ');
        let (id, status) = (words.next().unwrap(), words.next().unwrap());
        let amount: i64 = words.next().unwrap_or("40").parse().unwrap();
        let (cents, commission, currency) = (amount * 100, amount * 10, words.next().unwrap_or("EUR"));
        let data = format!(
            r#""conversion_id":"{id}","status":"{status}","amount":{cents},"commission":{commission},"currency":"{currency}""#
        );
        self.tell(at, "conversion", &data)
    }

    fn own(&mut self, at: &str, kind: Kind, data: EngineData) -> &mut Self {
        let event = Event { kind, payload: Payload::Engine(Box::new(data)), ..self.event(at, "login", "") };
        self.fold(&event);
        self
    }

    fn mail(&mut self, at: &str, kind: Kind, message: &str, reason: Option<&str>) -> &mut Self {
        let data = OutcomeData { message: message.into(), reason: reason.map(Into::into), ..OutcomeData::default() };
        self.own(at, kind, EngineData::Outcome(data))
    }

    /// `resource.given`, a kind the shipped configuration declares.
    fn given(&mut self, at: &str, resource: &str) -> &mut Self {
        let data = ActivityData::Custom(Extra::NONE.with("resource", resource).with("title", "x"));
        let kind = Kind::Custom("resource.given".into());
        let event = Event { kind, payload: Payload::Activity(data), ..self.event(at, "login", "") };
        self.fold(&event);
        self
    }

    fn close(&mut self, through: &str) {
        self.state.close_through(day::number(through.parse().unwrap()));
    }

    #[track_caller]
    fn check(&self, today: &str, figure: &str, expected: &str) {
        let context = FigureContext {
            today: day::number(today.parse().unwrap()),
            zone: &self.zone,
            currency: Currency::EUR,
            program_began_at: self.began,
            program: None,
            start: self.start.as_ref(),
            foresee: None,
        };
        let value = self.state.figure(&Figure::parse(figure).unwrap(), &context);
        assert_eq!(value.map_or("?".to_owned(), |value| value.to_string()), expected, "{figure} on {today}");
    }
}

#[test]
fn figures_count_by_the_local_day_of_the_sale() {
    let mut world = World::new();
    world.sale("2026-02-01T10:00", "c1 pending");
    world.sale("2026-02-20T23:30", "c2 approved 60"); // already the 21st in Oslo
    world.sale("2026-02-21T10:00", "c3 reversed 10");
    world.check("2026-02-21", "conversions_1d", "1");
    world.check("2026-02-21", "conversions_total", "2");
    world.check("2026-02-21", "conversions_20d_before", "1");
    world.check("2026-02-21", "revenue_30d", "100.00 EUR");
    world.check("2026-02-21", "commission_30d", "10.00 EUR");
    world.check("2026-02-21", "approved_revenue_30d", "60.00 EUR");
    world.check("2026-02-21", "reversed_conversions_30d", "1");
    world.check("2026-02-21", "average_order_30d", "50.00 EUR");
    world.check("2026-02-21", "days_since_conversion", "0");
    world.check("2026-02-28", "days_since_conversion", "7");
    world.check("2026-02-28", "days_since_first_conversion", "27");
    world.check("2026-02-28", "days_since_login", "?");
    world.check("2026-02-28", "new_customer_share_90d", "?");
    let told = ["conversion.recorded/c1", "conversion.recorded/c2", "conversion.approved/c2", "conversion.reversed/c3"];
    assert_eq!(world.told, told);
}

#[test]
fn a_reversal_takes_back_everything() {
    let mut world = World::new();
    world.sale("2026-02-01T10:00", "c1 approved").sale("2026-02-10T10:00", "c2 approved");
    world.close("2026-02-15");
    world.check("2026-02-16", "days_since_conversion", "6");
    world.tell(
        "2026-02-16T10:00",
        "conversion",
        r#""conversion_id":"c2","status":"reversed","amount":4000,"currency":"EUR","occurred_at":"2026-02-10T10:00:00Z""#,
    );
    world.check("2026-02-16", "conversions_total", "1");
    world.check("2026-02-16", "approved_conversions_total", "1");
    world.check("2026-02-16", "revenue_90d", "40.00 EUR");
    world.check("2026-02-16", "days_since_conversion", "15");
    world.check("2026-02-16", "reversed_revenue_total", "40.00 EUR");
}

#[test]
fn since_start_is_what_came_on_top_of_the_trigger() {
    let mut world = World::new();
    world.sale("2026-02-01T10:00", "c1 pending");
    world.check("2026-02-01", "conversions_since_start", "?");
    world.start = Some(StartMark::of(&world.state));
    world.check("2026-02-01", "conversions_since_start", "0");
    world.sale("2026-02-02T10:00", "c2 pending");
    world.check("2026-02-03", "conversions_since_start", "1");
    world.check("2026-02-03", "revenue_since_start", "40.00 EUR");
}

#[test]
fn days_before_rapport_listened_are_missing_of_who_was_there() {
    let mut world = World::new();
    world.began = Some("2026-01-14T23:30:00Z".parse().unwrap()); // already the 15th in Oslo
    world.tell("2026-01-15T10:00", "partner.approved", r#""approved_at":"2019-05-01T00:00:00Z""#);
    world.sale("2026-01-20T10:00", "c1 approved").sale("2026-02-20T10:00", "c2 approved");
    for (figure, known) in [
        ("conversions_10d_before", "1"),
        ("revenue_10d_before", "40.00 EUR"),
        ("average_order_10d_before", "40.00 EUR"),
        ("approval_rate_10d_before", "100"),
        ("active_days_10d_before", "1"),
        ("conversions_growth_10d", "-100"),
        ("mails_10d_before", "0"),
    ] {
        // The twenty days up to the 2nd begin on the 14th, those up to the 3rd on the 15th.
        world.check("2026-02-02", figure, "?");
        world.check("2026-02-03", figure, known);
    }
    world.check("2026-02-02", "conversions_20d", "1");
    world.check("2026-02-02", "active_days_20d", "1");
    // A balance says what came before, not when.
    let opening = r#""opening":{"conversions":99,"revenue":5000,"as_of":"2026-01-01T00:00:00Z"}"#;
    world.tell("2026-02-02T10:00", "partner.updated", opening);
    world.check("2026-02-02", "conversions_10d_before", "?");
    world.check("2026-02-02", "conversions_total", "101");
}

#[test]
fn who_joined_since_did_nothing_before() {
    let mut world = World::new();
    world.began = Some("2026-01-14T23:30:00Z".parse().unwrap());
    world.tell("2026-01-16T10:00", "partner.approved", "");
    world.sale("2026-01-20T10:00", "c1 approved");
    world.check("2026-01-21", "conversions_28d_before", "0");
    world.check("2026-01-21", "active_days_28d_before", "0");
    world.check("2026-01-21", "conversions_growth_28d", "?"); // of nothing
    world.check("2026-01-25", "conversions_growth_5d", "-100");
}

#[test]
fn totals_of_a_veteran_without_an_opening_are_missing() {
    let mut world = World::new();
    world.began = Some("2026-01-01T00:00:00Z".parse().unwrap());
    world.tell("2026-01-02T10:00", "partner.approved", r#""approved_at":"2019-05-01T00:00:00Z""#);
    world.sale("2026-02-01T10:00", "c1 approved");
    world.check("2026-02-02", "conversions_total", "?");
    world.check("2026-02-02", "approved_revenue_total", "?");
    world.check("2026-02-02", "conversions_30d", "1");
    let opening = r#""opening":{"conversions":99,"revenue":5000,"as_of":"2026-01-01T00:00:00Z"}"#;
    world.tell("2026-02-02T10:00", "partner.updated", opening);
    world.check("2026-02-02", "conversions_total", "100");
    world.check("2026-02-02", "revenue_total", "90.00 EUR");
    world.sale("2025-12-24T10:00", "c0 approved"); // in the opening balance already
    world.check("2026-02-02", "conversions_total", "100");
    assert_eq!(world.state.profile.status(), Status::Active);
}

#[test]
fn money_of_another_currency_makes_sums_missing_but_not_counts() {
    let mut world = World::new();
    world.sale("2026-02-01T10:00", "c1 pending").sale("2026-02-10T10:00", "c2 pending 40 USD");
    world.check("2026-02-10", "conversions_total", "2");
    world.check("2026-02-10", "revenue_total", "?");
    world.check("2026-02-10", "revenue_7d", "?");
    world.check("2026-02-10", "revenue_7d_before", "40.00 EUR");
    world.check("2026-02-14", "revenue_3d", "0.00 EUR");
    let known = |world: &World| world.state.known_total(Measure::Revenue, &world.zone);
    assert_eq!(known(&world), Some(4000), "what is known stays known");
    world.sale("2026-02-11T10:00", "c1 reversed");
    assert_eq!(known(&world), Some(0), "and is taken back by its reversal");
}

#[test]
fn fields_are_those_told_last_by_event_time() {
    let mut world = World::new();
    world.tell("2026-02-03T10:00", "partner.updated", r#""language":"de","audience":5"#);
    world.tell("2026-02-02T10:00", "partner.suspended", "");
    world.tell("2026-02-01T10:00", "partner.approved", r#""language":"en","country":"no","audience":1"#);
    assert_eq!(world.state.profile.status(), Status::Suspended);
    assert_eq!(world.state.field("language"), Some("de".into()));
    assert_eq!(world.state.field("country"), Some("NO".into()));
    assert_eq!(world.state.field("audience"), Some(5.into()));
    assert_eq!(world.state.field("status"), Some("suspended".into()));
    assert_eq!(world.state.field("shoe_size"), None);
    world.tell("2026-02-04T10:00", "partner.updated", r#""audience":null"#);
    assert_eq!(world.state.field("audience"), None);
}

#[test]
fn a_language_the_partner_chose_goes_before_what_is_told_later() {
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "partner.approved", r#""language":"de""#);
    world.tell("2026-02-02T10:00", "partner.updated", r#""chosen_language":"en""#);
    world.tell("2026-02-03T10:00", "partner.updated", r#""language":"fr""#);
    assert_eq!(world.state.field("language"), Some("en".into()));
    let read = PartnerState::decode(&world.state.encode_hot(), None).unwrap();
    assert_eq!(read.field("language"), Some("en".into()));
    // Until they choose again, whatever arrives late.
    world.tell("2026-02-04T10:00", "partner.updated", r#""chosen_language":"de""#);
    world.tell("2026-02-02T12:00", "partner.updated", r#""chosen_language":"it""#);
    assert_eq!(world.state.field("language"), Some("de".into()));
    // However many fields a tracker tells.
    let many: Vec<String> = (0..100).map(|number| format!("\"field_{number}\":1")).collect();
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "partner.updated", &many.join(","));
    world.tell("2026-02-02T10:00", "partner.updated", r#""chosen_language":"en""#);
    assert_eq!(world.state.field("language"), Some("en".into()));
}

#[test]
fn answers_are_kept_under_the_survey_and_the_name_it_gives_them() {
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "survey.answered", r#""survey":"first-sale-feedback","obstacle":"time""#);
    world.tell("2026-02-02T10:00", "survey.answered", r#""survey":"what-happened","reason":"holiday""#);
    world.tell("2026-01-02T10:00", "survey.answered", r#""survey":"what-happened","reason":"technical""#);
    world.tell("2026-02-02T10:00", "survey.answered", r#""survey":"nps","score":9"#);
    assert_eq!(world.state.field("answers.obstacle"), Some("time".into()));
    assert_eq!(world.state.field("answers.first-sale-feedback"), Some("time".into()));
    assert_eq!(world.state.field("answers.reason"), Some("holiday".into()));
    assert_eq!(world.state.field("answers.nps"), Some(9.0.into()));
    world.check("2026-02-03", "answers_30d", "3");
}

#[test]
fn resources_given_used_or_completed_are_known_by_name() {
    let mut world = World::new();
    // What an older version stored says nothing of resources.
    let older = PartnerState::decode(&world.state.encode_hot(), None).unwrap();
    assert!(!older.had_resource("guide"));
    world.given("2026-02-01T10:00", "guide");
    world.tell("2026-02-02T10:00", "resource.used", r#""resource":"link-builder""#);
    world.tell("2026-02-03T10:00", "training.completed", r#""training":"first-steps""#);
    world.tell("2026-02-03T10:00", "creative.submitted", r#""creative":"banner""#);
    let stored = PartnerState::decode(&world.state.encode_hot(), None).unwrap();
    for name in ["guide", "link-builder", "first-steps"] {
        assert!(stored.had_resource(name), "{name}");
    }
    for name in ["banner", "guides", ""] {
        assert!(!stored.had_resource(name), "{name}");
    }
    world.own("2026-02-04T10:00", Kind::PartnerErased, EngineData::Erased(ErasedData::default()));
    assert!(!world.state.had_resource("guide"));
}

#[test]
fn of_very_many_resources_the_newest_are_known_in_whatever_order_they_are_told() {
    let told = |order: &mut dyn Iterator<Item = i64>| {
        let mut world = World::new();
        for index in order {
            let (day, hour) = (1 + index / 24, index % 24);
            let resource = format!(r#""resource":"r{index}""#);
            world.tell(&format!("2026-02-{day:02}T{hour:02}:00"), "resource.used", &resource);
        }
        world.state
    };
    let (forward, backward) = (told(&mut (0..140)), told(&mut (0..140).rev()));
    assert!(forward.had_resource("r139") && forward.had_resource("r12"));
    assert!(!forward.had_resource("r11") && !forward.had_resource("r0"));
    let known = |state: &PartnerState| (0..140).filter(|index| state.had_resource(&format!("r{index}"))).count();
    assert_eq!((known(&forward), known(&backward)), (128, 128));
    assert_eq!(forward.mark("resources"), backward.mark("resources"));
    // Told once more, an old one is new again.
    let mut world = World::new();
    world.state = forward;
    world.tell("2026-02-20T10:00", "resource.used", r#""resource":"r0""#);
    assert!(world.state.had_resource("r0") && !world.state.had_resource("r12"));
}

#[test]
fn scores_of_unlike_scales_are_compared_out_of_ten_and_kept_as_they_were_given() {
    let mut world = World::new();
    let csat = r#""survey":"support","answer":"4","score":4,"out_of":5,"help":4.0,"message":"m1""#;
    world.tell("2026-02-01T10:00", "survey.answered", csat);
    assert_eq!(world.state.field("answers.support"), Some("4".into()));
    assert_eq!(world.state.field("answers.help"), Some("4".into()));
    assert_eq!(world.state.field("answers.message"), None, "which mail it was is no answer");
    assert_eq!(world.state.satisfaction(), Some(8.0));
    world.tell("2026-02-02T10:00", "survey.answered", r#""survey":"stars","score":2,"out_of":5"#);
    assert_eq!((world.state.field("answers.stars"), world.state.satisfaction()), (Some("2".into()), Some(4.0)));
    world.tell("2026-02-03T10:00", "survey.answered", r#""survey":"nps","score":7"#);
    assert_eq!(world.state.satisfaction(), Some(7.0));
    world.tell("2026-02-04T10:00", "survey.answered", r#""survey":"odd","score":3,"out_of":0"#);
    assert_eq!(world.state.satisfaction(), Some(3.0), "what is out of nothing is taken as it stands");
}

#[test]
fn a_payout_is_overdue_until_it_is_paid_in_whatever_order_that_is_told() {
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "payout.due", r#""payout":"p1","due_on":"2026-02-10""#);
    world.check("2026-02-10", "payouts_overdue", "0");
    world.check("2026-02-11", "payouts_overdue", "1");
    world.tell("2026-02-09T10:00", "payout.failed", r#""payout":"p1""#);
    world.check("2026-02-11", "payouts_overdue", "1");
    world.tell("2026-02-12T10:00", "payout.paid", r#""payout":"p1""#);
    world.check("2026-02-13", "payouts_overdue", "0");
    world.tell("2026-01-12T10:00", "payout.paid", r#""payout":"p0""#);
    world.tell("2026-01-02T10:00", "payout.due", r#""payout":"p0","due_on":"2026-01-03""#);
    world.check("2026-02-13", "payouts_overdue", "0");
    world.tell("2026-02-12T10:00", "payout.overdue", r#""payout":"p2""#);
    world.check("2026-02-13", "payouts_overdue", "1");
}

#[test]
fn a_mail_in_doubt_that_turns_out_sent_is_one_mail() {
    let mut world = World::new();
    world.mail("2026-02-01T10:00", Kind::MessageInDoubt, "m1", None);
    world.mail("2026-02-01T10:00", Kind::MessageInDoubt, "m2", None);
    world.mail("2026-02-01T10:01", Kind::MessageSent, "m1", None);
    world.mail("2026-02-03T10:00", Kind::MessageSent, "m3", None);
    world.mail("2026-02-03T10:00", Kind::MessageSent, "m2", None);
    world.mail("2026-02-04T10:00", Kind::MessageSuppressed, "m4", Some("opted_out"));
    world.check("2026-02-05", "mails_7d", "3");
    world.check("2026-02-05", "days_since_mail", "2");
}

#[test]
fn a_mail_in_doubt_that_never_left_is_taken_back() {
    let mut world = World::new();
    world.mail("2026-02-01T10:00", Kind::MessageInDoubt, "m1", None);
    world.mail("2026-02-03T10:00", Kind::MessageInDoubt, "m2", None);
    world.mail("2026-02-20T10:00", Kind::MessageFailed, "m1", Some("not_sent"));
    world.mail("2026-02-20T10:00", Kind::MessageFailed, "m1", Some("not_sent"));
    world.check("2026-02-20", "mails_28d", "1");
    world.check("2026-02-20", "mails_total", "1");
    // A second try of it counts like any other mail.
    world.mail("2026-02-21T10:00", Kind::MessageSent, "m1", None);
    world.check("2026-02-21", "mails_28d", "2");
}

#[test]
fn an_automatic_answer_is_no_reply() {
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "mail.received", r#""auto_submitted":"auto-replied""#);
    world.check("2026-02-02", "replies_total", "0");
    world.check("2026-02-02", "days_since_activity", "?");
    world.tell("2026-02-01T10:00", "mail.received", "");
    world.check("2026-02-02", "replies_total", "1");
    world.check("2026-02-02", "days_since_activity", "1");
}

#[test]
fn erasing_leaves_nothing_that_was_told_before_it() {
    let mut world = World::new();
    world.tell("2026-02-01T10:00", "partner.approved", r#""manager":"ines","audience":5,"consent":{}"#);
    world.own("2026-02-02T10:00", Kind::PartnerErased, EngineData::Erased(ErasedData::default()));
    world.tell("2026-02-01T12:00", "partner.updated", r#""audience":6"#);
    assert_eq!(world.state.profile.status(), Status::Closed);
    assert_eq!((world.state.field("audience"), world.state.field("manager")), (None, None));
    assert_eq!(world.state.field("consent"), Some(false.into()));
}

#[test]
fn forgotten_days_leave_the_first_and_last_sale_behind() {
    let mut world = World::new();
    world.sale("2024-01-01T10:00", "c1 pending").sale("2024-01-05T10:00", "c2 pending");
    world.close("2026-02-01");
    assert!(world.state.days.is_empty());
    world.check("2026-02-01", "conversions_total", "2");
    world.check("2026-02-01", "conversions_400d", "0");
    world.check("2024-01-08", "days_since_conversion", "3");
    world.check("2024-01-08", "days_since_first_conversion", "7");
}

#[test]
fn the_usual_gap_is_the_median() {
    let mut world = World::new();
    assert_eq!(world.state.usual_gap(), None);
    for (index, day) in [1, 3, 5, 20].into_iter().enumerate() {
        world.sale(&format!("2026-02-{day:02}T10:00"), &format!("c{index} pending"));
    }
    assert_eq!(world.state.usual_gap(), Some((2.0, 3)));
}

#[test]
fn names_that_are_no_figures_say_what_is_one() {
    let error = |name: &str| Figure::parse(name).unwrap_err().to_string();
    assert!(error("sales_90d").starts_with("nothing called `sales` is counted; there are conversions, revenue"));
    assert_eq!(error("conversions_90"), "`90` is no window; write `total`, `since_start`, `30d` or `30d_before`");
    assert_eq!(error("conversions_500d"), "a window here has 1 to 400 days");
    assert_eq!(error("conversions_300d_before"), "a window here has 1 to 200 days");
    assert!(error("days_since_sale").starts_with("no moment is called `sale`; there are conversion, first_conversion"));
    assert!(error("helth").starts_with("a figure is"));
    for name in Figure::examples() {
        assert_eq!(Figure::parse(&name).unwrap().to_string(), name);
    }
}

#[test]
fn the_hot_part_of_a_busy_partner_is_small() {
    let mut world = World::new();
    world.tell(
        "2026-01-01T10:00",
        "partner.approved",
        r#""language":"de","zone":"Europe/Oslo","country":"NO","type":"coupon","manager":"ines","tags":["spring"],
            "consent":{"source":"form"}"#,
    );
    for index in 0..60 {
        let day = 1 + index / 3;
        world.sale(&format!("2026-02-{day:02}T10:{index:02}"), &format!("c{index} approved"));
        world.tell(&format!("2026-02-{day:02}T11:00"), "link.clicked", r#""count":40"#);
    }
    world.mail("2026-02-10T10:00", Kind::MessageSent, "m1", None);
    world.close("2026-02-19");
    let (hot, days) = (world.state.encode_hot().len(), world.state.encode_days().len());
    assert!(hot <= 320, "{hot} bytes; the detector's state needs its share of the 512");
    assert!(days <= 19 * 40, "{days} bytes for 19 days");
}
