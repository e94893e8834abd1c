//! The contract: what rapport accepts from the outside, and the shape in which it keeps it.
//!
//! Start at [`decode`]: bytes and headers of any origin become a [`Decoded`] event or a [`Rejection`] with a stable code, whatever
//! the bytes are. [`encode`] writes the record of `rapport.events`; [`decode_record`] reads it back. [`kind::CATALOGUE`] is the one
//! list of everything that can happen; [`contract::documents`] publishes it as JSON Schemas and an AsyncAPI document.
//!
//! # What holds
//! - No bytes make [`decode`] panic, recurse without bound or allocate more than a small multiple of their length.
//! - Personal fields leave [`decode`] beside the event, never inside it: nothing in an [`Event`] but ids and facts.
//! - The shard of a partner is a function of its key and the number of shards alone ([`shard_of`]), fixed by published vectors.
//! - Rejection codes and kind names are stable: they stand in tables, logs and other people's files.
//!
//! # What this crate does not know
//! Kafka, HTTP, the clock (`now` is an argument), partners' states, and what a workflow is.

pub mod activity;
pub mod clean;
pub mod contract;
pub mod conversion;
pub mod custom;
mod decode;
mod encode;
pub mod engine;
mod envelope;
pub mod event;
pub mod extra;
pub mod facts;
pub mod id;
pub mod kind;
pub mod partner;
pub mod personal;
mod read;
pub mod reject;
pub mod wire;
mod words;

pub use activity::ActivityData;
pub use conversion::{ConversionData, ConversionStatus, Customer, Line, moved};
pub use custom::{CustomField, CustomKinds};
pub use decode::{Decoded, Limits, YEARS, decode, decode_record, decode_with};
pub use encode::{encode, encode_into};
pub use engine::EngineData;
pub use event::{Event, Payload};
pub use extra::Extra;
pub use facts::FieldType;
pub use id::{ConversionId, EventId, PartnerId, PartnerKey, ProgramId, shard_of};
pub use kind::{Kind, Origin};
pub use partner::PartnerData;
pub use personal::PersonalData;
pub use reject::{RejectCode, Rejection};
pub use wire::{Headers, SourcePosition, Stamp};
