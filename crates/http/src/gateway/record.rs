//! Records that say what a partner wished, on their way to the log.

use jiff::Timestamp;
use rapport_engine::{
    ingest::person_row,
    personal::SAID,
    ports::{
        rows::PersonRow,
        store::{Store, StoreError, SuppressionChange, UNSUBSCRIBED},
    },
    records::{derived_id, outbox},
};
use rapport_event::{
    ActivityData, EngineData, Event, Extra, Kind, PartnerData, PartnerKey, Payload, activity::SurveyData,
    engine::ContactData, shard_of,
};
use rapport_workflow::Survey;
use serde_json::json;

use super::survey::Given;

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

/// What a partner chose about their mails, and the version of their fields it is kept as. It is told like any other change of a
/// partner, under names of its own: what trackers tell later stands beside it, not over it.
pub(super) fn wish(id: &str, key: &PartnerKey, chosen: Extra, at: Timestamp) -> (Event, PersonRow) {
    let data = PartnerData { extra: chosen, ..PartnerData::default() };
    let mut event = event(id, key, Kind::PartnerUpdated, at, Payload::Partner(Box::new(data)));
    let person = person_row(&event, None);
    event.person_version = Some(person.version);
    (event, person)
}

/// An answer to the survey of a mail.
pub(super) struct Answered<'a> {
    /// Whose it is.
    pub key: &'a PartnerKey,
    /// The mail.
    pub message: &'a str,
    /// The survey's id.
    pub survey: &'a str,
    /// The survey, if the files still have it.
    pub declared: Option<&'a Survey>,
    /// What was answered.
    pub given: &'a Given,
    /// When the page was made that it was sent from, where that is known.
    pub shown: Option<Timestamp>,
}

/// The record of an answer, and the personal fields with what was written: words are never in a record.
pub(super) fn answer(answered: &Answered<'_>, at: Timestamp) -> (Event, Option<PersonRow>) {
    let Answered { key, message, survey, declared, given, shown } = answered;
    let choice = given.choice.as_str();
    // A choice of before the survey had scores is none.
    let scores = declared.filter(|survey| survey.has_answer(choice)).and_then(|survey| survey.kind.scores());
    let score: Option<u8> = scores.and_then(|_| choice.parse().ok());
    let mut data = SurveyData {
        survey: (*survey).into(),
        answer: Some(choice.into()),
        score: score.map(f64::from),
        out_of: score.and(scores).map(|(_, highest)| f64::from(highest)),
        reason: None,
        comment: None,
        extra: Extra::NONE.with("message", *message),
    };
    let name = declared.and_then(|survey| survey.answer_field.as_deref());
    match (name, score) {
        // A field that every answer may have.
        (Some("reason"), _) => data.reason = Some(choice.into()),
        (Some(name), Some(score)) => data.extra.insert(name, score),
        (Some(name), None) => data.extra.insert(name, choice),
        (None, _) => {}
    }
    // By the page: what is sent from it twice, also when the page is loaded again later, is one answer; one that is taken back and
    // given again comes from a page that was opened anew, and is the last word. Without a page by the minute.
    let once = shown.map_or_else(|| at.as_second().div_euclid(60), Timestamp::as_millisecond);
    let id = format!("survey.answered:{message}:{choice}:{once}");
    let mut event = event(&id, key, Kind::SurveyAnswered, at, Payload::Activity(ActivityData::Survey(Box::new(data))));
    // Who writes nothing this time takes back what was written with the answer before.
    let words = declared.filter(|survey| survey.takes_words()).map(|_| given.words.as_deref().unwrap_or_default());
    let person = name.zip(words).map(|(name, words)| PersonRow {
        key: (*key).clone(),
        // An old page that is sent again does not write over what came from a newer one.
        version: shown.unwrap_or(at).as_millisecond(),
        address: None,
        fields: json!({ (format!("{SAID}{name}")): words }).to_string(),
    });
    event.person_version = person.as_ref().map(|person| person.version);
    (event, person)
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
        let chosen = Extra::NONE.with("chosen_language", "de").with("paused_until", "2027-01-15T08:00:00Z");
        let (wish, person) = wish("id", &key, chosen, at);
        assert_eq!(decode_record(&encode(&wish)).unwrap(), wish);
        assert_eq!(person.fields, r#"{"chosen_language":"de","paused_until":"2027-01-15T08:00:00Z"}"#);
        let shipped = rapport_workflow::compile(&rapport_shipped::sources()).0.unwrap();
        for (survey, choice, words) in [
            ("motivation", "income", None),
            ("what-happened", "holiday", None),
            ("nps", "10", Some("It pays")),
            ("gone", "x", None),
        ] {
            let given = Given { choice: choice.into(), words: words.map(str::to_owned) };
            let declared = shipped.surveys.get(survey);
            let answered = Answered { key: &key, message: "m", survey, declared, given: &given, shown: None };
            let (answer, person) = answer(&answered, at);
            let bytes = encode(&answer);
            assert_eq!(decode_record(&bytes).unwrap(), answer);
            assert!(!String::from_utf8_lossy(&bytes).contains("It pays"), "words are personal");
            assert_eq!(person.as_ref().map(|person| person.version), answer.person_version);
            assert_eq!(person.is_some(), words.is_some(), "{survey}");
        }
    }

    #[test]
    fn what_one_page_sends_is_one_answer_and_a_page_opened_later_has_the_last_word() {
        let key = PartnerKey::new("default", "p1").unwrap();
        let shipped = rapport_workflow::compile(&rapport_shipped::sources()).0.unwrap();
        let second = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let given = Given { choice: "9".into(), words: Some("It pays".into()) };
        let send = |shown: Option<i64>, at: i64| {
            let shown = shown.map(second);
            let declared = shipped.surveys.get("nps");
            let answered = Answered { key: &key, message: "m", survey: "nps", declared, given: &given, shown };
            let (event, person) = answer(&answered, second(at));
            (event.id.clone(), person.unwrap().version)
        };
        assert_eq!(send(Some(0), 5), send(Some(0), 300), "sent again minutes later");
        let (first, later) = (send(Some(0), 5), send(Some(20), 25));
        assert!(first.0 != later.0 && later.1 > first.1, "{first:?} {later:?}");
        assert_eq!(send(None, 5).0, send(None, 59).0);
        assert_ne!(send(None, 5).0, send(None, 65).0);
        // Scores are whole, and said so.
        let declared = shipped.surveys.get("nps");
        let answered = Answered { key: &key, message: "m", survey: "nps", declared, given: &given, shown: None };
        let record = String::from_utf8(encode(&answer(&answered, second(0)).0)).unwrap();
        assert!(record.contains("\"recommendation\":9") && !record.contains("\"recommendation\":9."), "{record}");
    }

    #[test]
    fn a_choice_of_before_a_survey_had_scores_is_no_score() {
        let key = PartnerKey::new("default", "p1").unwrap();
        let shipped = rapport_workflow::compile(&rapport_shipped::sources()).0.unwrap();
        let given = Given { choice: "11".into(), words: None };
        let declared = shipped.surveys.get("nps");
        let answered = Answered { key: &key, message: "m", survey: "nps", declared, given: &given, shown: None };
        let (event, _) = answer(&answered, Timestamp::UNIX_EPOCH);
        let Payload::Activity(ActivityData::Survey(data)) = event.payload else { panic!("an answer") };
        assert_eq!((data.answer.as_deref(), data.score, data.out_of), (Some("11"), None, None));
    }
}
