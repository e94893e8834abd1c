//! When complaints and bounces end a workflow's mail to a provider's mailboxes.
//!
//! The limits are those the large mailbox providers publish for bulk senders: complaints are to stay under .10 % and never reach
//! .30 %, and a list that bounces in tenths is not one of people who asked for mail. A rate needs a volume: below
//! [`COMPLAINT_MAILS`], [`COMPLAINTS`], [`BOUNCE_MAILS`] and [`BOUNCES`] nothing is said.

use std::fmt;

/// Fewer mails tell nothing about complaints.
pub const COMPLAINT_MAILS: u64 = 100;
/// Fewer complaints are chance: they warn of nothing. One more stops.
pub const COMPLAINTS: u64 = 2;
/// Fewer mails tell nothing about bounces.
pub const BOUNCE_MAILS: u64 = 50;
/// Fewer bounces are chance.
pub const BOUNCES: u64 = 5;

/// What became of the marketing mail of one workflow to one provider's mailboxes, over the same days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Mails that left: accepted, in doubt, or refused for good.
    pub mails: u64,
    /// Of them, those that came back for good or were refused, the sender's own refusals included.
    pub bounced: u64,
    /// Of them, those that were reported as spam.
    pub complained: u64,
}

/// What rises too far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Recipients report the mail as spam.
    Complaints,
    /// Mailboxes do not exist, or their servers refuse the mail.
    Bounces,
}

/// How far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody should look.
    Warn,
    /// Marketing mail waits until a person says otherwise.
    Stop,
}

/// A rate above a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// How far.
    pub level: Level,
    /// What.
    pub cause: Cause,
    /// The numbers.
    pub tally: Tally,
}

/// The gravest alarm, complaints before bounces; `None` when all is well or too little is known.
///
/// Complaints warn at .10 % and stop at .25 %, bounces at 5 % and 10 %.
#[must_use]
pub fn judge(tally: Tally) -> Option<Alarm> {
    // In ten-thousandths, so that .25 % is a whole number; wide enough for any count.
    let reaches =
        |count: u64, per_myriad: u128| u128::from(count) * 10_000 >= u128::from(tally.mails.max(1)) * per_myriad;
    let complaints = (tally.mails >= COMPLAINT_MAILS
        && tally.complained >= COMPLAINTS
        && reaches(tally.complained, 10))
    .then(|| if tally.complained > COMPLAINTS && reaches(tally.complained, 25) { Level::Stop } else { Level::Warn });
    let bounces = (tally.mails >= BOUNCE_MAILS && tally.bounced >= BOUNCES && reaches(tally.bounced, 500))
        .then(|| if reaches(tally.bounced, 1_000) { Level::Stop } else { Level::Warn });
    let (level, cause) = match (complaints, bounces) {
        (Some(complaints), Some(bounces)) if bounces > complaints => (bounces, Cause::Bounces),
        (Some(complaints), _) => (complaints, Cause::Complaints),
        (None, Some(bounces)) => (bounces, Cause::Bounces),
        (None, None) => return None,
    };
    Some(Alarm { level, cause, tally })
}

impl Cause {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Complaints => "complaints",
            Self::Bounces => "bounces",
        }
    }
}

/// `3 complaints of 1000 mails (0.30 %)`.
impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, noun) = match self.cause {
            Cause::Complaints => (self.tally.complained, "complaint"),
            Cause::Bounces => (self.tally.bounced, "bounce"),
        };
        let many = if count == 1 { "" } else { "s" };
        let rate = 100.0 * count as f64 / self.tally.mails.max(1) as f64;
        write!(f, "{count} {noun}{many} of {} mails ({rate:.2} %)", self.tally.mails)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn level(mails: u64, bounced: u64, complained: u64) -> Option<(Level, Cause)> {
        judge(Tally { mails, bounced, complained }).map(|alarm| (alarm.level, alarm.cause))
    }

    #[test]
    fn the_limits_are_those_written_down() {
        use Cause::{Bounces, Complaints};
        use Level::{Stop, Warn};
        for (mails, bounced, complained, expected) in [
            (2_000, 0, 1, None),
            (2_001, 0, 2, None),
            (2_000, 0, 2, Some((Warn, Complaints))),
            (4_000, 0, 9, Some((Warn, Complaints))),
            (4_000, 0, 10, Some((Stop, Complaints))),
            (1_000, 49, 0, None),
            (1_000, 50, 0, Some((Warn, Bounces))),
            (1_000, 99, 0, Some((Warn, Bounces))),
            (1_000, 100, 0, Some((Stop, Bounces))),
            (1_000, 100, 3, Some((Stop, Complaints))),
            (4_000, 400, 9, Some((Stop, Bounces))),
            // Too little to tell.
            (99, 0, 9, None),
            (100, 0, 1, None),
            (100, 0, 2, Some((Warn, Complaints))),
            (49, 40, 0, None),
            (50, 4, 0, None),
            (50, 5, 0, Some((Stop, Bounces))),
        ] {
            assert_eq!(level(mails, bounced, complained), expected, "{mails} {bounced} {complained}");
        }
        let alarm = judge(Tally { mails: 4_000, bounced: 0, complained: 10 }).unwrap();
        assert_eq!(alarm.to_string(), "10 complaints of 4000 mails (0.25 %)");
    }

    proptest! {
        /// One more complaint never calms; one more mail that arrives well never alarms where there was volume.
        #[test]
        fn alarms_follow_the_rates(mails in 0_u64..20_000, bounced in 0_u64..2_000, complained in 0_u64..60) {
            let mails = mails + bounced;
            let grave = |tally| judge(tally).map(|alarm| alarm.level);
            let tally = Tally { mails, bounced, complained };
            let worse = grave(Tally { complained: complained + 1, ..tally });
            prop_assert!(worse >= grave(tally));
            if mails >= COMPLAINT_MAILS {
                let better = grave(Tally { mails: mails + 1, ..tally });
                prop_assert!(better <= grave(tally));
            }
            if mails < BOUNCE_MAILS { prop_assert_eq!(grave(tally), None); }
        }
    }
}
