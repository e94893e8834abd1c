//! Which mails a partner got, and on which days: what `received:` asks.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::bucket::Cells;
use crate::day::{self, Day};
use crate::state::{DAYS_KEPT, PartnerState};

/// A mail of a workflow, as the state keeps it: 32 bits of the hash of both names. Two of a programme's some hundred mails share
/// one with a chance of about one in a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailId(pub(crate) u32);

impl MailId {
    /// The mail of this name in this workflow.
    pub fn of(workflow: &str, mail: &str) -> MailId {
        let name = [workflow.as_bytes(), b"\0", mail.as_bytes()].concat();
        MailId(xxhash_rust::xxh3::xxh3_64(&name) as u32)
    }
}

/// Mails by day: one each time the partner got it. In doubt counts as got, as it does for caps.
pub type Mails = Cells<MailId>;

impl PartnerState {
    /// Whether the partner got a mail on a day from `from` to `to`, both included. None where nobody knows any more: nothing is
    /// found, and the days asked for reach further back than days are kept.
    pub fn received(&self, mail: MailId, from: Date, to: Date, today: Day) -> Option<bool> {
        let (from, to) = (day::number(from), day::number(to));
        let times = self.mails.sum(mail, from, to).saturating_add(self.open_mails.sum(mail, from, to));
        let oldest = today.saturating_sub(DAYS_KEPT - 1);
        if times > 0 {
            return Some(true);
        }
        // Who came later got nothing then. A day is enough for the difference between UTC and any zone.
        let known_since = |at: Timestamp| day::of(at, &TimeZone::UTC).saturating_sub(1);
        let was_there = self.first_event_at.is_some_and(|at| known_since(at) < oldest);
        (from >= oldest || !was_there).then_some(false)
    }
}
