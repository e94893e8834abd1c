//! Goals under faults: proposed by the day's close, answered by signed link, countered and settled, told of at their percents, behind
//! and reached, with processes that die in between.

use rapport_sim::{
    faults::Rates,
    goals, properties,
    run::{Operator, Setting, play},
};

const DAYS: i64 = 40;

#[test]
fn goals_come_to_the_same_whoever_dies_meanwhile() {
    for seed in 3_000..3_003 {
        let broken = properties::of_goal_seed(seed, DAYS);
        assert!(
            broken.is_empty(),
            "reproduce: cargo run -p rapport-sim -- --seed {seed} --days {DAYS} --goals\n{}",
            broken.join("\n")
        );
    }
}

/// What the other test compares is there.
#[test]
fn everything_that_becomes_of_goals_happens() {
    let operator = Operator { goals_answered_on: Some(DAYS / 4), ..Operator::NONE };
    let setting = Setting { operator, rates: Rates::MANY, partners: 60, ..Setting::plain(3_010, DAYS) };
    let outcome = play(&setting);
    assert_eq!(outcome.stuck, None);
    assert_eq!(goals::broken(&outcome), Vec::<String>::new());
    let told = goals::told(&outcome.tables);
    for (kind, least) in [
        ("goal.proposed", 40),
        ("goal.accepted", 20),
        ("goal.countered", 5),
        ("goal.declined", 5),
        ("goal.withdrawn", 1),
        ("goal.progress", 10),
        ("goal.behind", 3),
        ("goal.reached", 3),
    ] {
        assert!(told.get(kind).is_some_and(|count| *count >= least), "{kind}: {told:?}");
    }
    assert!(goals::mails(&outcome) >= 20, "{} mails", goals::mails(&outcome));
    assert!(outcome.faults.len() > 50, "{} faults", outcome.faults.len());
}
