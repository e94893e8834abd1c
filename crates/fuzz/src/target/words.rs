//! Short texts with a form of their own.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_message::Locale;
use rapport_message::link::{Claims, Keys};
use rapport_partner::{Figure, Rates};
use rapport_rule::{Currency, Length, Money, percent};
use rapport_smtp::SmtpSettings;
use rapport_workflow::Schedule;

/// What a reader says of a text it refuses.
const TOLD_CHARS_MORE: usize = 2_000;

fn keys() -> Keys {
    Keys::new([b"a key of the fuzzer".to_vec(), b"and one of before".to_vec()]).expect("keys that are not empty")
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let claims = Claims::Preferences { program: "acme".to_owned(), partner: "ada".to_owned() };
    let tag = keys().return_tag("5f0e6a1c9b7d4e2f8a3b5c6d7e8f9a0b").expect("it is short");
    let all = [
        "3 days",
        "2 weekdays",
        "90 minutes",
        "-9.90 EUR",
        "100 JPY",
        "2.5 %",
        "*/5 8-18 * * MON-FRI",
        "0 10 1,15 * *",
        "2026-12-01T10:00",
        "0 0 29 2 *",
        "de-AT",
        "revenue_28d_before",
        "approved_conversions_90d",
        "date,from,to,rate\n2026-03-02,USD,EUR,0.9231\n",
        "smtps://user:p%40ss@relay.example:465?connections=4&in_flight=8&hello=me.example",
        "smtp://[::1]:2525/?tls=starttls&ca=%2Fetc%2Fca.pem&final_reply=30",
        "https://hooks.example/path?x=1",
        "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
        &tag,
        &keys().token(&claims).expect("short claims"),
    ];
    all.map(|text| text.as_bytes().to_vec()).into()
}

pub(super) fn words(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else { return "not_utf8".to_owned() };
    let mut understood = Vec::new();
    let mut look = |name: &'static str, read: Result<(), String>| match read {
        Ok(()) => understood.push(name),
        Err(why) => {
            let length = why.chars().count();
            assert!((1..=text.chars().count() + TOLD_CHARS_MORE).contains(&length), "{name}: {length} characters");
        }
    };
    look("length", Length::parse(text).map(drop).map_err(|error| error.to_string()));
    look("money", Money::parse(text).map(drop).map_err(|error| error.to_string()));
    look("percent", percent::parse(text).map(drop).map_err(|error| error.to_string()));
    look("figure", Figure::parse(text).map(drop).map_err(|error| error.to_string()));
    look("smtp", SmtpSettings::parse(text).map(drop).map_err(|error| error.to_string()));
    look("hook", rapport_hook::Target::parse(text).map(drop).map_err(|error| error.to_string()));
    look("secret", rapport_hook::Secret::parse(text).map(drop).map_err(|error| error.to_string()));
    look("schedule", schedule(text));
    look("rates", rates(text));
    for (name, is_understood) in [
        ("put right", Money::put_right(text).is_some_and(|right| Money::parse(&right).is_ok())),
        ("currency", Currency::parse(text).is_some()),
        ("locale", Locale::parse(text).is_some()),
        ("link", is_link(text)),
        ("return path", is_return_path(text)),
    ] {
        if is_understood {
            understood.push(name);
        }
    }
    if understood.is_empty() { "refused".to_owned() } else { format!("ok {}", understood.join(" ")) }
}

fn schedule(text: &str) -> Result<(), String> {
    let schedule = Schedule::parse(text).map_err(|error| format!("{error:?}"))?;
    for zone in ["Europe/Oslo", "Pacific/Apia", "UTC"] {
        let zone = TimeZone::get(zone).map_err(|error| error.to_string())?;
        for after in [Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            if let Some(next) = schedule.next_after(after, &zone) {
                assert!(next > after, "{next} is not after {after}");
            }
        }
    }
    Ok(())
}

fn rates(text: &str) -> Result<(), String> {
    let lines = text.lines().count();
    let bad = match Rates::parse(text) {
        Ok(rates) => {
            for (from, minor) in ["USD", "JPY"].iter().filter_map(|code| Currency::parse(code)).zip([i64::MAX, 1]) {
                let _ = rates.convert(minor, from, Currency::EUR, 20_514);
            }
            return Ok(());
        }
        Err(bad) => bad,
    };
    assert!(bad.iter().all(|bad| (1..=lines).contains(&bad.line) && !bad.why.is_empty()), "{bad:?}");
    Err("no rates".to_owned())
}

/// Only what was signed is a link, and each has one form.
fn is_link(text: &str) -> bool {
    let keys = keys();
    let claims = keys.verify(text);
    if let Some(claims) = &claims {
        assert_eq!(keys.token(claims).as_deref(), Ok(text), "another form of {claims:?}");
    }
    claims.is_some()
}

fn is_return_path(text: &str) -> bool {
    let keys = keys();
    let message = keys.message_of_return_tag(text);
    if let Some(message) = &message {
        let tag = keys.return_tag(message).unwrap_or_default();
        assert!(tag.eq_ignore_ascii_case(text), "another form of {tag}");
    }
    message.is_some()
}
