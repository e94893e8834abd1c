//! Clicks on counted links.

use std::sync::Arc;

use jiff::SignedDuration;
use rapport_engine::clicks::{Verdict, judge_due};
use rapport_engine::ports::rows::{ClickRow, JudgedClick, MessageState, Rebuilt};
use rapport_engine::ports::store::{Settlement, Store};

use crate::sample::{Owner, at, claim_one, ended, key, message, record, waiting};

fn click(message: &str, link: u32, seconds: i64) -> ClickRow {
    ClickRow {
        message: message.into(),
        link,
        of: 3,
        at: at(60) + SignedDuration::from_secs(seconds),
        machine: false,
        visitor: Some("v".into()),
    }
}

/// Partner `a` has the messages.
async fn planned(store: &Arc<dyn Store>, messages: &[&str]) -> Owner {
    let mut owner = Owner::new(store).await;
    owner.plan("a", messages.iter().map(|id| message(id, "a", 0)).collect()).await;
    owner
}

/// One for each minute of a link, of messages there are; it comes back as it was, with what was noted around it.
pub async fn a_click_is_noted_once_a_minute(store: Arc<dyn Store>) {
    planned(&store, &["m", "n"]).await;
    let attempt = claim_one(&store, "mailer", 1).await;
    assert!(store.settle(&attempt, &Settlement::Ended(ended("m", MessageState::Sent))).await.unwrap());
    assert!(store.note_click(&click("m", 1, 0)).await.unwrap());
    assert!(!store.note_click(&click("m", 1, 59)).await.unwrap());
    assert!(!store.note_click(&click("nobody's", 1, 0)).await.unwrap());
    let stranger = ClickRow { visitor: None, machine: true, ..click("m", 3, 61) };
    for more in [&click("m", 2, 60), &stranger, &click("m", 1, 70), &click("n", 1, 5)] {
        assert!(store.note_click(more).await.unwrap());
    }
    assert_eq!(store.open_clicks(at(59), 9).await.unwrap(), []);
    let open = store.open_clicks(at(62), 9).await.unwrap();
    let rows: Vec<ClickRow> = open.iter().map(|open| open.row.clone()).collect();
    assert_eq!(rows, [click("m", 1, 0), click("n", 1, 5), click("m", 2, 60), stranger, click("m", 1, 70)]);
    let around: Vec<(i64, i64)> = open.iter().map(|open| (open.links, open.mails)).collect();
    // The third link was followed more than a minute after the first.
    assert_eq!(around, [(2, 2), (1, 2), (3, 2), (3, 0), (3, 2)]);
    assert!(open.iter().all(|open| open.last.is_none()));
    let left: Vec<bool> = open.iter().map(|open| open.sent_at.is_some()).collect();
    assert_eq!(left, [true, false, true, true, true]);
    assert_eq!(store.open_clicks(at(62), 2).await.unwrap(), open[..2]);
}

/// Two gateways that judge the same clicks tell them once, and what was judged is forgotten.
pub async fn a_click_is_judged_once(store: Arc<dyn Store>) {
    planned(&store, &["m"]).await;
    assert!(store.note_click(&click("m", 1, 0)).await.unwrap());
    assert!(store.note_click(&click("m", 2, 1_000)).await.unwrap());
    let judged = |link: u32, seconds: i64, verdict: Verdict, told: &str| JudgedClick {
        message: "m".into(),
        link,
        at: click("m", link, seconds).at,
        verdict: verdict.code(),
        told: Some(record(told)),
    };
    store.judge_clicks(&[judged(1, 0, Verdict::Human, "one")], at(0)).await.unwrap();
    store.judge_clicks(&[judged(1, 0, Verdict::Human, "again")], at(0)).await.unwrap();
    assert_eq!(waiting(&store).await, ["one"]);
    assert!(store.note_click(&click("m", 1, 120)).await.unwrap());
    let open = store.open_clicks(at(600), 9).await.unwrap();
    let last: Vec<_> = open.iter().map(|open| (open.row.link, open.last)).collect();
    assert_eq!(last, [(1, Some(click("m", 1, 0).at)), (2, None)]);
    // What waits is not forgotten.
    store.judge_clicks(&[judged(2, 1_000, Verdict::Early, "two")], at(600)).await.unwrap();
    assert_eq!(waiting(&store).await, ["one", "two"]);
    let open = store.open_clicks(at(600), 9).await.unwrap();
    assert_eq!(open.iter().map(|open| (open.row.link, open.last)).collect::<Vec<_>>(), [(1, None)]);
    assert!(store.note_click(&click("m", 1, 0)).await.unwrap(), "it was forgotten");
}

/// A person who looks at two of three links, and again, and a scanner that follows all of them.
pub async fn clicks_of_machines_are_told_to_nobody(store: Arc<dyn Store>) {
    planned(&store, &["m", "n"]).await;
    for (message, link, seconds) in
        [("m", 1, 0), ("m", 2, 20), ("m", 1, 60), ("m", 1, 2_000), ("n", 1, 0), ("n", 2, 1), ("n", 3, 2)]
    {
        assert!(store.note_click(&click(message, link, seconds)).await.unwrap());
    }
    assert_eq!(judge_due(&*store, 2, at(60)).await.unwrap(), 0, "nothing is judged before its minute is over");
    assert_eq!(judge_due(&*store, 2, at(200)).await.unwrap(), 7);
    assert_eq!(judge_due(&*store, 2, at(200)).await.unwrap(), 0);
    let minute = rapport_engine::ports::store::minute_of(at(60));
    let mut expected =
        [(1, minute), (2, minute), (1, minute + 33)].map(|(link, at)| format!("message.clicked:{link}:{at}:m"));
    expected.sort();
    let mut told = waiting(&store).await;
    told.sort();
    assert_eq!(told, expected);
}

/// Nothing is noted of them, and what waited is gone; of what is planned later it is noted again.
pub async fn clicks_of_the_erased_are_not_kept(store: Arc<dyn Store>) {
    let mut owner = planned(&store, &["m"]).await;
    assert!(store.note_click(&click("m", 1, 0)).await.unwrap());
    owner.commit(|batch| batch.rebuilt = vec![Rebuilt::Erased { key: key("a"), at: at(5) }]).await;
    assert_eq!(store.open_clicks(at(600), 9).await.unwrap(), []);
    assert!(!store.note_click(&click("m", 2, 0)).await.unwrap());
    let mut later = message("later", "a", 0);
    later.planned_at = at(6);
    owner.plan("a", vec![later]).await;
    assert!(store.note_click(&click("later", 1, 0)).await.unwrap());
}
