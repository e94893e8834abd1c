//! An accepted event.

use jiff::Timestamp;

use crate::activity::ActivityData;
use crate::conversion::ConversionData;
use crate::engine::EngineData;
use crate::id::{EventId, PartnerKey};
use crate::kind::Kind;
use crate::partner::PartnerData;

/// Something that happened to or through one partner. Holds no personal field.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The producer's id; the same id twice is the same event.
    pub id: EventId,
    /// Whom it concerns.
    pub key: PartnerKey,
    /// What happened.
    pub kind: Kind,
    /// When it happened, by the producer's clock. A conversion's *sale* has its own time in the payload.
    pub occurred_at: Timestamp,
    /// The particulars.
    pub payload: Payload,
    /// The version of the `person` row in which the personal fields of this event stand, if it brought any.
    pub person_version: Option<i64>,
}

/// The particulars of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Of `partner.*`.
    Partner(Box<PartnerData>),
    /// Of `conversion` and what is derived from it.
    Conversion(Box<ConversionData>),
    /// Of what partners do, custom kinds included.
    Activity(ActivityData),
    /// Of what rapport writes or derives itself.
    Engine(Box<EngineData>),
}

impl Event {
    /// The conversion in it, if it is one.
    pub fn conversion(&self) -> Option<&ConversionData> {
        match &self.payload {
            Payload::Conversion(data) => Some(data),
            _ => None,
        }
    }

    /// The partner's fields in it, if it carries some.
    pub fn partner(&self) -> Option<&PartnerData> {
        match &self.payload {
            Payload::Partner(data) => Some(data),
            _ => None,
        }
    }

    /// The activity in it, if it is one.
    pub fn activity(&self) -> Option<&ActivityData> {
        match &self.payload {
            Payload::Activity(data) => Some(data),
            _ => None,
        }
    }

    /// What rapport wrote, if it did.
    pub fn engine(&self) -> Option<&EngineData> {
        match &self.payload {
            Payload::Engine(data) => Some(data),
            _ => None,
        }
    }
}
