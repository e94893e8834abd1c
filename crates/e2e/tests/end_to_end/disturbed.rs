//! The same log twice, undisturbed and with kills, processes that stand still, engines that trade shards and
//! files applied in the middle: the same final state.

use jiff::civil::date;
use rapport_e2e::disturbance::Plan;
use rapport_e2e::purchase_log::PurchaseLog;
use rapport_e2e::run::{change_of, compare, play_with};
use rapport_e2e::services::Services;

/// DESIGN.md 4: at any moment; here so many.
const KILLS: usize = 54;

#[tokio::test(flavor = "multi_thread")]
async fn kills_stopped_owners_and_traded_shards_change_nothing() {
    let services = Services::from_environment().unwrap_or_else(|error| panic!("{error}"));
    // The log that stands in where the public one is not: it must be as good to play. A part of it, for it is played twice.
    let log = PurchaseLog::made_up(5).part(150, date(1997, 6, 30));
    // Other files are applied in the middle of both: journeys begun before go on with their own version.
    let change = change_of(&log);
    let plan = Plan { kills: KILLS, trade_shards: true, stand_still: true, seed: 7 };
    let (undisturbed, disturbed) = tokio::try_join!(
        play_with(&services, "undisturbed", &log, None, Plan::NONE, change),
        play_with(&services, "disturbed", &log, None, plan, change),
    )
    .unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(disturbed.totals.partners, 150);
    assert!(disturbed.totals.accepted > 100, "{:?}", disturbed.totals);
    println!("{:?}\n{:?}", disturbed.report, disturbed.totals);
    assert_eq!(disturbed.report.kills.values().sum::<usize>(), KILLS);
    assert!(disturbed.report.taken_over.len() > 1 && disturbed.report.traded > 1);
    assert!(disturbed.report.stood_still.len() == 3, "{:?}", disturbed.report.stood_still);
    // Partners with a mail in doubt are compared in part; of most everything is.
    let excused = disturbed.state.doubtful();
    // A mailer has two connections, and at most two mails in hand for each.
    let most = 4 * disturbed.report.blows_to("mailer");
    println!("{excused} partners have a mail in doubt, at most {most} may");
    assert!(excused <= most, "{excused} partners have a mail in doubt, {most} may");
    let differences = compare(&disturbed, &undisturbed);
    let told: Vec<String> = differences.iter().take(10).map(ToString::to_string).collect();
    assert!(differences.is_empty(), "{} differences, e.g.\n{}", differences.len(), told.join("\n"));
}
