//! Short worlds of many seeds, each played in several ways that must come to the same.

use rapport_sim::{
    properties,
    run::{Setting, play},
};

/// Days of a short world.
const DAYS: i64 = 12;

#[track_caller]
fn check(seeds: std::ops::Range<u64>, days: i64) {
    for seed in seeds {
        let broken = properties::of_seed(seed, days);
        assert!(
            broken.is_empty(),
            "reproduce: cargo run -p rapport-sim -- --seed {seed} --days {days}\n{}",
            broken.join("\n")
        );
    }
}

#[test]
fn short_worlds_hold() {
    check(0..16, DAYS);
}

#[test]
fn other_short_worlds_hold() {
    check(1_000..1_016, DAYS);
}

#[test]
fn a_long_world_holds() {
    check(7..8, 60);
}

/// Other files in the middle: journeys begun before go on with their own version, whoever dies meanwhile.
#[test]
fn worlds_with_other_files_in_the_middle_hold() {
    for seed in 2_000..2_008 {
        let broken = properties::of_changed_seed(seed, 30);
        assert!(
            broken.is_empty(),
            "reproduce: cargo run -p rapport-sim -- --seed {seed} --days 30 --change\n{}",
            broken.join("\n")
        );
    }
}

/// Of partners with one address it is always the same one who gets the copy, in whichever shards they are and whoever dies.
#[test]
fn worlds_in_which_partners_share_addresses_hold() {
    for seed in 4_000..4_006 {
        let broken = properties::of_shared_seed(seed, DAYS);
        assert!(
            broken.is_empty(),
            "reproduce: cargo run -p rapport-sim -- --seed {seed} --days {DAYS} --shared\n{}",
            broken.join("\n")
        );
    }
    let outcome = play(&Setting { shared: true, ..Setting::plain(4_000, DAYS) });
    let copies = outcome.tables.messages.values().filter(|message| message.reason.as_deref() == Some("same_address"));
    assert!(copies.count() > 0, "nobody was left out, so nothing was tried");
}
