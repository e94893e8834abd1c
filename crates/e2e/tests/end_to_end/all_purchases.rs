//! The main job on the whole log, undisturbed: every total against the file.

use rapport_e2e::disturbance::Plan;
use rapport_e2e::purchase_log::PurchaseLog;
use rapport_e2e::run::play;
use rapport_e2e::services::Services;

#[tokio::test(flavor = "multi_thread")]
async fn every_purchase_is_counted_once_and_every_mail_leaves_once() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let log = PurchaseLog::find().unwrap_or_else(|error| panic!("{error:#}"));
    let played = play(&services, "whole_log", &log, None, Plan::NONE).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{}: {:?} in {:.1} s", log.origin, played.totals, played.seconds);
    assert_eq!(played.totals.conversions, log.purchases.len());
    assert_eq!(played.totals.journeys.get("follow-up"), Some(&(log.customers().len() as i64)));
}
