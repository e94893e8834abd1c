//! A database that falls silent, in the middle of a start or of the stream, is waited for.

use rapport_e2e::cut;
use rapport_e2e::services::Services;

#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_wherever_the_database_fell_silent() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    // From the first words to a database to what services ask when all is open.
    let packets = [1, 4, 7, 10, 13, 16, 20, 25, 40];
    cut::play(&services, &packets).await.unwrap_or_else(|error| panic!("{error:#}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn services_live_through_an_outage_of_the_database() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    cut::play_on(&services).await.unwrap_or_else(|error| panic!("{error:#}"));
}
