//! One conversion: a state machine whose state is the maximum of everything told about it.

use std::cmp::Ordering;
use std::sync::Arc;

use jiff::Timestamp;
use rapport_event::Event;
use rapport_event::id::EventId;
use rapport_event::{ConversionData, ConversionStatus, Customer, Kind};

use crate::fold::FoldContext;

/// What is known of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionState {
    /// What it is.
    pub status: ConversionStatus,
    /// The tracker's count of changes.
    pub revision: Option<u64>,
    /// When that state was set.
    pub updated_at: Timestamp,
    /// When the customer bought. Metrics count on this day.
    pub sold_at: Timestamp,
    /// The order value in minor units of the programme's currency; 0 when not priced.
    pub amount: i64,
    /// What the partner earns, likewise.
    pub commission: i64,
    /// Whether the amounts are known in the programme's currency.
    pub priced: bool,
    /// Whether the customer was new, where it is known.
    pub new_customer: Option<bool>,
    /// The article of the largest order line.
    pub product: Option<Arc<str>>,
    /// The category of the largest order line.
    pub category: Option<Arc<str>>,
    /// What has been told to workflows already.
    pub told: Told,
    /// When the event that came first had happened; of repeated ones the earliest.
    pub first_told_at: Timestamp,
}

/// Which kinds a conversion has caused; each comes at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told(pub(crate) u8);

impl Told {
    const RECORDED: u8 = 1;
    const APPROVED: u8 = 2;
    const REVERSED: u8 = 4;
    const PAID: u8 = 8;
    /// Set for a conversion that came as reversed first: it is never `recorded`.
    const BORN_REVERSED: u8 = 16;

    const fn kinds() -> [(u8, Kind); 4] {
        [
            (Self::RECORDED, Kind::ConversionRecorded),
            (Self::APPROVED, Kind::ConversionApproved),
            (Self::PAID, Kind::ConversionPaid),
            (Self::REVERSED, Kind::ConversionReversed),
        ]
    }

    /// The kinds, in the order of a conversion's life.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Self::kinds().into_iter().filter(move |(bit, _)| self.0 & bit != 0).map(|(_, kind)| kind)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether this kind is among them.
    pub fn has(self, kind: &Kind) -> bool {
        self.iter().any(|told| told == *kind)
    }
}

/// What one telling changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The conversion from now on.
    pub state: ConversionState,
    /// Before and after, unless nothing changed.
    pub difference: Difference,
    /// The kinds that became true by it, for the first time.
    pub became: Told,
}

/// What counted before and what counts now. `None` is a conversion not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// Before; none for a new conversion.
    pub before: Option<ConversionState>,
    /// Whether anything that counts is different now.
    pub changed: bool,
}

impl ConversionState {
    /// What an event says about a conversion, as if nothing else had been said.
    pub fn told_by(data: &ConversionData, event_at: Timestamp, context: &FoldContext<'_>) -> ConversionState {
        let sold_at = data.sold_at(event_at);
        let sold_on = crate::day::of(sold_at, context.zone);
        let valued = |minor: i64| context.rates.convert(minor, data.currency, context.currency, sold_on);
        let valued = valued(data.amount).zip(valued(data.commission));
        let (amount, commission) = valued.unwrap_or((0, 0));
        let largest = data.lines.iter().max_by(|one, two| one.amount.unwrap_or(0).cmp(&two.amount.unwrap_or(0)));
        ConversionState {
            status: data.status,
            revision: data.revision,
            updated_at: data.updated_at(event_at),
            sold_at,
            amount,
            commission,
            priced: valued.is_some(),
            new_customer: data.customer.map(|customer| customer == Customer::New),
            product: largest.and_then(|line| line.sku.clone()),
            category: largest.and_then(|line| line.category.clone()),
            told: Told::default(),
            first_told_at: event_at,
        }
    }

    /// By what one telling wins over another: the revision, without one the time of the change, then the status. The rest only makes
    /// the order total, so that contradictory tellings end the same whatever their order.
    fn rank(&self, other: &Self) -> Ordering {
        let by_time = |state: &Self| if state.revision.is_none() { Some(state.updated_at) } else { None };
        self.revision
            .cmp(&other.revision)
            .then_with(|| by_time(self).cmp(&by_time(other)))
            .then_with(|| self.status.cmp(&other.status))
            .then_with(|| self.updated_at.cmp(&other.updated_at))
            .then_with(|| (self.sold_at, self.priced, self.amount).cmp(&(other.sold_at, other.priced, other.amount)))
            .then_with(|| (self.commission, self.new_customer).cmp(&(other.commission, other.new_customer)))
            .then_with(|| (&self.product, &self.category).cmp(&(&other.product, &other.category)))
    }

    /// Takes in what a telling says.
    pub fn merge(before: Option<&ConversionState>, told: ConversionState) -> Merged {
        let (mut state, changed) = match before {
            None => (told, true),
            Some(before) => {
                let newer = told.rank(before) == Ordering::Greater;
                let first_told_at = before.first_told_at.min(told.first_told_at);
                let flags = before.told;
                let chosen = if newer { told } else { before.clone() };
                (ConversionState { told: flags, first_told_at, ..chosen }, newer)
            }
        };
        let mut flags = state.told.0;
        if before.is_none() {
            flags |= if state.status == ConversionStatus::Reversed { Told::BORN_REVERSED } else { Told::RECORDED };
        }
        flags |= match state.status {
            ConversionStatus::Pending => 0,
            ConversionStatus::Approved => Told::APPROVED,
            // What is paid was approved, whether or not anybody said so.
            ConversionStatus::Paid => Told::APPROVED | Told::PAID,
            ConversionStatus::Reversed => Told::REVERSED,
        };
        let became = Told(flags & !state.told.0);
        state.told = Told(flags);
        Merged { state, difference: Difference { before: before.cloned(), changed }, became }
    }

    /// Whether it counts as recorded.
    pub fn is_recorded(&self) -> bool {
        self.status != ConversionStatus::Reversed
    }
}

/// The event a workflow sees when a conversion's telling made a kind true: the same particulars under that kind, with an id that is
/// the same however often it is derived.
pub fn derived(event: &Event, kind: Kind) -> Event {
    let id = match event.conversion() {
        Some(data) => format!("{kind}/{}", data.conversion_id),
        None => format!("{kind}/{}", event.id),
    };
    // An id of nearly 200 bytes has no room for the kind; the event's own id then stands for it.
    Event { id: EventId::new(&id).unwrap_or_else(|_| event.id.clone()), kind, ..event.clone() }
}
