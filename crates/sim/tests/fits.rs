//! The weekly fit: learnt by the coordinator, kept by every shard, the same whoever died and however it is played.

use std::collections::BTreeSet;

use rapport_engine::{
    ports::rows::COORDINATOR,
    shard::{day_close::Cursor, foresight::Expectations},
};
use rapport_sim::{
    faults::Rates,
    run::{Outcome, Setting, play},
    store::Tables,
    world::PROGRAM,
};

/// Fits by the day they were learnt on.
fn fits(tables: &Tables) -> Vec<(i32, Expectations)> {
    let mut all: Vec<(i32, Expectations)> =
        tables.day_closes.values().filter_map(|row| row.expectations()).map(|fit| (fit.0.on, fit)).collect();
    all.dedup_by_key(|(on, _)| *on);
    all
}

#[track_caller]
fn finished(setting: &Setting) -> Outcome {
    let outcome = play(setting);
    assert_eq!(outcome.stuck, None);
    outcome
}

#[test]
fn takeovers_other_shards_and_a_replay_give_the_same_fits() {
    let plain = Setting::plain(40, 64);
    let reference = finished(&plain);
    let learnt = fits(&reference.tables);
    assert!(learnt.len() >= 3, "{} fits", learnt.len());
    assert!(learnt.iter().all(|(on, fit)| (on + 4) % 7 == 0 && fit.0.fit.partners >= 20), "on Sundays");
    let ways = [
        ("again", plain),
        ("5 shards instead of 2", Setting { shards: 5, ..plain }),
        ("with takeovers", Setting { rates: Rates::MANY, ..plain }),
    ];
    for (way, setting) in ways {
        let outcome = finished(&setting);
        assert_eq!(fits(&outcome.tables), learnt, "{way}");
        let (_, newest) = learnt.last().unwrap();
        let shards = outcome.tables.shards.values().filter(|row| row.shard != COORDINATOR);
        for row in shards {
            assert_eq!(
                Cursor::from_row(&row.cursor).unwrap().expectations(PROGRAM),
                Some(newest),
                "{way}, shard {}",
                row.shard
            );
        }
    }
    // What is told to people rests on it.
    let told: BTreeSet<&str> = reference
        .tables
        .signals
        .values()
        .filter(|row| row.kind == "health.reviewed" && row.payload.contains("\"chance\":"))
        .map(|row| row.key.partner.as_str())
        .collect();
    assert!(told.len() >= 20, "{told:?}");
}
