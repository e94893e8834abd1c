//! Payouts that are due, and whether they were made in time.

use jiff::Timestamp;

use crate::day::Day;

/// How many payouts are remembered; the oldest paid ones go first.
pub const PAYOUTS_MAX: usize = 16;

/// What is known of one payout. Of several tellings the latest by event time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payout {
    /// A hash of its id.
    pub id: u64,
    /// The day by whose end it is to be made; the latest told.
    pub due_on: Option<Day>,
    /// What it is.
    pub status: PayoutStatus,
    /// When that was told.
    pub at: Timestamp,
}

/// What a payout is; of two tellings of one instant the later variant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum PayoutStatus {
    /// To be made.
    Due = 0,
    /// Not made by its date, as the programme says.
    Overdue = 1,
    /// Tried, and it did not arrive.
    Failed = 2,
    /// Made.
    Paid = 3,
}

impl PayoutStatus {
    /// The status with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Due, Self::Overdue, Self::Failed, Self::Paid].into_iter().find(|status| *status as u8 == number)
    }
}

/// The payouts of a partner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payouts(pub(crate) Vec<Payout>);

impl Payouts {
    /// Takes in a telling.
    pub fn tell(&mut self, told: Payout) {
        match self.0.iter_mut().find(|payout| payout.id == told.id) {
            Some(known) => {
                known.due_on = known.due_on.max(told.due_on);
                if (told.at, told.status) > (known.at, known.status) {
                    (known.at, known.status) = (told.at, told.status);
                }
            }
            None => {
                let place = self.0.partition_point(|known| known.id < told.id);
                self.0.insert(place, told);
            }
        }
        if self.0.len() > PAYOUTS_MAX {
            // Paid before unpaid, then the oldest telling: what is still open is what counts.
            let oldest = self
                .0
                .iter()
                .enumerate()
                .min_by_key(|(_, payout)| (payout.status != PayoutStatus::Paid, payout.at, payout.id));
            if let Some(place) = oldest.map(|(place, _)| place) {
                self.0.remove(place);
            }
        }
    }

    /// How many are not paid although their day is over, or although they failed or were called overdue without a day.
    pub fn overdue(&self, today: Day) -> i64 {
        let late = |payout: &&Payout| match (payout.status, payout.due_on) {
            (PayoutStatus::Paid, _) => false,
            (PayoutStatus::Overdue, _) => true,
            (PayoutStatus::Due | PayoutStatus::Failed, Some(due_on)) => due_on < today,
            (PayoutStatus::Failed, None) => true,
            (PayoutStatus::Due, None) => false,
        };
        self.0.iter().filter(late).count() as i64
    }

    /// All remembered payouts, by the hash of their id.
    pub fn iter(&self) -> impl Iterator<Item = &Payout> {
        self.0.iter()
    }
}
