//! Limits that go over many people: how much leaves at a time to a provider, and how much a day from a domain.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::sample::{Owner, assert_sound, at, ended, message, request, state};
use rapport_engine::ports::leave::{DayLimit, HIGHEST, Leave, PaceLimit};
use rapport_engine::ports::rows::{MessageRow, MessageState};
use rapport_engine::ports::store::{Attempt, ClaimRequest, RecipientSnapshot, RecipientVerdict, Settlement, Store};

const MINUTE_US: i64 = 60_000_000;
/// As good as none.
const FREE: PaceLimit = PaceLimit { every_us: 1, at_once: 1_000_000, connections: 1_000 };

fn leave(pace: PaceLimit, warm_up: Option<DayLimit>) -> Leave {
    Leave { provider: "google".into(), pace, warm_up }
}

async fn claim(store: &Arc<dyn Store>, mailer: &str, now: i64, leave: &Leave) -> Vec<Attempt> {
    let take = |snapshot: &RecipientSnapshot| RecipientVerdict {
        take: snapshot.due.first().map(|due| due.message.id.clone()),
        leave: Some(leave.clone()),
        ..RecipientVerdict::default()
    };
    let request = ClaimRequest { limit: 3, ..request(mailer, now) };
    store.claim(&request, &take).await.unwrap().attempts
}

/// Claims with four mailers at once until nobody finds anything, and tells what was taken.
async fn claim_all(store: &Arc<dyn Store>, now: i64, leave: &Leave) -> Vec<Attempt> {
    let claimers = (0..4).map(|number| {
        let (store, leave) = (Arc::clone(store), leave.clone());
        tokio::spawn(async move {
            let mut taken = Vec::new();
            // A claim that finds all recipients locked by others finds nothing.
            for _ in 0..12 {
                taken.extend(claim(&store, &format!("mailer-{number}"), now, &leave).await);
            }
            taken
        })
    });
    let mut taken = Vec::new();
    for claimer in claimers.collect::<Vec<_>>() {
        taken.extend(claimer.await.unwrap());
    }
    while store.mail_look(at(now)).await.unwrap().next_due.is_some_and(|due| due <= at(now)) {
        taken.extend(claim(store, "mailer-0", now, leave).await);
    }
    taken
}

async fn plan_many(store: &Arc<dyn Store>, count: usize, change: impl Fn(usize, &mut MessageRow)) -> Owner {
    let mut owner = Owner::new(store).await;
    for number in 0..count {
        let mut row = message(&format!("m{number:02}"), &format!("p{number:02}"), 0);
        row.expires = at(1_000_000);
        change(number, &mut row);
        owner.plan(&format!("p{number:02}"), vec![row]).await;
    }
    owner
}

async fn settle(store: &Arc<dyn Store>, attempt: &Attempt) {
    let sent = Settlement::Ended(ended(&attempt.due.message.id, MessageState::Sent));
    assert!(store.settle(attempt, &sent).await.unwrap());
}

/// However many claim at once, no more leave than the pace allows; the rest waits with its reason, one instant after the other.
pub async fn a_pace_holds_for_many_mailers(store: Arc<dyn Store>) {
    plan_many(&store, 16, |_, _| {}).await;
    let pace = leave(PaceLimit { every_us: MINUTE_US, at_once: 5, connections: 100 }, None);
    let taken = claim_all(&store, 1, &pace).await;
    assert_eq!(taken.len(), 5);
    for attempt in &taken {
        settle(&store, attempt).await;
    }
    let waiting = (0..16).map(|number| format!("{number:02}"));
    let waiting: Vec<_> =
        waiting.filter(|n| !taken.iter().any(|taken| taken.due.message.id == format!("m{n}"))).collect();
    for number in &waiting {
        let told = state(&store, &format!("p{number}"), &format!("m{number}")).await;
        assert_eq!(told, (MessageState::Queued, Some("pace".into())));
    }
    assert_eq!(store.mail_look(at(1)).await.unwrap().next_due, Some(at(2)));
    for (now, leave_then) in [(2, 1), (3, 1), (5, 2), (12, 5), (13, 1), (14, 1), (15, 0)] {
        assert_eq!(claim_all(&store, now, &pace).await.len(), leave_then, "at {now}");
    }
    assert_sound(&store).await;
}

/// Where the server's clock was ahead and was set back, mail does not wait until the present has come there again.
pub async fn a_clock_set_back_holds_no_mail_up(store: Arc<dyn Store>) {
    let mut owner = plan_many(&store, 3, |_, _| {}).await;
    let pace = leave(PaceLimit { every_us: MINUTE_US, at_once: 2, connections: 100 }, None);
    let ahead = claim_all(&store, 500_000, &pace).await;
    assert_eq!(ahead.len(), 2);
    for attempt in &ahead {
        settle(&store, attempt).await;
    }
    for name in ["q1", "q2"] {
        let row = MessageRow { expires: at(1_000_000), ..message(name, name, 0) };
        owner.plan(name, vec![row]).await;
    }
    // As if those had left just now, and the one that waits did not.
    for (now, leave_then) in [(1, 0), (2, 1), (3, 1)] {
        assert_eq!(claim_all(&store, now, &pace).await.len(), leave_then, "at {now}");
    }
    assert_sound(&store).await;
}

/// One provider's mail waits, another's leaves, whichever was due first.
pub async fn another_provider_is_not_held_back(store: Arc<dyn Store>) {
    plan_many(&store, 9, |number, row| row.due = at(i64::from(number >= 6))).await;
    let slow = PaceLimit { every_us: 1_000 * MINUTE_US, at_once: 1, connections: 1 };
    let take = |snapshot: &RecipientSnapshot| {
        let first = snapshot.due.first().map(|due| due.message.id.clone());
        let is_slow = first.as_ref().is_some_and(|id| id.as_str() < "m06");
        let (provider, pace) = if is_slow { ("google", slow) } else { ("x.example", FREE) };
        let leave = Some(Leave { provider: provider.into(), pace, warm_up: None });
        RecipientVerdict { take: first, leave, ..RecipientVerdict::default() }
    };
    let mut taken = Vec::new();
    for _ in 0..6 {
        let request = ClaimRequest { limit: 2, ..request("mailer", 1) };
        let claimed = store.claim(&request, &take).await.unwrap();
        taken.extend(claimed.attempts.into_iter().map(|attempt| attempt.due.message.id));
    }
    taken.sort();
    assert_eq!(taken, ["m00", "m06", "m07", "m08"]);
}

/// Mail that would travel in a digest takes no place of its own in the queue, and travels when its carrier's turn has come.
pub async fn what_would_travel_waits_with_its_carrier(store: Arc<dyn Store>) {
    let mut owner = Owner::new(&store).await;
    owner.plan("a", vec![message("a1", "a", 0)]).await;
    let soon_over = MessageRow { expires: at(1) + SignedDuration::from_secs(30), ..message("b3", "b", 0) };
    owner.plan("b", vec![message("b1", "b", 0), message("b2", "b", 0), soon_over]).await;
    let limits = leave(PaceLimit { every_us: MINUTE_US, at_once: 1, connections: 10 }, None);
    let gather = |snapshot: &RecipientSnapshot| {
        let mut ids = snapshot.due.iter().map(|due| due.message.id.clone());
        RecipientVerdict {
            take: ids.next(),
            along: ids.collect(),
            leave: Some(limits.clone()),
            ..RecipientVerdict::default()
        }
    };
    let first = store.claim(&request("mailer", 1), &gather).await.unwrap().attempts;
    assert_eq!(first.iter().map(|attempt| attempt.due.message.id.as_str()).collect::<Vec<_>>(), ["a1"]);
    for id in ["b1", "b2", "b3"] {
        assert_eq!(state(&store, "b", id).await, (MessageState::Queued, Some("pace".into())));
    }
    let next_due = store.mail_look(at(1)).await.unwrap().next_due;
    assert_eq!(next_due, Some(at(1) + SignedDuration::from_secs(30)), "no later than it expires");
    let then = store.claim(&request("mailer", 2), &gather).await.unwrap().attempts;
    assert_eq!(then.len(), 1);
    let along: BTreeSet<&str> = then[0].along.iter().map(|due| due.message.id.as_str()).collect();
    let together: BTreeSet<&str> = along.into_iter().chain([then[0].due.message.id.as_str()]).collect();
    assert_eq!(together, BTreeSet::from(["b1", "b2", "b3"]), "at the first minute they were given");
    settle(&store, &first[0]).await;
    settle(&store, &then[0]).await;
    assert_sound(&store).await;
}

/// No more are on their way than there are connections, over all mailers; one that arrived makes room.
pub async fn connections_to_a_provider_are_counted_over_all_mailers(store: Arc<dyn Store>) {
    plan_many(&store, 8, |_, _| {}).await;
    let pace = leave(PaceLimit { connections: 2, ..FREE }, None);
    let taken = claim_all(&store, 1, &pace).await;
    assert_eq!(taken.len(), 2);
    assert_eq!(claim_all(&store, 2, &pace).await.len(), 0);
    let back = Settlement::Requeue { due: at(500), reason: "busy".into() };
    assert!(store.settle(&taken[0], &back).await.unwrap());
    let third = claim_all(&store, 3, &pace).await;
    assert_eq!(third.len(), 1);
    settle(&store, &taken[1]).await;
    settle(&store, &third[0]).await;
    assert_eq!(claim_all(&store, 4, &pace).await.len(), 2);
    assert_sound(&store).await;
}

fn warm_up(day: i64, mails: u32, again_at: Timestamp) -> Leave {
    leave(FREE, Some(DayLimit { domain: "mail.acme.example".into(), day, mails, engaged: HIGHEST, again_at }))
}

/// However many claim at once, no more leave than the day's number; the rest comes back the next day, by priority and in order.
pub async fn a_warm_up_holds_for_many_mailers(store: Arc<dyn Store>) {
    let mut owner = plan_many(&store, 12, |number, row| row.priority = if number == 11 { 1 } else { 0 }).await;
    let (day, next) = (warm_up(1, 4, at(1_440)), warm_up(2, 8, at(2_880)));
    let taken = claim_all(&store, 1, &day).await;
    assert_eq!(taken.len(), 4);
    for attempt in &taken[1..] {
        settle(&store, attempt).await;
    }
    // What goes back to the queue did not leave: another may.
    let back = Settlement::Requeue { due: at(5_000), reason: "busy".into() };
    assert!(store.settle(&taken[0], &back).await.unwrap());
    for name in ["q1", "q2"] {
        let row = MessageRow { expires: at(1_000_000), ..message(name, name, 0) };
        owner.plan(name, vec![row]).await;
    }
    assert_eq!(claim_all(&store, 2, &day).await.len(), 1);
    let both = [state(&store, "q1", "q1").await, state(&store, "q2", "q2").await];
    let waits = (MessageState::Queued, Some("warm_up".to_owned()));
    assert_eq!(both.iter().filter(|told| **told == waits).count(), 1, "{both:?}");
    assert_eq!(claim_all(&store, 1_439, &day).await.len(), 0);
    // Ten minutes for those of high priority, ten for the usual ones.
    let early = claim_all(&store, 1_445, &next).await;
    assert!(early.len() <= 1 && early.iter().all(|attempt| attempt.due.message.id == "m11"), "{early:?}");
    let rest = claim_all(&store, 1_500, &next).await;
    assert_eq!(early.len() + rest.len(), 8);
    assert_sound(&store).await;
}

/// Thirty days of a warm-up: no day is above its number, none leaves places while mail waits, and who matters more comes first.
pub async fn thirty_days_of_a_warm_up(store: Arc<dyn Store>) {
    const DAY: i64 = 1_440;
    let mut left: Vec<String> = Vec::new();
    plan_many(&store, 30, |number, row| row.priority = i16::from(number >= 26)).await;
    for day in 0..30 {
        let mails = usize::try_from(1 + day / 6).unwrap();
        let limits = warm_up(day, u32::try_from(mails).unwrap(), at((day + 1) * DAY));
        // When the last band of the day has come, and once more in the evening.
        for (now, room) in [(day * DAY + 31, mails), (day * DAY + 1_000, 0)] {
            let mut now_left = Vec::new();
            while store.mail_look(at(now)).await.unwrap().next_due.is_some_and(|due| due <= at(now)) {
                now_left.extend(claim(&store, "mailer", now, &limits).await);
            }
            assert_eq!(now_left.len(), room.min(30 - left.len()), "day {day}");
            for attempt in &now_left {
                settle(&store, attempt).await;
                left.push(attempt.due.message.id.clone());
            }
        }
    }
    // On the first day nobody had waited yet.
    let high: BTreeSet<&str> = left.iter().skip(1).take(4).map(String::as_str).collect();
    assert_eq!(high, BTreeSet::from(["m26", "m27", "m28", "m29"]));
    assert_eq!(left.iter().collect::<BTreeSet<_>>().len(), 30, "each once");
    assert_sound(&store).await;
}

/// Takes what is due on a day of a warm-up; partners whose number is higher did something later, up to the highest rank.
async fn claim_by_engagement(store: &Arc<dyn Store>, now: i64, day: i64, mails: u32) -> Vec<Attempt> {
    let take = |snapshot: &RecipientSnapshot| {
        let first = snapshot.due.first().map(|due| due.message.id.clone());
        let number = first.as_deref().and_then(|id| id.strip_prefix('m')?.parse::<u8>().ok());
        let engaged = number.unwrap_or(0).min(HIGHEST);
        let again_at = at((day + 1) * 1_440);
        let limit = DayLimit { domain: "mail.acme.example".into(), day, mails, engaged, again_at };
        RecipientVerdict { take: first, leave: Some(leave(FREE, Some(limit))), ..RecipientVerdict::default() }
    };
    let mut taken = Vec::new();
    while store.mail_look(at(now)).await.unwrap().next_due.is_some_and(|due| due <= at(now)) {
        let request = ClaimRequest { limit: 2, ..request("mailer", now) };
        taken.extend(store.claim(&request, &take).await.unwrap().attempts);
    }
    taken
}

/// Of those who wait for a day of a warm-up, partners who lately did something come first, though they began to wait last; who matters
/// more is before them all the same, and of one rank goes first who waited first.
pub async fn who_lately_did_something_comes_first_in_a_warm_up(store: Arc<dyn Store>) {
    plan_many(&store, 5, |number, row| row.priority = i16::from(number == 0)).await;
    assert!(claim_by_engagement(&store, 1, 0, 0).await.is_empty(), "no mail may leave on the first day");
    let mut left = Vec::new();
    for day in 1..=5 {
        let now_left = claim_by_engagement(&store, day * 1_440 + 31, day, 1).await;
        assert_eq!(now_left.len(), 1, "day {day}");
        for attempt in &now_left {
            settle(&store, attempt).await;
            left.push(attempt.due.message.id.clone());
        }
    }
    assert_eq!(left, ["m00", "m03", "m04", "m02", "m01"]);
    assert_sound(&store).await;
}

/// A mail that is sent again where nobody knows may have left each time it was tried: each counts.
pub async fn a_mail_that_may_have_left_counts_for_its_day(store: Arc<dyn Store>) {
    plan_many(&store, 4, |number, row| {
        if number == 0 {
            (row.policy, row.priority) = ("at_least_once".into(), 1);
        }
    })
    .await;
    let day = warm_up(1, 2, at(1_440));
    let first = claim(&store, "mailer", 1, &day).await;
    let doubtful = first.iter().find(|attempt| attempt.due.message.id == "m00").unwrap();
    for attempt in first.iter().filter(|attempt| attempt.due.message.id != "m00") {
        settle(&store, attempt).await;
    }
    assert_eq!(first.len(), 2);
    let back = Settlement::Requeue { due: at(2), reason: "mailer_lost".into() };
    assert!(store.settle(doubtful, &back).await.unwrap());
    settle(&store, doubtful).await;
    assert_eq!(claim_all(&store, 3, &day).await.len(), 0, "its 250 came late, and the day is full");
    assert_eq!(state(&store, "p03", "m03").await, (MessageState::Queued, Some("warm_up".into())));
    assert_sound(&store).await;
}

/// A mail that would wait beyond its time ends by it, and not later.
pub async fn what_waits_for_a_warm_up_expires_by_its_own_time(store: Arc<dyn Store>) {
    plan_many(&store, 2, |_, row| row.expires = at(60)).await;
    assert_eq!(claim_all(&store, 1, &warm_up(1, 1, at(1_440))).await.len(), 1);
    assert_eq!(store.mail_look(at(1)).await.unwrap().next_due, Some(at(60)));
}
