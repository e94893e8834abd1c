//! A conversion: one sale or lead, told again and again as its state changes.

use std::sync::Arc;

use jiff::Timestamp;
use rapport_rule::money::{Currency, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::event::{Event, Payload};
use crate::extra::Extra;
use crate::id::{ConversionId, EventId, PartnerId};
use crate::read;

/// The state of one conversion at one revision. Money is in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Conversion")]
pub struct ConversionData {
    /// The tracker's id of this conversion, unique within the partner.
    pub conversion_id: ConversionId,
    /// What it is now.
    pub status: ConversionStatus,
    /// Counts up with every change; the highest wins. Without it the latest `updated_at` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// When this state was set; the event's own time when missing.
    #[serde(default, deserialize_with = "read::instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub updated_at: Option<Timestamp>,
    /// When the customer bought; the event's own time when missing. Metrics count by this instant.
    #[serde(
        default,
        rename = "occurred_at",
        deserialize_with = "read::instant",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub sold_at: Option<Timestamp>,
    /// The order value in minor units: 12.50 EUR is 1250, 1250 JPY is 1250.
    #[serde(deserialize_with = "read::minor")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000i64))]
    pub amount: i64,
    /// What the partner earns, in minor units of the same currency; 0 when missing.
    #[serde(default, deserialize_with = "read::minor")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000i64))]
    pub commission: i64,
    /// The ISO 4217 code of both amounts.
    #[serde(deserialize_with = "read::currency", serialize_with = "read::write_currency")]
    #[schemars(with = "String", regex(pattern = "^[A-Z]{3}$"))]
    pub currency: Currency,
    /// Whether the customer bought for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// What was bought, at most 500 lines.
    #[serde(default, deserialize_with = "lines", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub lines: Vec<Line>,
    /// The code the customer typed in.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub promo_code: Option<Arc<str>>,
    /// Free marks of the tracker.
    #[serde(default, deserialize_with = "read::words", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Arc<str>>,
    /// Set when the conversion moved: the partner it belonged to before. rapport takes it back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_partner: Option<PartnerId>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a conversion is. The order is that of a conversion's life; of two states with the same revision and time the later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversionStatus {
    /// Seen, not judged.
    Pending,
    /// The advertiser accepts it.
    Approved,
    /// The commission was paid.
    Paid,
    /// Taken back.
    Reversed,
}

impl ConversionStatus {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Paid => "paid",
            Self::Reversed => "reversed",
        }
    }

    /// Approved or, which includes it, paid.
    pub fn is_approved(self) -> bool {
        matches!(self, Self::Approved | Self::Paid)
    }
}

/// Whether a customer is new to the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Customer {
    /// Bought for the first time.
    New,
    /// Bought before.
    Returning,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The article.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub sku: Option<Arc<str>>,
    /// The category of the article.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub category: Option<Arc<str>>,
    /// How many; 1 when missing.
    #[serde(default = "read::one", skip_serializing_if = "read::is_one")]
    pub quantity: u32,
    /// The value of the line in minor units of the order's currency.
    #[serde(default, deserialize_with = "read::minor_maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000_000_000i64))]
    pub amount: Option<i64>,
    /// Fields of the tracker's own.
    #[serde(flatten)]
    pub extra: Extra,
}

fn lines<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let lines = Option::<Vec<Line>>::deserialize(deserializer)?.unwrap_or_default();
    if lines.len() > 500 {
        return Err(serde::de::Error::custom("too_long: an order of more than 500 lines"));
    }
    Ok(lines)
}

impl ConversionData {
    /// The order value.
    pub fn amount(&self) -> Money {
        Money { minor: self.amount, currency: self.currency }
    }

    /// What the partner earns.
    pub fn commission(&self) -> Money {
        Money { minor: self.commission, currency: self.currency }
    }

    /// When the customer bought, by an event told at `event_at`.
    pub fn sold_at(&self, event_at: Timestamp) -> Timestamp {
        self.sold_at.unwrap_or(event_at)
    }

    /// When this state was set, by an event told at `event_at`.
    pub fn updated_at(&self, event_at: Timestamp) -> Timestamp {
        self.updated_at.unwrap_or(event_at)
    }
}

/// Splits the event of a conversion that moved to another partner: first its reversal at the former partner, then the conversion at
/// the new one. Any other event comes back alone, as second.
///
/// The reversal keeps revision and time, and `reversed` is the highest status, so that it wins over what the former partner holds
/// unless that is newer. Its id is derived (`<id>/moved`), so that doing this twice changes nothing.
pub fn moved(mut event: Event) -> (Option<Event>, Event) {
    let Payload::Conversion(data) = &mut event.payload else { return (None, event) };
    let Some(previous) = data.previous_partner.take() else { return (None, event) };
    if previous == event.key.partner || previous.is_everyone() {
        return (None, event);
    }
    let mut reversal = data.clone();
    reversal.status = ConversionStatus::Reversed;
    let mut key = event.key.clone();
    key.partner = previous;
    let reversal = Event {
        id: derived_id(&event.id),
        key,
        kind: event.kind.clone(),
        occurred_at: event.occurred_at,
        payload: Payload::Conversion(reversal),
        person_version: None,
    };
    (Some(reversal), event)
}

fn derived_id(id: &EventId) -> EventId {
    let long = format!("{id}/moved");
    // An id of nearly 200 bytes has no room for the suffix; its hash has.
    EventId::new(&long).unwrap_or_else(|_| {
        let hash = xxhash_rust::xxh3::xxh3_128(long.as_bytes());
        EventId::new(&format!("{hash:032x}/moved")).unwrap_or_else(|_| id.clone())
    })
}
