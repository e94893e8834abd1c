//! A partner's fields: last-writer-wins by event time, each on its own.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rapport_event::{Event, Kind, PartnerData, PartnerId};
use serde_json::Value;

/// Where a partner stands with the programme; of two tellings of one instant the later variant holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Status {
    /// Nothing was said yet; the first event of any kind creates a partner so.
    #[default]
    Unknown = 0,
    /// Applied, not judged.
    Applied = 1,
    /// Approved.
    Active = 2,
    /// Suspended.
    Suspended = 3,
    /// Turned down.
    Rejected = 4,
    /// Left or removed.
    Closed = 5,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 6] =
        [Status::Unknown, Status::Applied, Status::Active, Status::Suspended, Status::Rejected, Status::Closed];

    /// The word in workflows.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Unknown => "unknown",
            Status::Applied => "applied",
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Rejected => "rejected",
            Status::Closed => "closed",
        }
    }

    /// The status with this word.
    pub fn parse(word: &str) -> Option<Status> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The status a kind of event sets.
    pub fn set_by(kind: &Kind) -> Option<Status> {
        match kind {
            Kind::PartnerJoined => Some(Status::Applied),
            Kind::PartnerApproved => Some(Status::Active),
            Kind::PartnerSuspended => Some(Status::Suspended),
            Kind::PartnerRejected => Some(Status::Rejected),
            Kind::PartnerClosed => Some(Status::Closed),
            _ => None,
        }
    }
}

/// A value and when it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The value; none when it was never set or taken away.
    pub value: Option<T>,
    /// The event time of the telling that holds; the beginning of time when there was none.
    pub at: Timestamp,
}

impl<T> Default for Stored<T> {
    fn default() -> Self {
        Stored { value: None, at: Timestamp::MIN }
    }
}

impl<T: Ord> Stored<T> {
    /// Takes in a telling. The later one holds; of two of one instant the greater value, so that order does not matter.
    pub fn tell(&mut self, value: Option<T>, at: Timestamp) {
        if (at, &value) > (self.at, &self.value) {
            *self = Stored { value, at };
        }
    }

    /// The value.
    pub fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

/// An agreement to marketing mail, or that it was taken back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consent {
    /// When it was given or taken back.
    pub time: Timestamp,
    /// Whether it stands.
    pub given: bool,
    /// Where.
    pub source: Option<Arc<str>>,
    /// To which wording.
    pub wording: Option<Arc<str>>,
}

/// What is stored of a partner, nothing personal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// Where the partner stands.
    pub status: Stored<Status>,
    /// IANA time zone.
    pub zone: Stored<Arc<str>>,
    /// Language of mails.
    pub language: Stored<Arc<str>>,
    /// ISO country.
    pub country: Stored<Arc<str>>,
    /// Sort of partner.
    pub partner_type: Stored<Arc<str>>,
    /// Sender id of who looks after them.
    pub manager: Stored<Arc<str>>,
    /// Tags, sorted.
    pub tags: Stored<Vec<Arc<str>>>,
    /// Who brought them.
    pub referred_by: Stored<PartnerId>,
    /// Whether they object to being judged by figures.
    pub objects_to_profiling: Stored<bool>,
    /// Agreement to marketing mail.
    pub consent: Stored<Consent>,
    /// When they applied.
    pub joined_at: Stored<Timestamp>,
    /// When they were approved.
    pub approved_at: Stored<Timestamp>,
    /// Last day of their contract.
    pub contract_ends: Stored<Date>,
    /// Further fields by name, as compact JSON, sorted by name.
    pub custom: Vec<(Arc<str>, Stored<Box<str>>)>,
}

/// How many further fields are kept; more are not taken in.
pub const CUSTOM_MAX: usize = 64;

/// The further field with the language a partner chose, which goes before the one trackers tell.
pub const CHOSEN_LANGUAGE: &str = "chosen_language";
/// The further field with how often a partner wants marketing mail at most; any other word is as often as there is some.
pub const CHOSEN_PACE: &str = "chosen_pace";
/// The further field with since when a partner wants a time without marketing mail.
pub const PAUSED_FROM: &str = "paused_from";
/// The further field with until when.
pub const PAUSED_UNTIL: &str = "paused_until";

/// What partners say themselves about their mails: kept however many further fields there are.
const CHOICES: [&str; 4] = [CHOSEN_LANGUAGE, CHOSEN_PACE, PAUSED_FROM, PAUSED_UNTIL];

/// The further field that holds why a partner was suspended, rejected or closed.
pub const LEAVING_REASON: &str = "leaving_reason";

impl Profile {
    /// Where the partner stands.
    pub fn status(&self) -> Status {
        self.status.value.unwrap_or_default()
    }

    /// Whether nothing may be judged of them by figures (Article 21 of the GDPR).
    pub fn objects_to_profiling(&self) -> bool {
        self.objects_to_profiling.value.unwrap_or_default()
    }

    /// Takes in an event of `partner.*`.
    pub fn tell(&mut self, event: &Event, data: &PartnerData) {
        let at = event.occurred_at;
        if let Some(status) = Status::set_by(&event.kind) {
            self.status.tell(Some(status), at);
        }
        match event.kind {
            Kind::PartnerJoined => self.joined_at.tell(Some(data.joined_at.unwrap_or(at)), at),
            Kind::PartnerApproved => self.approved_at.tell(Some(data.approved_at.unwrap_or(at)), at),
            _ => {}
        }
        fn text(field: &mut Stored<Arc<str>>, told: Option<&Arc<str>>, at: Timestamp) {
            if let Some(told) = told {
                field.tell(Some(told.clone()), at);
            }
        }
        text(&mut self.language, data.language.as_ref(), at);
        text(&mut self.country, data.country.as_ref(), at);
        text(&mut self.partner_type, data.partner_type.as_ref(), at);
        text(&mut self.manager, data.manager.as_ref(), at);
        if let Some(zone) = &data.zone {
            self.zone.tell(Some(Arc::from(&**zone)), at);
        }
        if let Some(tags) = &data.tags {
            let mut tags = tags.clone();
            tags.sort();
            tags.dedup();
            self.tags.tell(Some(tags), at);
        }
        if let Some(referrer) = data.referred_by.as_ref().filter(|referrer| !referrer.is_everyone()) {
            self.referred_by.tell(Some(referrer.clone()), at);
        }
        if let Some(objects) = data.objects_to_profiling {
            self.objects_to_profiling.tell(Some(objects), at);
        }
        if let Some(consent) = &data.consent {
            let consent = Consent {
                time: consent.time.unwrap_or(at),
                given: consent.given,
                source: consent.source.clone(),
                wording: consent.wording.clone(),
            };
            self.consent.tell(Some(consent), at);
        }
        if let Some(joined) = data.joined_at {
            self.joined_at.tell(Some(joined), at);
        }
        if let Some(approved) = data.approved_at {
            self.approved_at.tell(Some(approved), at);
        }
        if let Some(ends) = data.contract_ends {
            self.contract_ends.tell(Some(ends), at);
        }
        for (name, value) in data.extra.iter() {
            self.set(name, value, at);
        }
        // Of one who comes back it is no longer why they left.
        match (&event.kind, &data.reason) {
            (Kind::PartnerClosed | Kind::PartnerSuspended | Kind::PartnerRejected, Some(reason)) => {
                self.set(LEAVING_REASON, &Value::from(&**reason), at);
            }
            (Kind::PartnerApproved, _) if self.custom(LEAVING_REASON).is_some() => {
                self.set(LEAVING_REASON, &Value::Null, at)
            }
            _ => {}
        }
    }

    /// The instant at which somebody who has seen what stands in these fields writes them: now, or just after what stands there. Else of
    /// two writes of one instant the greater value would hold, and a tag given beside it would bring back one that was taken.
    #[must_use]
    pub fn next_telling(&self, data: &PartnerData, now: Timestamp) -> Timestamp {
        let further = |name: &str| self.custom.iter().find(|(known, _)| **known == *name).map(|(_, field)| field.at);
        let told = [
            data.tags.as_ref().map(|_| self.tags.at),
            data.partner_type.as_ref().map(|_| self.partner_type.at),
            data.manager.as_ref().map(|_| self.manager.at),
            data.language.as_ref().map(|_| self.language.at),
        ];
        let last = told.into_iter().chain(data.extra.iter().map(|(name, _)| further(name))).flatten().max();
        let after = last.and_then(|last| last.checked_add(SignedDuration::from_nanos(1)).ok());
        after.map_or(now, |after| after.max(now))
    }

    /// Sets a further field; `null` takes it away. Names of 100 bytes and values of 4 KiB at most, others are left out.
    pub fn set(&mut self, name: &str, value: &Value, at: Timestamp) {
        let told = (!value.is_null()).then(|| value.to_string().into_boxed_str());
        if name.len() > 100 || told.as_ref().is_some_and(|text| text.len() > 4096) {
            return;
        }
        match self.custom.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(place) => {
                if let Some((_, field)) = self.custom.get_mut(place) {
                    field.tell(told, at);
                }
            }
            Err(place) if self.custom.len() < CUSTOM_MAX || CHOICES.contains(&name) => {
                self.custom.insert(place, (Arc::from(name), Stored { value: told, at }));
            }
            Err(_) => {}
        }
    }

    /// The language to write in: the one the partner chose, else what was told.
    pub fn language(&self) -> Option<Value> {
        let chosen = self.custom(CHOSEN_LANGUAGE).filter(Value::is_string);
        chosen.or_else(|| self.language.get().map(|told| Value::from(&**told)))
    }

    /// A further field.
    pub fn custom(&self, name: &str) -> Option<Value> {
        let place = self.custom.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        let (_, field) = self.custom.get(place)?;
        serde_json::from_str(field.value.as_deref()?).ok()
    }

    /// The tags, sorted.
    pub fn tags(&self) -> &[Arc<str>] {
        self.tags.value.as_deref().unwrap_or_default()
    }

    /// Adds a tag, as a step of a workflow does.
    pub fn add_tag(&mut self, tag: &Arc<str>, at: Timestamp) {
        let mut tags = self.tags().to_vec();
        if let Err(place) = tags.binary_search(tag) {
            tags.insert(place, tag.clone());
            self.tags = Stored { value: Some(tags), at: self.tags.at.max(at) };
        }
    }

    /// Removes a tag, as a step of a workflow does.
    pub fn remove_tag(&mut self, tag: &str, at: Timestamp) {
        let mut tags = self.tags().to_vec();
        tags.retain(|known| **known != *tag);
        self.tags = Stored { value: Some(tags), at: self.tags.at.max(at) };
    }

    /// Forgets what an erasure must not leave: everything but status, approval and the withdrawal of consent.
    pub fn erase(&mut self, at: Timestamp) {
        let consent = Consent { time: at, given: false, source: None, wording: None };
        *self = Profile {
            status: Stored { value: Some(Status::Closed), at },
            approved_at: self.approved_at.clone(),
            joined_at: self.joined_at.clone(),
            consent: Stored { value: Some(consent), at },
            ..Profile::default()
        };
    }
}
