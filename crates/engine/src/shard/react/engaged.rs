//! How lately a partner did something: mails that wait for a day of a warm-up leave in this order.
//!
//! A provider that sees a domain for the first time judges it by what its first readers do, and those who lately did something are
//! most likely to read and to answer. It is known when a mail is planned, and stays with it: who claims it knows no partners.

use jiff::{Timestamp, tz::TimeZone};
use rapport_partner::{Moment, PartnerState, day};

use super::marks;

/// Ranks by how many days ago it was at most; whatever is older, or never was, is of rank 0.
const WITHIN: [(i32, u8); 3] = [(7, 3), (30, 2), (90, 1)];
/// Nobody looks at what somebody did who objects to that: not before everybody, and not behind.
const NOT_JUDGED: u8 = 1;

/// The rank of a partner: sales, all that counts as an activity, replies and clicks in mails among it, and having come to the
/// programme.
pub(super) fn rank(state: &PartnerState, zone: &TimeZone, now: Timestamp) -> u8 {
    if state.profile.objects_to_profiling() {
        return NOT_JUDGED;
    }
    let did = [Moment::Activity, Moment::Joined, Moment::Approved];
    let did = did.into_iter().filter_map(|moment| state.moment_day(moment, zone));
    let Some(last) = did.chain(clicked_at(state).map(|at| day::of(at, zone))).max() else { return 0 };
    let ago = day::of(now, zone).saturating_sub(last);
    WITHIN.iter().find(|(days, _)| ago <= *days).map_or(0, |(_, rank)| *rank)
}

/// The rank that a message's context tells; those planned before there were any have the lowest.
pub(crate) fn rank_of(context: &str) -> u8 {
    #[derive(serde::Deserialize)]
    struct Ranked {
        #[serde(default)]
        engaged: u8,
    }
    serde_json::from_str::<Ranked>(context).map_or(0, |envelope| envelope.engaged)
}

/// The partner followed a counted link of a mail.
pub(super) fn note_click(state: &mut PartnerState, at: Timestamp) {
    let latest = clicked_at(state).map_or(at, |known| known.max(at));
    state.set_mark(marks::CLICKED, latest.as_millisecond().to_le_bytes().to_vec());
}

fn clicked_at(state: &PartnerState) -> Option<Timestamp> {
    let bytes = <[u8; 8]>::try_from(state.mark(marks::CLICKED)?).ok()?;
    Timestamp::from_millisecond(i64::from_le_bytes(bytes)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn days_ago(days: i64) -> Timestamp {
        now() - SignedDuration::from_hours(24 * days)
    }

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn rank_now(state: &PartnerState) -> u8 {
        rank(state, &TimeZone::UTC, now())
    }

    #[test]
    fn the_later_somebody_did_something_the_higher_is_their_rank() {
        let ranks = [0, 7, 8, 30, 31, 90, 91].map(|days| {
            let mut state = PartnerState::default();
            state.moments.touch(Moment::Activity, days_ago(days));
            rank_now(&state)
        });
        assert_eq!(ranks, [3, 3, 2, 2, 1, 1, 0]);
        assert_eq!(rank_now(&PartnerState::default()), 0, "nothing is known of them");
    }

    #[test]
    fn who_just_came_is_engaged() {
        let mut state = PartnerState::default();
        state.profile.joined_at.tell(Some(days_ago(3)), days_ago(3));
        assert_eq!(rank_now(&state), 3);
    }

    #[test]
    fn the_latest_click_in_a_mail_counts() {
        let mut state = PartnerState::default();
        state.moments.touch(Moment::Activity, days_ago(60));
        note_click(&mut state, days_ago(5));
        note_click(&mut state, days_ago(40));
        assert_eq!(rank_now(&state), 3);
    }

    #[test]
    fn clicks_of_visitors_on_links_are_not_the_partners_doing() {
        let mut state = PartnerState::default();
        state.moments.touch(Moment::Click, days_ago(1));
        assert_eq!(rank_now(&state), 0);
    }

    #[test]
    fn who_objects_is_not_judged_by_what_they_did() {
        let ranks = [0, 400].map(|days| {
            let mut state = PartnerState::default();
            state.moments.touch(Moment::Activity, days_ago(days));
            state.profile.objects_to_profiling.tell(Some(true), days_ago(0));
            rank_now(&state)
        });
        assert_eq!(ranks, [NOT_JUDGED, NOT_JUDGED]);
    }

    #[test]
    fn a_context_tells_its_rank() {
        assert_eq!(rank_of(r#"{"values":{},"engaged":2}"#), 2);
        assert_eq!(rank_of(r#"{"values":{}}"#), 0);
        assert_eq!(rank_of("no JSON"), 0);
    }
}
