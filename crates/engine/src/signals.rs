//! What other systems hear of: signals, moments and what workflows emit, as CloudEvents.
//!
//! They go through the outbox in the commit that raised them, and from there to the topic `rapport.signals`: at least once,
//! the id the same each time, in order for each partner.

use rapport_event::{Event, PartnerKey, kind::Family};
use rapport_journey::EventSnapshot;
use serde_json::{Value, json};

use crate::{
    ports::rows::{OutboxRow, Target},
    records,
};

/// Something raised while folding.
#[derive(Debug, Clone)]
pub enum Told {
    /// A signal, a moment, or what became of a goal's proposal.
    Event(Event),
    /// Emitted by a workflow's step.
    Emitted(PartnerKey, EventSnapshot),
}

impl Told {
    /// The event, if other systems are to hear of it: what is derived from conversions is not news to those who sent them.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        matches!(event.kind.family(), Family::Signal | Family::Moment | Family::Agreement)
            .then(|| Self::Event(event.clone()))
    }

    /// The row for the relay.
    #[must_use]
    pub fn outbox(&self, shard: u32) -> OutboxRow {
        let (key, id, cloud_event) = match self {
            Self::Event(event) => {
                let data = event.engine().and_then(|data| serde_json::to_value(data).ok()).unwrap_or_default();
                let id = identity(&event.key, event.id.as_str());
                let told = cloud_event(&event.key, &id, &event.kind.name(), &event.occurred_at.to_string(), data);
                (&event.key, id, told)
            }
            Self::Emitted(key, snapshot) => {
                let id = identity(key, &snapshot.id);
                let at = snapshot.occurred_at.to_string();
                (key, id.clone(), cloud_event(key, &id, &snapshot.kind, &at, snapshot.payload.clone()))
            }
        };
        OutboxRow {
            target: Target::Signals,
            event_id: format!("signal:{id}"),
            shard,
            key: key.to_string().into_bytes(),
            value: cloud_event.to_string().into_bytes(),
        }
    }
}

/// Unique beyond the partner, and no longer than an id may be.
fn identity(key: &PartnerKey, id: &str) -> String {
    records::derived_id(&format!("{key}:{id}")).as_str().to_owned()
}

fn cloud_event(key: &PartnerKey, id: &str, kind: &str, at: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/rapport/{}", key.program),
        "type": kind,
        "subject": key.partner.as_str(),
        "time": at,
        "datacontenttype": "application/json",
        "program": key.program.as_str(),
        "partner": key.partner.as_str(),
        "data": data,
    })
}
