//! What a relay's refusals come to: whose address they close, and whose never.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::addresses::with_a_late_mail;
use crate::stand::{Stand, script::Script};
use async_trait::async_trait;
use jiff::SignedDuration;
use rapport_contact::normalise;
use rapport_engine::ports::{
    rows::MessageState,
    store::{FeedbackRow, Store},
    transport::{Deadline, Delivery, Envelope, RefusalClass},
};
use rapport_memory::store::Tables;
use rapport_sim::world;
use tokio::time::Instant;

const ADA: &str = "ada@partners.example";

/// Refuses every mail the same way.
struct Refuses(RefusalClass);

#[async_trait]
impl Script for Refuses {
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        Some(Delivery::Refused { code: 552, enhanced: None, text: "no".into(), class: self.0 })
    }
}

/// A partner's one mail is refused, after soft bounces so many days ago; whether her address is closed, and what was noted of the mail.
async fn refused(class: RefusalClass, bounced_days_ago: &[i64]) -> (bool, Vec<String>) {
    let mut stand = Stand::new(with_a_late_mail()).await;
    let now = stand.store.server_now();
    let reports = bounced_days_ago.iter().enumerate().map(|(number, days)| FeedbackRow {
        id: format!("earlier-{number}"),
        origin: "mail".into(),
        what: "bounce.soft".into(),
        address: normalise(ADA).map(|address| address.key()),
        message: None,
        workflow: None,
        at: now - SignedDuration::from_hours(24 * days),
    });
    for report in reports {
        assert!(stand.store.take_feedback(&[report], &[], &[]).await.unwrap());
    }
    stand.script = Some(Arc::new(Refuses(class)));
    stand.start();
    let events = [stand.approved("ada")];
    stand.take(&events).await;
    let failed = |tables: &Tables| tables.messages.values().any(|message| message.state == MessageState::Failed);
    stand.until("her mail failed", failed).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let suppressed = stand.store.suppressions(ADA).await.unwrap();
    assert!(suppressed.iter().all(|told| *told == (None, "hard_bounce".into())), "{suppressed:?}");
    let tables = stand.store.tables().clone();
    assert!(tables.check().iter().all(|(_, rows)| *rows == 0), "{:?}", tables.check());
    let noted = tables.feedback.values().filter(|row| row.origin == "smtp").map(|row| row.what.clone()).collect();
    (!suppressed.is_empty(), noted)
}

#[tokio::test(start_paused = true)]
async fn only_what_is_said_of_the_mailbox_closes_it() {
    for (class, is_closed, what) in [
        (RefusalClass::Permanent, true, "bounce.hard"),
        (RefusalClass::Policy, false, "bounce.policy"),
        (RefusalClass::Soft, false, "bounce.soft"),
    ] {
        assert_eq!(refused(class, &[]).await, (is_closed, vec![what.to_owned()]), "{class:?}");
    }
}

/// Told by the relay at once or by a mail that comes back: a full mailbox counts the same.
#[tokio::test(start_paused = true)]
async fn the_third_soft_refusal_within_two_weeks_closes_the_address() {
    for (earlier, is_closed) in [([3].as_slice(), false), ([3, 15].as_slice(), false), ([3, 13].as_slice(), true)] {
        assert_eq!(refused(RefusalClass::Soft, earlier).await.0, is_closed, "{earlier:?}");
    }
    assert!(!refused(RefusalClass::Policy, &[1, 2, 3]).await.0, "policy says nothing of the mailbox");
}

/// Takes mail, but asks for less at the first; and notes when each came.
#[derive(Default)]
struct AsksForLess(Mutex<Vec<Instant>>);

#[async_trait]
impl Script for AsksForLess {
    fn delivers(&self) -> bool {
        true
    }

    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        let mut came = self.0.lock().unwrap();
        came.push(Instant::now());
        let (text, class) = ("4.7.0 too many of yours, try again later".into(), RefusalClass::Transient);
        (came.len() == 1).then_some(Delivery::Refused { code: 421, enhanced: Some("4.7.0".into()), text, class })
    }
}

/// All three have their mailboxes with one provider, at a mail in ten seconds.
#[tokio::test(start_paused = true)]
async fn a_provider_that_asks_for_less_is_written_to_more_slowly() {
    let mut files = world::shipped_files();
    let config = files.get_mut("config/rapport.yaml").unwrap();
    *config = config.replace("rate: 1200 per minute", "rate: 6 per minute");
    assert!(config.contains("rate: 6 per minute"));
    let mut stand = Stand::new(files).await;
    let script = Arc::new(AsksForLess::default());
    stand.script = Some(script.clone());
    stand.start();
    let events = [stand.approved("ada"), stand.approved("bob"), stand.approved("dora")];
    stand.take(&events).await;
    let sent = |tables: &Tables| tables.messages.values().filter(|message| message.state == MessageState::Sent).count();
    stand.until("all were greeted", |tables| sent(tables) == 3).await;
    stand.until("all is folded", stand.folded()).await;
    stand.stop().await;
    let came = script.0.lock().unwrap().clone();
    let gaps: Vec<Duration> = came.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The first had its ten seconds before it was heard; half as fast is twenty.
    assert!(gaps[0] >= Duration::from_secs(9) && gaps[1] >= Duration::from_secs(19), "{gaps:?}");
    assert_eq!((came.len(), stand.server.accepted().len()), (4, 3), "put back and sent again");
}
