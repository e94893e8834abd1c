//! On the live clock, with kills, processes that stand still and a rulebook applied in the middle: everything once.

use rapport_e2e::live::{Plan, play};
use rapport_e2e::services::Services;

#[tokio::test(flavor = "multi_thread")]
async fn a_live_run_with_kills_and_stops_counts_and_writes_everything_once() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let plan = Plan { seed: 11, partners: 320, sales: 10, kills: 50 };
    let played = play(&services, plan).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{} records in {:.0} s; {:?}\n{:?}", played.published, played.seconds, played.counted, played.done);
    assert!(played.published > 3_000 && played.counted.accepted > 2_000);
    assert!(played.doctor.contains("all well"), "{}", played.doctor);
}
