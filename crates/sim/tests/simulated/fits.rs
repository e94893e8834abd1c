//! The weekly fit: learnt by the coordinator, kept by every shard, the same whoever died and however it is played.

use std::collections::BTreeSet;

use rapport_engine::{
    ports::rows::COORDINATOR,
    shard::{day_close::Cursor, foresight::Expectations},
};
use rapport_insight::base::Basis;
use rapport_memory::store::Tables;
use rapport_sim::{
    faults::Rates,
    run::{Outcome, Setting, play},
    world::{BESIDE, PROGRAM},
};

/// Fits by the day they were learnt on.
fn fits(tables: &Tables, program: &str) -> Vec<(i32, Expectations)> {
    let rows = tables.day_closes.values().filter(|row| row.program.as_str() == program);
    let mut all: Vec<(i32, Expectations)> =
        rows.filter_map(|row| row.expectations()).map(|fit| (fit.0.on, fit)).collect();
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
    let learnt = fits(&reference.tables, PROGRAM);
    assert!(learnt.iter().all(|(on, _)| (on + 4) % 7 == 0), "on Sundays");
    // By published estimates until there is enough of its own.
    let own = learnt.iter().position(|(_, fit)| fit.0.basis == Basis::Own).unwrap();
    let (declared, own) = learnt.split_at(own);
    assert!(!declared.is_empty() && declared.iter().all(|(_, fit)| fit.0.basis == Basis::Declared));
    assert!(own.len() >= 3, "{} fits", own.len());
    assert!(own.iter().all(|(_, fit)| fit.0.basis == Basis::Own && fit.0.fit.partners >= 20));
    let ways = [
        ("again", plain),
        ("5 shards instead of 2", Setting { shards: 5, ..plain }),
        ("with takeovers", Setting { rates: Rates::MANY, ..plain }),
    ];
    for (way, setting) in ways {
        let outcome = finished(&setting);
        assert_eq!(fits(&outcome.tables, PROGRAM), learnt, "{way}");
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
    let mut reviews = reference.tables.signals.values().filter(|row| row.kind == "health.reviewed");
    assert!(reviews.all(|row| row.payload.contains("\"model_stamp\":")), "each tells which model it is of");
}

/// Nine time zones away a handful of partners: what is told of them rests on the large programme as it was two days before, whoever
/// closes first and whoever dies meanwhile.
#[test]
fn a_small_programme_borrows_and_whoever_dies_it_borrows_the_same() {
    let plain = Setting { beside: true, partners: 56, ..Setting::plain(41, 58) };
    let reference = finished(&plain);
    let (large, small) = (fits(&reference.tables, PROGRAM), fits(&reference.tables, BESIDE));
    let bases: Vec<Basis> = small.iter().map(|(_, fit)| fit.0.basis).collect();
    assert!(small.iter().all(|(_, fit)| fit.0.fit.partners < 20), "{bases:?}");
    // The week after the large one has a fit of its own it is borrowed.
    let first_own = large.iter().find(|(_, fit)| fit.0.basis == Basis::Own).map(|(on, _)| *on).unwrap();
    for (on, fit) in &small {
        let expected = if *on > first_own { Basis::Borrowed { programs: 1 } } else { Basis::Declared };
        assert_eq!(fit.0.basis, expected, "day {on}, first own {first_own}");
    }
    assert!(bases.contains(&Basis::Declared) && bases.contains(&Basis::Borrowed { programs: 1 }), "{bases:?}");
    assert!(
        large.iter().all(|(_, fit)| !matches!(fit.0.basis, Basis::Borrowed { .. })),
        "nobody borrows from the small"
    );
    let outcome = finished(&Setting { rates: Rates::MANY, shards: 5, ..plain });
    assert_eq!(fits(&outcome.tables, BESIDE), small);
    assert_eq!(fits(&outcome.tables, PROGRAM), large);
    // It is told with what it rests on.
    let told = reference.tables.signals.values().filter(|row| {
        row.kind == "health.reviewed"
            && row.key.program.as_str() == BESIDE
            && row.payload.contains("\"chance_basis\":{\"borrowed\"")
    });
    assert!(told.count() > 0);
}
