//! Records that say what a partner wished, on their way to the log.

use jiff::Timestamp;
use rapport_engine::{
    ports::store::{Store, StoreError, SuppressionChange, UNSUBSCRIBED},
    records::{derived_id, outbox},
};
use rapport_event::{
    ActivityData, EngineData, Event, Extra, Kind, PartnerKey, Payload, activity::SurveyData, engine::ContactData,
    shard_of,
};

/// An opting out of or into a topic; `None` is every topic. `id` says what was wished, so that a repeat is the same event.
pub(super) fn contact(
    id: &str,
    key: &PartnerKey,
    kind: Kind,
    topic: Option<&str>,
    message: Option<&str>,
    at: Timestamp,
) -> Event {
    let data = ContactData {
        topic: topic.map(Into::into),
        reason: Some(UNSUBSCRIBED.into()),
        message: message.map(Into::into),
        extra: Extra::NONE,
    };
    event(id, key, kind, at, Payload::Engine(Box::new(EngineData::Contact(data))))
}

/// An answer to the survey of a mail.
pub(super) fn answer(key: &PartnerKey, message: &str, survey: &str, choice: &str, at: Timestamp) -> Event {
    let data = SurveyData {
        survey: survey.into(),
        answer: Some(choice.into()),
        score: None,
        reason: None,
        comment: None,
        extra: Extra::NONE.with("message", message),
    };
    // With the minute: a click that comes twice is one answer, one that is taken back and given again is the last word.
    let minute = at.as_second().div_euclid(60);
    let id = format!("survey.answered:{message}:{choice}:{minute}");
    event(&id, key, Kind::SurveyAnswered, at, Payload::Activity(ActivityData::Survey(Box::new(data))))
}

fn event(id: &str, key: &PartnerKey, kind: Kind, occurred_at: Timestamp, payload: Payload) -> Event {
    Event { id: derived_id(id), key: key.clone(), kind, occurred_at, payload, person_version: None }
}

/// Changes suppressions and puts the records into the outbox, in one transaction; a record that still waits there stays.
pub(super) async fn send(
    store: &dyn Store,
    shards: u32,
    changes: &[SuppressionChange],
    events: Vec<Event>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = events.into_iter().map(|event| outbox(shard_of(&event.key, shards), event)).collect();
    store.change_suppressions(changes, &rows).await
}

#[cfg(test)]
mod tests {
    use rapport_event::{decode_record, encode};

    use super::*;

    #[test]
    fn the_records_are_read_back_from_the_log_as_they_were() {
        let key = PartnerKey::new("default", "p1").unwrap();
        let at = Timestamp::from_second(1_800_000_000).unwrap();
        let out = contact("id", &key, Kind::ContactOptedOut, Some("news"), Some("m"), at);
        assert_eq!(decode_record(&encode(&out)).unwrap(), out);
        let answer = answer(&key, "m", "motivation", "income", at);
        assert_eq!(decode_record(&encode(&answer)).unwrap(), answer);
    }
}
