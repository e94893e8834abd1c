//! What no event can be becomes a dead letter, and the stream goes on (PROOF.md 2, number 10).

use rapport_e2e::poison;
use rapport_e2e::services::Services;

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_poison_becomes_a_dead_letter_and_the_good_records_arrive() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let poisoned = poison::play(&services).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(poisoned.dead_letters.len(), 11);
    assert!(poisoned.good > 100 && poisoned.flooded > 0);
}
