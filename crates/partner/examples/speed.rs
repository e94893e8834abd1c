//! Prints how long decoding, folding and storing take: `cargo run --release -p rapport-partner --example speed`.
#![allow(clippy::disallowed_methods, reason = "measures time, which is what this program is for")]

use std::hint::black_box;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rapport_event::{CustomKinds, Event, Headers, Limits, decode_record, decode_with, encode_into};
use rapport_partner::{Figure, FigureContext, FoldContext, PartnerState, day, fold};
use rapport_rule::money::Currency;

const ROUNDS: usize = 5;

/// The best of several rounds, in nanoseconds for each of `count`.
fn measure(name: &str, count: usize, mut run: impl FnMut()) {
    let best = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed().as_nanos() as f64 / count as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("{name:<34} {best:>8.0} ns   {:>10.0} a second", 1e9 / best);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const COUNT: usize = 20_000;
    let at = |index: usize| Timestamp::from_second(1_760_000_000 + index as i64 * 400);
    let (mut conversions, mut clicks) = (Vec::new(), Vec::new());
    for index in 0..COUNT {
        let at = at(index)?;
        conversions.push(format!(
            r#"{{"id":"e-{index}","kind":"conversion","program":"acme","partner":"ada","occurred_at":"{at}","data":{{"conversion_id":"c-{index}","status":"approved","revision":1,"updated_at":"{at}","occurred_at":"{at}","amount":4000,"commission":400,"currency":"EUR","customer":"new","promo_code":"SPRING"}}}}"#
        ));
        clicks.push(format!(
            r#"{{"id":"k-{index}","kind":"link.clicked","program":"acme","partner":"ada","occurred_at":"{at}","data":{{"count":3,"link":"l-1"}}}}"#
        ));
    }
    let (limits, custom, now) = (Limits::replay(), CustomKinds::none(), at(COUNT)?);
    let decode_all = |texts: &[String]| -> Vec<Event> {
        let one = |text: &String| decode_with(&limits, text.as_bytes(), &Headers::NONE, &custom, now).ok();
        texts.iter().filter_map(one).map(|decoded| decoded.event).collect()
    };
    for (name, texts) in [("decode a conversion", &conversions), ("decode a click", &clicks)] {
        measure(name, COUNT, || {
            for text in texts {
                let _ = black_box(decode_with(&limits, text.as_bytes(), &Headers::NONE, &custom, now));
            }
        });
    }
    let (conversions, clicks) = (decode_all(&conversions), decode_all(&clicks));
    let mut buffer = Vec::new();
    measure("encode a conversion's record", COUNT, || {
        for event in &conversions {
            buffer.clear();
            encode_into(black_box(event), &mut buffer);
        }
    });
    measure("decode a conversion's record", COUNT, || {
        for _ in 0..COUNT {
            let _ = black_box(decode_record(&buffer));
        }
    });
    let zone = TimeZone::get("Europe/Oslo")?;
    let context = FoldContext { zone: &zone, currency: Currency::EUR, rates: rapport_partner::Rates::none() };
    let mut state = PartnerState::default();
    for (name, events) in [("fold a click", &clicks), ("fold a conversion", &conversions)] {
        measure(name, COUNT, || {
            for event in events {
                black_box(fold(&mut state, None, event, &context));
            }
        });
    }
    let today = day::of(now, &zone);
    state.close_through(today - 1);
    println!("{:<34} {:>8} bytes", "hot part", state.encode_hot().len());
    println!("{:<34} {:>8} bytes for {} cells", "days part", state.encode_days().len(), state.days.len());
    let (hot, days) = (state.encode_hot(), state.encode_days());
    measure("encode the hot part", 1000, || (0..1000).for_each(|_| drop(black_box(state.encode_hot()))));
    measure("decode the hot part", 1000, || (0..1000).for_each(|_| drop(black_box(PartnerState::decode(&hot, None)))));
    measure("decode both parts", 1000, || {
        (0..1000).for_each(|_| drop(black_box(PartnerState::decode(&hot, Some(&days)))))
    });
    let figure = Figure::parse("conversions_90d")?;
    let figures = FigureContext {
        today,
        zone: &zone,
        currency: Currency::EUR,
        program_began_at: None,
        program: None,
        start: None,
        foresee: None,
    };
    measure("read conversions_90d", 1000, || {
        for _ in 0..1000 {
            black_box(state.figure(&figure, &figures));
        }
    });
    Ok(())
}
