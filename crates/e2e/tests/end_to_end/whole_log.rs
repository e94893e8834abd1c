//! The main job on the whole log, undisturbed: every total against the file.

use jiff::civil::date;
use rapport_e2e::disturbance::Plan;
use rapport_e2e::purchase_log::PurchaseLog;
use rapport_e2e::run::play;
use rapport_e2e::services::Services;

/// Machines without the public log have nothing else: it must be as good to play.
#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_log_is_counted_like_the_public_one() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let log = PurchaseLog::made_up(5).part(250, date(1997, 4, 30));
    let played = play(&services, "made_up", &log, None, Plan::NONE).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{}: {:?} in {:.1} s", log.origin, played.totals, played.seconds);
    assert_eq!(played.totals.partners, 250);
    assert!(played.totals.accepted > 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_purchase_is_counted_once_and_every_mail_leaves_once() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    let log = PurchaseLog::find().unwrap_or_else(|error| panic!("{error:#}"));
    let played = play(&services, "whole_log", &log, None, Plan::NONE).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{}: {:?} in {:.1} s", log.origin, played.totals, played.seconds);
    assert_eq!(played.totals.conversions, log.purchases.len());
    assert_eq!(played.totals.journeys.get("follow-up"), Some(&(log.customers().len() as i64)));
}
