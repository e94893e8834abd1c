//! Answers to anonymous surveys.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_engine::ports::rows::{ANSWERS_TOLD_MIN, AnonymousAnswer};
use rapport_engine::ports::store::Store;
use rapport_event::id::ProgramId;

use crate::sample::{at, prune};

fn program(id: &str) -> ProgramId {
    ProgramId::new(id).unwrap()
}

fn answer(ticket: usize, answer: &str) -> AnonymousAnswer {
    AnonymousAnswer {
        program: program("shop"),
        survey: "pulse".into(),
        period: "2026-Q4".into(),
        answer: answer.into(),
        ticket: format!("{ticket:032x}"),
        closes_at: at(90),
    }
}

/// What is told of the survey, by period and answer.
async fn told(store: &Arc<dyn Store>, of: &str) -> BTreeMap<(String, String), i64> {
    let tallies = store.anonymous_tallies(&program(of)).await.unwrap();
    let mut sorted = tallies.clone();
    sorted.sort();
    assert_eq!(tallies, sorted, "in order");
    tallies.into_iter().map(|tally| ((tally.period, tally.answer), tally.answers)).collect()
}

async fn sum(store: &Arc<dyn Store>) -> i64 {
    told(store, "shop").await.values().sum()
}

/// Another answer with the same link changes nothing, whatever it says.
pub async fn an_anonymous_link_answers_once(store: Arc<dyn Store>) {
    for ticket in 0..5 {
        assert!(store.take_anonymous(&answer(ticket, "5")).await.unwrap());
        assert!(!store.take_anonymous(&answer(ticket, "1")).await.unwrap());
        assert!(
            !store.take_anonymous(&AnonymousAnswer { survey: "other".into(), ..answer(ticket, "5") }).await.unwrap()
        );
    }
    let five = [(("2026-Q4".to_owned(), "5".to_owned()), 5)];
    assert_eq!(told(&store, "shop").await, BTreeMap::from(five));
    assert_eq!(told(&store, "other").await, BTreeMap::new());
}

/// Whatever is answered in whatever order, and looked at after each answer: four say nothing, and no two looks differ by one to four
/// people. Surveys, periods and programmes are counted apart.
pub async fn what_is_told_of_anonymous_answers_never_grows_by_fewer_than_five(store: Arc<dyn Store>) {
    let mut seed: u64 = 42;
    let mut before = 0;
    for ticket in 0..137 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let given = ["1", "2", "3", "4", "5"][(seed >> 33) as usize % 5];
        assert!(store.take_anonymous(&answer(ticket, given)).await.unwrap());
        let now = sum(&store).await;
        assert!(now == before || now - before >= ANSWERS_TOLD_MIN, "from {before} to {now}");
        assert!(now <= ticket as i64 + 1 && now > ticket as i64 + 1 - ANSWERS_TOLD_MIN, "{now} of {}", ticket + 1);
        before = now;
    }
    let apart = [
        AnonymousAnswer { program: program("books"), ..answer(1_000, "5") },
        AnonymousAnswer { survey: "terms".into(), ..answer(1_001, "5") },
        AnonymousAnswer { period: "2027-Q1".into(), ..answer(1_002, "5") },
    ];
    for (index, one) in apart.iter().enumerate() {
        for more in 0..4 {
            let ticket = format!("{:032x}", 2_000 + 10 * index + more);
            assert!(store.take_anonymous(&AnonymousAnswer { ticket, ..one.clone() }).await.unwrap());
        }
    }
    assert_eq!(sum(&store).await, before);
    assert_eq!(told(&store, "books").await, BTreeMap::new());
    assert!(store.take_anonymous(&apart[2]).await.unwrap());
    assert_eq!(told(&store, "shop").await[&("2027-Q1".to_owned(), "5".to_owned())], 5);
}

/// Two answers of one moment do not each take the other for told.
pub async fn anonymous_answers_that_come_at_once_are_all_counted(store: Arc<dyn Store>) {
    let all: Vec<_> = (0..20)
        .map(|ticket| {
            let (store, given) = (store.clone(), answer(ticket, ["1", "2", "3"][ticket % 3]));
            tokio::spawn(async move { store.take_anonymous(&given).await.unwrap() })
        })
        .collect();
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(sum(&store).await, 20);
}

/// Their tickets go, the counts stay.
pub async fn used_links_are_forgotten_when_none_of_them_answers(store: Arc<dyn Store>) {
    for ticket in 0..5 {
        assert!(store.take_anonymous(&answer(ticket, "5")).await.unwrap());
    }
    assert_eq!(prune(&store, at(90), 400).await, 0);
    assert!(!store.take_anonymous(&answer(0, "5")).await.unwrap());
    assert_eq!(prune(&store, at(91), 400).await, 5);
    assert_eq!(sum(&store).await, 5);
}
