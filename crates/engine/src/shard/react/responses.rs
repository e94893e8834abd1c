//! What a partner did about a mail, where the record says which mail.

use rapport_event::{ActivityData, EngineData, Event, Kind, Payload};

use crate::ports::rows::{Response, ResponseRow};

/// The row of this record. What a machine answered is no reply, and a click of somebody who objects to being judged by figures, by an
/// objection that came between the click and its record, is not counted.
pub(super) fn of(event: &Event, objects: bool) -> Option<ResponseRow> {
    let (what, message) = match &event.payload {
        Payload::Activity(ActivityData::Mail(mail)) if mail.is_reply() => {
            (Response::Reply, mail.in_reply_to.as_deref()?)
        }
        Payload::Activity(ActivityData::Survey(survey)) => (Response::Answer, survey.extra.get("message")?.as_str()?),
        Payload::Engine(data) => match &**data {
            EngineData::Contact(contact) if event.kind == Kind::ContactOptedOut => {
                (Response::Unsubscribe, contact.message.as_deref()?)
            }
            EngineData::Outcome(outcome) if event.kind == Kind::MessageClicked && !objects => {
                (Response::Click, &*outcome.message)
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(ResponseRow { key: event.key.clone(), message: message.to_owned(), what, at: event.occurred_at })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rapport_event::{
        Extra, PartnerKey,
        activity::{MailData, SurveyData},
        engine::{ContactData, OutcomeData},
    };

    use super::*;

    fn told(kind: Kind, payload: Payload) -> Option<(Response, String)> {
        told_of(kind, payload, false)
    }

    fn told_of(kind: Kind, payload: Payload, objects: bool) -> Option<(Response, String)> {
        let (key, occurred_at) = (PartnerKey::new("shop", "ada").unwrap(), Timestamp::UNIX_EPOCH);
        let id = rapport_event::id::EventId::new("e").unwrap();
        let event = Event { id, key, kind, occurred_at, payload, person_version: None };
        of(&event, objects).map(|row| (row.what, row.message))
    }

    fn mail(auto_submitted: Option<&str>, in_reply_to: Option<&str>) -> Option<(Response, String)> {
        let data = MailData {
            auto_submitted: auto_submitted.map(Into::into),
            in_reply_to: in_reply_to.map(Into::into),
            ..MailData::default()
        };
        told(Kind::MailReceived, Payload::Activity(ActivityData::Mail(Box::new(data))))
    }

    #[test]
    fn what_a_person_does_about_a_mail_is_noted() {
        let noted = |what| Some((what, "m".to_owned()));
        assert_eq!(mail(None, Some("m")), noted(Response::Reply));
        assert_eq!(mail(Some("auto-replied"), Some("m")), None);
        assert_eq!(mail(None, None), None);
        let answer = |extra: Extra| {
            let data = SurveyData {
                survey: "s".into(),
                answer: Some("yes".into()),
                score: None,
                out_of: None,
                reason: None,
                comment: None,
                extra,
            };
            told(Kind::SurveyAnswered, Payload::Activity(ActivityData::Survey(Box::new(data))))
        };
        assert_eq!(answer(Extra::NONE.with("message", "m")), noted(Response::Answer));
        assert_eq!(answer(Extra::NONE.with("message", 7)), None);
        assert_eq!(answer(Extra::NONE), None);
        let contact = |kind| {
            let data = ContactData { message: Some("m".into()), ..ContactData::default() };
            told(kind, Payload::Engine(Box::new(EngineData::Contact(data))))
        };
        assert_eq!(contact(Kind::ContactOptedOut), noted(Response::Unsubscribe));
        assert_eq!(contact(Kind::ContactOptedIn), None);
        assert_eq!(contact(Kind::ContactSuppressed), None);
        let outcome = |kind| {
            let data = OutcomeData { message: "m".into(), ..OutcomeData::default() };
            told(kind, Payload::Engine(Box::new(EngineData::Outcome(data))))
        };
        assert_eq!(outcome(Kind::MessageClicked), noted(Response::Click));
        assert_eq!(outcome(Kind::MessageSent), None);
    }

    #[test]
    fn clicks_of_those_who_object_are_not_counted_and_what_they_say_is() {
        let data = OutcomeData { message: "m".into(), ..OutcomeData::default() };
        let clicked = Payload::Engine(Box::new(EngineData::Outcome(data)));
        assert_eq!(told_of(Kind::MessageClicked, clicked, true), None);
        let mail = MailData { in_reply_to: Some("m".into()), ..MailData::default() };
        let replied = Payload::Activity(ActivityData::Mail(Box::new(mail)));
        assert_eq!(told_of(Kind::MailReceived, replied, true), Some((Response::Reply, "m".to_owned())));
    }
}
