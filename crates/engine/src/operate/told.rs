//! Pauses as the log tells of them, for a play of the record: what a person decided, or rapport itself after complaints, bounces or too
//! much mail within an hour, is nothing that a play could come to again.

use jiff::Timestamp;
use rapport_event::{Event, engine::EngineData};
use rapport_workflow::Rulebook;

use super::{ITSELF, Subject, begins, ends};
use crate::{
    ports::{
        operating::Operation,
        rows::MessageRow,
        store::{Store, StoreError},
    },
    reputation::burst_told,
};

/// A pause that began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldPause {
    subject: Subject,
    /// Why it began; none when it ended.
    because: Option<String>,
    by: String,
    at: Timestamp,
}

impl ToldPause {
    /// What the record tells of a pause; none for every other record.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let Some(EngineData::Command(data)) = event.engine() else { return None };
        let subject = match data.extra.get("subject")?.as_str()? {
            "all" => Subject::All,
            "incident" => Subject::Incident,
            other => match other.split_once(':')? {
                ("workflow", workflow) => Subject::Workflow(workflow.to_owned()),
                ("provider", both) => {
                    let (workflow, provider) = both.rsplit_once(':')?;
                    Subject::Provider { workflow: workflow.to_owned(), provider: provider.to_owned() }
                }
                ("partner", _) => Subject::Partner(event.key.clone()),
                _ => return None,
            },
        };
        let (begin, end) = subject.actions();
        let begun = &*data.command == begin;
        if !begun && &*data.command != end {
            return None;
        }
        Some(Self {
            subject,
            because: begun.then(|| data.because.as_deref().unwrap_or_default().to_owned()),
            by: data.by.as_deref().unwrap_or_default().to_owned(),
            at: event.occurred_at,
        })
    }

    /// Which change it is, however often it is told: every shard hears of it.
    #[must_use]
    pub fn id(&self) -> (Timestamp, String, bool) {
        (self.at, self.subject.id(), self.because.is_some())
    }

    /// Whether it began; else it ended.
    #[must_use]
    pub const fn is_begun(&self) -> bool {
        self.because.is_some()
    }

    /// When: live at that instant, whenever the log was told.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether the other one is its end, or that of an earlier one of the same.
    #[must_use]
    pub fn is_ended_by(&self, other: &Self) -> bool {
        self.subject == other.subject && !other.is_begun()
    }

    /// Whether mail of this kind waits for it; of a stop with one provider, mail to other providers as well.
    #[must_use]
    pub fn covers(&self, message: &MessageRow) -> bool {
        self.subject.scope().covers(message)
    }

    /// The limit of mails within an hour that rapport stopped a workflow at; none for every other pause, and for every end.
    #[must_use]
    pub fn burst(&self) -> Option<u32> {
        let because = self.because.as_deref().filter(|_| self.by == ITSELF)?;
        matches!(self.subject, Subject::Workflow(_)).then(|| burst_told(because)).flatten()
    }

    /// Carries it out once more, without the records of it: they are told beside. It lasts until its end is told, for whoever or
    /// whatever ended it has left a record.
    ///
    /// # Errors
    /// The database.
    pub async fn carry_out(&self, store: &dyn Store, rulebook: Option<&Rulebook>) -> Result<(), StoreError> {
        let operation = match &self.because {
            Some(because) => begins(1, &self.subject, None, (&self.by, because), self.at),
            None => ends(1, &self.subject, rulebook, &self.by, self.at, false),
        };
        store.operate(&Operation { outbox: Vec::new(), ..operation }).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use rapport_event::{PartnerKey, decode_record};

    use super::*;

    #[test]
    fn every_pause_is_read_from_the_records_it_left() {
        let at: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let key = PartnerKey::new("acme", "ada-1").unwrap();
        let provider = Subject::Provider { workflow: "welcome".into(), provider: "google".into() };
        for subject in
            [Subject::All, Subject::Incident, Subject::Workflow("welcome".into()), provider, Subject::Partner(key)]
        {
            let begun = begins(2, &subject, None, ("ines", "prices are wrong"), at);
            let ended = ends(2, &subject, None, "ines", at, false);
            for (operation, because) in [(begun, Some("prices are wrong")), (ended, None)] {
                assert!(!operation.outbox.is_empty());
                for row in operation.outbox {
                    let told = ToldPause::of(&decode_record(&row.value).unwrap()).unwrap();
                    assert_eq!((&told.subject, told.because.as_deref()), (&subject, because));
                    assert_eq!((&*told.by, told.at), ("ines", at));
                }
            }
        }
    }

    #[test]
    fn a_stop_at_the_limit_of_an_hour_is_told_from_what_people_do() {
        let at: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let workflow = || Subject::Workflow("welcome".into());
        let stopped = crate::reputation::burst_because(500);
        for (subject, by, because, limit) in [
            (workflow(), ITSELF, &*stopped, Some(500)),
            (workflow(), "ines", &*stopped, None),
            (workflow(), ITSELF, "more than we like", None),
            (Subject::All, ITSELF, &*stopped, None),
        ] {
            let begun = begins(1, &subject, None, (by, because), at);
            let ended = ends(1, &subject, None, by, at, false);
            let told =
                |operation: Operation| ToldPause::of(&decode_record(&operation.outbox[0].value).unwrap()).unwrap();
            assert_eq!(told(begun).burst(), limit, "{subject:?} {by} {because}");
            assert_eq!(told(ended).burst(), None);
        }
    }

    #[test]
    fn a_command_to_a_journey_is_no_pause() {
        let key = PartnerKey::new("acme", "ada").unwrap();
        let at = Timestamp::UNIX_EPOCH;
        for (name, subject) in [("journey_stop", "welcome"), ("journey_stop", "workflow:welcome"), ("release", "all")] {
            let command = crate::records::Command { name, subject, by: "ines", because: None, until: None, at };
            assert_eq!(ToldPause::of(&command.about(key.clone())), None, "{name} {subject}");
        }
    }
}
