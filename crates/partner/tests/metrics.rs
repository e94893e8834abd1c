//! The catalogue's page, and figures that hang on the order of things; `tests/catalogue` holds every figure against brute force.
#![allow(clippy::disallowed_methods, reason = "compares a file of the repository")]

use jiff::{Timestamp, tz::TimeZone};
use rapport_event::decode_record;
use rapport_partner::{Figure, FigureContext, FigureValue, FoldContext, PartnerState, Rates, fold};
use rapport_rule::Currency;

const TODAY: i32 = 20_000;

#[test]
fn the_page_is_the_generated_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let stands = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stands == rapport_partner::metric::document(),
        "run `cargo run -p rapport-partner --example metrics > docs/metrics.md`"
    );
}

fn number(value: Option<FigureValue>) -> Option<f64> {
    Some(match value? {
        FigureValue::Count(count) => count as f64,
        FigureValue::Money(money) => money.minor as f64,
        FigureValue::Number(number) | FigureValue::Percent(number) => number,
    })
}

#[test]
fn an_answer_is_the_first_mail_after_one_of_the_partners() {
    let zone = TimeZone::UTC;
    let rates = Rates::default();
    let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: &rates };
    let mut state = PartnerState::default();
    let hour = |hour: i64| Timestamp::from_second(i64::from(TODAY - 9) * 86_400 + hour * 3600).unwrap();
    let tell = |state: &mut PartnerState, kind: &str, data: &str, at: i64| {
        let text = format!(
            r#"{{"id":"e{at}","kind":"{kind}","program":"acme","partner":"p","occurred_at":"{}","data":{data}}}"#,
            hour(at)
        );
        fold(state, None, &decode_record(text.as_bytes()).unwrap(), &context);
    };
    tell(&mut state, "message.sent", r#"{"message":"a"}"#, 0);
    tell(&mut state, "mail.received", "{}", 10);
    tell(&mut state, "message.sent", r#"{"message":"b"}"#, 15);
    tell(&mut state, "message.sent", r#"{"message":"c"}"#, 40);
    tell(&mut state, "mail.received", "{}", 50);
    tell(&mut state, "message.sent", r#"{"message":"d"}"#, 60);
    let figures = FigureContext {
        today: TODAY,
        zone: &zone,
        currency: Currency::EUR,
        program_began_at: None,
        program: None,
        start: None,
        foresee: None,
    };
    let figure = |name: &str| number(state.figure(&Figure::parse(name).unwrap(), &figures));
    assert_eq!((figure("mails_answered_28d"), figure("answer_hours_28d")), (Some(2.0), Some(7.5)));
    assert_eq!(figure("mails_28d"), Some(4.0));
}
