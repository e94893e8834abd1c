//! What follows from a report: suppression, records, or nothing; with a reason either way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rapport_contact::{NormalisedAddress, normalise};
use rapport_engine::ports::keep::DataClass;
use rapport_engine::ports::rows::{MessageRow, OutboxRow};
use rapport_engine::ports::store::{FeedbackRow, StoreError, SuppressionChange, UNSUBSCRIBED};
use rapport_engine::records;
use rapport_engine::reputation::{SOFT_BOUNCE, is_one_too_many};
use rapport_event::activity::MailData;
use rapport_event::{ActivityData, Event, Extra, Kind, PartnerKey, Payload, shard_of};
use rapport_feedback::{Class, Report, What};
use tracing::info;

use super::super::{Gateway, record};
use super::refused;
use crate::metric;

/// Of suppressions and records.
const HARD_BOUNCE: &str = "hard_bounce";
const COMPLAINT: &str = "complaint";
/// Of refusals: nobody knows any more whether this was told before.
const STALE: &str = "stale";

/// Why a report is believed, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// It came to, or returned a mail sent from, a return path that we signed for this message: believed about that message and the
    /// addresses of its partner, nobody else.
    ReturnPath { message: String },
    /// A person's or a machine's answer: believed to be from whom it says, for it only stops mail.
    Reply { digest: String },
    /// A provider that proved who it is: believed about every address it writes to for us.
    Provider { name: &'static str, once: Option<String> },
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Reports that had their effect now.
    pub(super) taken: usize,
    /// Those that had it before.
    pub(super) known: usize,
    /// Those from which nothing follows.
    pub(super) nothing: usize,
    /// Those that could not be believed or placed, by why.
    pub(super) refused: BTreeMap<&'static str, usize>,
}

/// Carries out what follows from reports, one by one; after an error all may be told again.
pub(super) async fn carry_out(gateway: &Gateway, origin: &Origin, reports: Vec<Report>) -> Result<Tally, StoreError> {
    let now = gateway.clock.now().await?;
    let known_since = known_since(gateway, now).await?;
    let mut tally = Tally::default();
    for report in &reports {
        let what = name(&report.what);
        if matches!(report.what, What::Nothing { .. } | What::NotSpam) {
            tally.nothing += 1;
            continue;
        }
        let about = about(gateway, origin, report).await?;
        let about = about.and_then(|about| if is_stale(report, &about, known_since) { Err(STALE) } else { Ok(about) });
        match about {
            Err(why) => {
                refused(origin.name(), why);
                *tally.refused.entry(why).or_default() += 1;
            }
            Ok(about) => {
                if take(gateway, origin, report, &about, now).await? {
                    tally.taken += 1;
                    info!(origin = origin.name(), what, "a report about mail is taken");
                    metrics::counter!(metric::FEEDBACK, "origin" => origin.name(), "what" => what).increment(1);
                } else {
                    tally.known += 1;
                }
            }
        }
    }
    Ok(tally)
}

/// Since when everything that was reported is known. Where no files can be read, the time that no files can shorten.
async fn known_since(gateway: &Gateway, now: Timestamp) -> Result<Timestamp, StoreError> {
    let days = match gateway.rules.current().await {
        Ok(Some(rules)) => rules.rulebook.config.retention.days(DataClass::Feedback),
        Ok(None) | Err(StoreError::Damaged(_)) => DataClass::Feedback.least_days(0),
        Err(error) => return Err(error),
    };
    Ok(now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN))
}

/// Whether it may have been told before and been forgotten: it happened, or the mail it is about was due, before what is known begins.
/// A mail is due before it leaves, and leaves before anybody can tell of it. Told again, such a report would close an address that a
/// person has opened since. Who answers opens and closes nothing, whenever they answer.
fn is_stale(report: &Report, about: &About, known_since: Timestamp) -> bool {
    let closes = matches!(report.what, What::Bounce { .. } | What::Complaint | What::Unsubscribe);
    let due = about.message.as_ref().map(|message| message.due);
    closes && [report.at, due].into_iter().flatten().any(|at| at < known_since)
}

impl Origin {
    const fn name(&self) -> &'static str {
        match self {
            Origin::ReturnPath { .. } | Origin::Reply { .. } => "mail",
            Origin::Provider { name, .. } => name,
        }
    }
}

/// Stable, for the table, records and metrics.
fn name(what: &What) -> &'static str {
    match what {
        What::Bounce { class: Class::Hard, .. } => "bounce.hard",
        What::Bounce { class: Class::Soft, .. } => SOFT_BOUNCE,
        What::Bounce { class: Class::Policy, .. } => "bounce.policy",
        What::Complaint => COMPLAINT,
        What::Unsubscribe => UNSUBSCRIBED,
        What::Reply => "reply",
        What::AutoReply { .. } => "auto_reply",
        What::NotSpam => "not_spam",
        What::Nothing { .. } => "nothing",
    }
}

/// Whom and what a report is about.
struct About {
    message: Option<MessageRow>,
    /// `None` when the report names an address that is not the partner's: the mail was forwarded, or the address has changed.
    address: Option<NormalisedAddress>,
    /// Partners who have the address, and the one of the message.
    partners: Vec<PartnerKey>,
}

/// Places a report, or says why it cannot be.
async fn about(gateway: &Gateway, origin: &Origin, report: &Report) -> Result<Result<About, &'static str>, StoreError> {
    let told = report.message_id.as_deref().and_then(|id| id.split('@').next());
    let id = match origin {
        Origin::ReturnPath { message } => Some(message.as_str()),
        _ => told,
    };
    let message = match id {
        Some(id) => gateway.store.message(id).await?,
        None => None,
    };
    let address = report.address.as_deref().and_then(normalise);
    let at_address = match &address {
        Some(address) => gateway.store.partners_at(&address.folded()).await?,
        None => Vec::new(),
    };
    let mut about = About { message, address, partners: at_address };
    match origin {
        Origin::ReturnPath { .. } => {
            let Some(message) = &about.message else { return Ok(Err("unknown_message")) };
            // Providers blot out who complained; a return path is one recipient's, so it was them.
            if about.address.is_none() || report.what == What::Complaint {
                about.address = newest_address(gateway, &message.key).await?;
                if let Some(address) = &about.address {
                    about.partners = gateway.store.partners_at(&address.folded()).await?;
                }
            } else if !about.partners.contains(&message.key) {
                // Whoever sees a return path must not be able to close the address of somebody else by it.
                about.address = None;
                about.partners = vec![message.key.clone()];
            }
        }
        Origin::Reply { .. } => {
            if let Some(message) = &about.message
                && !about.partners.contains(&message.key)
            {
                // Answered from another address; who has the mail can answer it.
                about.partners.push(message.key.clone());
            }
            if about.partners.is_empty() {
                return Ok(Err("unknown_sender"));
            }
        }
        Origin::Provider { .. } => {
            // The message of somebody else's address says nothing here.
            let partners = &about.partners;
            about.message = about.message.filter(|message| partners.is_empty() || partners.contains(&message.key));
            if about.address.is_none() {
                return Ok(Err("no_address"));
            }
        }
    }
    Ok(Ok(about))
}

pub(super) async fn newest_address(
    gateway: &Gateway,
    key: &PartnerKey,
) -> Result<Option<NormalisedAddress>, StoreError> {
    let Some(person) = gateway.store.person(key).await? else { return Ok(None) };
    let person: serde_json::Value = serde_json::from_str(&person).unwrap_or_default();
    Ok(person.get("email").and_then(serde_json::Value::as_str).and_then(normalise))
}

/// Writes the report with what follows from it; `false` when it was known.
async fn take(
    gateway: &Gateway,
    origin: &Origin,
    report: &Report,
    about: &About,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let what = name(&report.what);
    let mut rows = vec![FeedbackRow {
        id: id(origin, report, about, what),
        origin: origin.name().to_owned(),
        what: what.to_owned(),
        address: about.address.as_ref().map(NormalisedAddress::key),
        message: about.message.as_ref().map(|message| message.id.clone()),
        workflow: about.message.as_ref().map(|message| message.workflow.clone()),
        at: now,
    }];
    if let Origin::Provider { name, once: Some(once) } = origin {
        let id = format!("{name}:call:{once}");
        rows.push(FeedbackRow {
            id,
            what: "call".to_owned(),
            address: None,
            message: None,
            workflow: None,
            ..rows[0].clone()
        });
    }
    let closes = match &report.what {
        What::Bounce { class: Class::Hard, .. } => Some(HARD_BOUNCE),
        What::Bounce { class: Class::Soft, .. } if too_many(gateway, about, now).await? => Some(HARD_BOUNCE),
        What::Complaint => Some(COMPLAINT),
        _ => None,
    };
    let mut changes = Vec::new();
    let mut told: Vec<OutboxRow> = Vec::new();
    let mut tell = |event: Event| told.push(records::outbox(shard_of(&event.key, gateway.shards), event));
    if let (Some(reason), Some(address)) = (closes, &about.address) {
        changes.push(SuppressionChange::add(&address.folded(), None, reason, now));
        let message = about.message.as_ref().map(|message| message.id.as_str());
        for key in &about.partners {
            tell(records::suppressed_by(key.clone(), &rows[0].id, message, reason, now));
        }
    }
    match &report.what {
        What::Bounce { class, status } => {
            if let Some(message) = &about.message {
                let reason = format!("{} {}", class.code(), status.as_deref().unwrap_or_default());
                tell(records::reported(message, Kind::MessageBounced, what, reason.trim_end(), now));
            }
        }
        What::Complaint => {
            if let Some(message) = &about.message {
                tell(records::reported(message, Kind::MessageComplained, what, COMPLAINT, now));
            }
        }
        What::Unsubscribe => {
            let topic = about.message.as_ref().map(|message| message.topic.clone());
            if let Some(address) = &about.address {
                changes.push(SuppressionChange::add(&address.folded(), topic.as_deref(), UNSUBSCRIBED, now));
            }
            for key in &about.partners {
                let id = format!("contact.opted_out:{}:{key}", rows[0].id);
                let message = about.message.as_ref().map(|message| message.id.as_str());
                tell(record::contact(&id, key, Kind::ContactOptedOut, topic.as_deref(), message, now));
            }
        }
        What::Reply | What::AutoReply { .. } => {
            for key in &about.partners {
                tell(received(key, report, about, &rows[0].id, now));
            }
        }
        What::NotSpam | What::Nothing { .. } => {}
    }
    gateway.store.take_feedback(&rows, &changes, &told).await
}

/// Whether one more soft bounce is one too many.
async fn too_many(gateway: &Gateway, about: &About, now: Timestamp) -> Result<bool, StoreError> {
    let Some(address) = &about.address else { return Ok(false) };
    is_one_too_many(gateway.store.as_ref(), &address.key(), now).await
}

/// The same for the same thing, whoever tells it and however often: one bounce of a kind and one complaint for each message.
fn id(origin: &Origin, report: &Report, about: &About, what: &str) -> String {
    let by_message = about.message.as_ref().map(|message| format!("{what}:{}", message.id));
    let event =
        report.event_id.as_deref().map(|id| format!("{}:{what}:{}", origin.name(), super::digest(id.as_bytes())));
    match (&report.what, origin) {
        (_, Origin::Reply { digest }) => event.unwrap_or_else(|| format!("mail:{what}:{digest}")),
        (_, Origin::ReturnPath { message }) => format!("{what}:{message}"),
        (What::Bounce { .. } | What::Complaint, _) if by_message.is_some() => by_message.unwrap_or_default(),
        (_, Origin::Provider { name, once }) => event.unwrap_or_else(|| {
            let address = about.address.as_ref().map(NormalisedAddress::key).unwrap_or_default();
            format!("{name}:{what}:{address}:{}", once.as_deref().unwrap_or_default())
        }),
    }
}

/// A mail came in; neither its subject nor its text is kept.
fn received(key: &PartnerKey, report: &Report, about: &About, id: &str, at: Timestamp) -> Event {
    let auto_submitted = match &report.what {
        What::AutoReply { kind } => Some(kind.as_str().into()),
        _ => None,
    };
    let in_reply_to =
        about.message.as_ref().filter(|message| message.key == *key).map(|message| message.id.as_str().into());
    let data = MailData { auto_submitted, in_reply_to, subject: None, text: None, extra: Extra::NONE };
    Event {
        id: records::derived_id(&format!("mail.received:{id}:{key}")),
        key: key.clone(),
        kind: Kind::MailReceived,
        occurred_at: at,
        payload: Payload::Activity(ActivityData::Mail(Box::new(data))),
        person_version: None,
    }
}
