//! The hour's limit, stops of a provider's mail, and the numbers they go by.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_contact::breaker::Tally;

use crate::sample::{Owner, assert_sound, at, claim, ended, message, person, request, send_first, state};
use rapport_engine::operate::{self, Subject};
use rapport_engine::ports::rows::{MessageRow, MessageState};
use rapport_engine::ports::store::{
    Attempt, BurstLimit, ClaimRequest, Claimed, FeedbackRow, RecipientSnapshot, RecipientVerdict, Settlement, Store,
};
use rapport_engine::reputation;

fn limited(mailer: &str, now: i64, stop_above: u32) -> ClaimRequest {
    let broadcasts = BTreeSet::from(["newsletter".to_owned()]);
    ClaimRequest {
        burst: Some(BurstLimit { stop_above: Some(stop_above), broadcasts }),
        limit: 3,
        ..request(mailer, now)
    }
}

async fn claimed(store: &Arc<dyn Store>, request: &ClaimRequest) -> Claimed {
    store.claim(request, &send_first).await.unwrap()
}

/// Ends the attempts as sent, so that their recipients are free again.
async fn send(store: &Arc<dyn Store>, attempts: &[Attempt]) {
    for attempt in attempts {
        let sent = ended(&attempt.due.message.id, MessageState::Sent);
        assert!(store.settle(attempt, &Settlement::Ended(sent)).await.unwrap());
    }
}

async fn plan_many(store: &Arc<dyn Store>, count: usize, change: impl Fn(&mut MessageRow)) -> Owner {
    let mut owner = Owner::new(store).await;
    for number in 0..count {
        let mut row = message(&format!("m{number:02}"), &format!("p{number:02}"), 0);
        change(&mut row);
        owner.plan(&format!("p{number:02}"), vec![row]).await;
    }
    owner
}

/// However many claim at once, no more than the limit leave; the workflow is named, its mail stays; an hour later there is room.
pub async fn an_hours_limit_holds_for_many_mailers(store: Arc<dyn Store>) {
    plan_many(&store, 24, |_| {}).await;
    let claimers = (0..4).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (mut taken, mut over) = (Vec::new(), BTreeSet::new());
            // Across the turn of a minute, as clocks of several mailers are.
            for round in 0..6 {
                let claimed = claimed(&store, &limited(&format!("mailer-{number}"), (number + round) % 2, 7)).await;
                taken.extend(claimed.attempts);
                over.extend(claimed.over);
            }
            (taken, over)
        })
    });
    let mut taken = Vec::new();
    let mut over = BTreeSet::new();
    for claimer in claimers.collect::<Vec<_>>() {
        let (attempts, named) = claimer.await.unwrap();
        taken.extend(attempts);
        over.extend(named);
    }
    assert_eq!(taken.len(), 7);
    assert_eq!(over, BTreeSet::from(["welcome".to_owned()]));
    assert_eq!(store.mails_an_hour(at(1)).await.unwrap(), [("welcome".to_owned(), 7)]);
    send(&store, &taken).await;
    assert_eq!(claimed(&store, &limited("mailer", 60, 7)).await.attempts.len(), 0, "within the hour");
    assert_eq!(claimed(&store, &limited("mailer", 62, 7)).await.attempts.len(), 3);
    assert_sound(&store).await;
}

/// What is put back did not leave; what may have left is counted, as is what a mailer took that was killed; what a broadcast sends is
/// not; without a limit nothing is.
pub async fn only_what_leaves_is_counted(store: Arc<dyn Store>) {
    let mut owner = plan_many(&store, 3, |_| {}).await;
    let first = claimed(&store, &limited("mailer", 1, 2)).await;
    assert_eq!((first.attempts.len(), first.over.len()), (2, 1));
    let back = Settlement::Requeue { due: at(2), reason: "busy".into() };
    for attempt in &first.attempts {
        assert!(store.settle(attempt, &back).await.unwrap());
        assert!(!store.settle(attempt, &back).await.unwrap(), "told twice, returned once");
    }
    assert_eq!(store.mails_an_hour(at(2)).await.unwrap(), []);
    let taken = claimed(&store, &limited("mailer", 2, 2)).await.attempts;
    assert_eq!(taken.len(), 2);
    let doubtful = ended(&taken[0].due.message.id, MessageState::InDoubt);
    assert!(store.settle(&taken[0], &Settlement::Ended(doubtful)).await.unwrap());
    for number in 0..3 {
        let name = format!("b{number}");
        let row = MessageRow { workflow: "newsletter".into(), ..message(&name, &name, 0) };
        owner.plan(&name, vec![row]).await;
    }
    let rest = claimed(&store, &limited("mailer", 3, 2)).await;
    assert!(rest.attempts.iter().all(|attempt| attempt.due.message.workflow == "newsletter"));
    let last = claimed(&store, &limited("mailer", 3, 2)).await;
    assert_eq!(rest.attempts.len() + last.attempts.len(), 3);
    assert_eq!(store.mails_an_hour(at(3)).await.unwrap(), [("welcome".to_owned(), 2)]);
    assert_eq!(claim(&store, "mailer", 3).await.len(), 1, "nobody counts");
}

/// A mail that is sent again where nobody knows may have left each time it was tried.
pub async fn a_mail_that_may_have_left_counts_for_its_hour(store: Arc<dyn Store>) {
    plan_many(&store, 1, |row| row.policy = "at_least_once".into()).await;
    let first = claimed(&store, &limited("mailer", 1, 5)).await.attempts.remove(0);
    let back = Settlement::Requeue { due: at(2), reason: "mailer_lost".into() };
    assert!(store.settle(&first, &back).await.unwrap());
    let again = claimed(&store, &limited("mailer", 2, 5)).await.attempts;
    assert_eq!(again.len(), 1);
    assert_eq!(store.mails_an_hour(at(2)).await.unwrap(), [("welcome".to_owned(), 2)]);
}

/// Several mailers stop a workflow once; a person lets it go on, with an hour of its own; then it can be stopped again.
pub async fn a_burst_is_stopped_once_until_a_person_ends_it(store: Arc<dyn Store>) {
    plan_many(&store, 6, |_| {}).await;
    let first = claimed(&store, &limited("mailer", 1, 2)).await;
    assert_eq!(first.attempts.len(), 2);
    let stop = || reputation::stop_burst(store.as_ref(), 1, "welcome", 2, at(1));
    let (one, other) = tokio::join!(stop(), stop());
    assert!(one.unwrap() ^ other.unwrap(), "one of them stops it");
    let pauses = store.pauses().await.unwrap();
    assert_eq!((pauses.len(), pauses[0].by.as_str(), pauses[0].until), (1, "rapport", None));
    assert_eq!(claimed(&store, &limited("mailer", 90, 2)).await.attempts.len(), 0, "no hour ends it");
    let workflow = Subject::Workflow("welcome".into());
    operate::end_what_is_over(store.as_ref(), 1, None, at(5_000)).await.unwrap();
    assert!(operate::resume(store.as_ref(), 1, &workflow, None, "kari", at(10), false).await.unwrap());
    assert!(stop().await.unwrap(), "it can be stopped again");
    assert!(operate::resume(store.as_ref(), 1, &workflow, None, "kari", at(11), false).await.unwrap());
    assert_eq!(claimed(&store, &limited("mailer", 60, 2)).await.attempts.len(), 2, "it begins anew");
}

/// A stop of one provider's mail leaves everything claimable, is shown to the policy, and gives back what was put off for it.
pub async fn a_stop_of_a_provider_is_shown_to_the_policy(store: Arc<dyn Store>) {
    plan_many(&store, 2, |_| {}).await;
    let subject = Subject::Provider { workflow: "welcome".into(), provider: "other".into() };
    let stop = |ended: Option<Timestamp>| {
        let (store, subject) = (Arc::clone(&store), subject.clone());
        async move { operate::stop(store.as_ref(), 1, &subject, ("bounces", "too many"), ended, at(1)).await.unwrap() }
    };
    assert!(stop(None).await);
    assert!(!stop(None).await, "once");
    assert_eq!(store.mail_look(at(0)).await.unwrap().next_due, Some(at(0)), "the policy judges it");
    let put_off = |snapshot: &RecipientSnapshot| {
        assert_eq!(snapshot.stopped, [("welcome".to_owned(), "other".to_owned())]);
        let id = snapshot.due[0].message.id.clone();
        RecipientVerdict { defer: vec![(id, at(600), "breaker".into())], ..RecipientVerdict::default() }
    };
    assert_eq!(store.claim(&request("mailer", 1), &put_off).await.unwrap().looked_at, 2);
    assert_eq!(claim(&store, "mailer", 5).await.len(), 0);
    assert!(operate::resume(store.as_ref(), 1, &subject, None, "kari", at(5), false).await.unwrap());
    assert_eq!(claim(&store, "mailer", 10).await.len(), 2, "long before it would have been looked at");
    assert_eq!(operate::last_ends(store.as_ref()).await.unwrap().get(&subject.id()), Some(&at(5)));
    assert!(!stop(None).await, "who saw the numbers before that stops nothing");
    assert!(stop(Some(at(5))).await);
    assert_eq!(state(&store, "p00", "m00").await.0, MessageState::Attempting);
}

/// Reports are counted against the mail that left, by domain; a refusal while sending counts as mail that left.
pub async fn mail_and_reports_are_tallied_by_domain(store: Arc<dyn Store>) {
    let mut owner = plan_many(&store, 6, |_| {}).await;
    let version = |name: &str, address: &str| person(name, 2, Some(address));
    store.store_persons(&[version("p00", "a@gmail.com"), version("p01", "b@gmail.com")]).await.unwrap();
    let service = MessageRow { kind: "service".into(), ..message("paid", "q", 0) };
    owner.plan("q", vec![service]).await;
    let mut attempts = claim(&store, "mailer", 1).await;
    attempts.extend(claim(&store, "mailer", 1).await);
    attempts.sort_by(|a, b| a.due.message.id.cmp(&b.due.message.id));
    assert_eq!(attempts.len(), 7);
    let refused = attempts.remove(5);
    assert!(
        store.settle(&refused, &Settlement::Ended(ended(&refused.due.message.id, MessageState::Failed))).await.unwrap()
    );
    send(&store, &attempts).await;
    let report = |what: &str, message: &str| FeedbackRow {
        id: format!("{what}:{message}"),
        origin: "mail".into(),
        what: what.into(),
        address: None,
        message: Some(message.into()),
        workflow: Some("welcome".into()),
        at: at(9),
    };
    let reports = [
        report("complaint", "m00"),
        report("bounce.policy", "m01"),
        report("bounce.soft", "m02"),
        report("bounce.hard", "m05"),
        report("bounce.hard", "paid"),
        report("bounce.hard", "unknown"),
    ];
    assert!(store.take_feedback(&reports, &[], &[]).await.unwrap());
    assert_eq!(store.reported_workflows(at(9)).await.unwrap(), ["welcome"]);
    assert_eq!(store.reported_workflows(at(10)).await.unwrap(), [""; 0]);
    let told = store.tallies("welcome", at(0)).await.unwrap();
    let told: Vec<_> = told.iter().map(|row| (row.domain.as_str(), row.tally)).collect();
    let tally = |mails, bounced, complained| Tally { mails, bounced, complained };
    assert_eq!(told, [("gmail.com", tally(2, 1, 1)), ("x.example", tally(4, 1, 0))]);
    assert_eq!(store.tallies("other", at(0)).await.unwrap(), []);
    assert_eq!(store.tallies("welcome", at(10)).await.unwrap(), []);
}

/// A feed of complaints and bounces stops what it should, nothing else, once; ended by a person, it counts anew.
pub async fn a_feed_of_reports_stops_mail_to_one_provider(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    let mut sent = 0;
    // 120 mails to one provider, 120 to another, of two workflows.
    for (workflow, domain) in [("welcome", "gmail.com"), ("welcome", "yahoo.com"), ("nudge", "gmail.com")] {
        let persons: Vec<_> = (0..120)
            .map(|number| {
                let name = format!("{workflow}-{domain}-{number}");
                person(&name, 1, Some(&format!("{name}@{domain}")))
            })
            .collect();
        store.store_persons(&persons).await.unwrap();
        owner
            .commit(|batch| {
                batch.messages = persons
                    .iter()
                    .map(|row| {
                        let name = row.key.partner.as_str();
                        MessageRow { workflow: workflow.into(), ..message(name, name, 0) }
                    })
                    .collect();
            })
            .await;
        loop {
            let request = ClaimRequest { limit: 200, ..request("mailer", 1) };
            let attempts = claimed(&store, &request).await.attempts;
            if attempts.is_empty() {
                break;
            }
            sent += attempts.len();
            send(&store, &attempts).await;
        }
    }
    assert_eq!(sent, 360);
    let feed = |what: &'static str, workflow: &'static str, domain: &'static str, numbers: std::ops::Range<usize>| {
        let store = Arc::clone(&store);
        async move {
            for number in numbers {
                let message = format!("{workflow}-{domain}-{number}");
                let row = FeedbackRow {
                    id: format!("{what}:{message}"),
                    origin: "ses".into(),
                    what: what.into(),
                    address: None,
                    message: Some(message),
                    workflow: Some(workflow.into()),
                    at: at(30),
                };
                store.take_feedback(&[row], &[], &[]).await.unwrap();
            }
        }
    };
    let judge = |minutes: i64| {
        let store = Arc::clone(&store);
        async move {
            let standings = reputation::standings(store.as_ref(), Timestamp::MIN, at(minutes)).await.unwrap();
            let stopped = reputation::stop_what_harms(store.as_ref(), 1, &standings, at(minutes)).await.unwrap();
            stopped.into_iter().map(|row| format!("{} {}", row.workflow, row.provider)).collect::<Vec<_>>()
        }
    };
    feed("complaint", "welcome", "gmail.com", 0..2).await;
    feed("bounce.hard", "nudge", "gmail.com", 0..11).await;
    assert_eq!(judge(40).await, [""; 0], "they warn");
    feed("complaint", "welcome", "gmail.com", 2..3).await;
    assert_eq!(judge(40).await, ["welcome google"]);
    assert_eq!(judge(41).await, [""; 0], "it is stopped");
    feed("bounce.hard", "nudge", "gmail.com", 11..12).await;
    assert_eq!(judge(42).await, ["nudge google"]);
    let google = Subject::Provider { workflow: "welcome".into(), provider: "google".into() };
    assert!(operate::resume(store.as_ref(), 1, &google, None, "kari", at(50), false).await.unwrap());
    assert_eq!(judge(51).await, [""; 0], "what a person saw is not held against it");
    let week = SignedDuration::from_hours(8 * 24).as_mins();
    assert_eq!(reputation::standings(store.as_ref(), Timestamp::MIN, at(week)).await.unwrap(), []);
    assert_eq!(store.pauses().await.unwrap().len(), 1);
}
