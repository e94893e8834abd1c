//! Amazon SES through an SNS topic: a notification whose `Message` holds the event as JSON, signed by SNS.
//!
//! Shape: <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>. Signature: RSA with SHA-256 (version 2) or SHA-1
//! (version 1), <https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html>.

use serde_json::Value;

use super::{id, instant, nothing, text};
use crate::class::{Class, is_status, status_in};
use crate::{REPORTS_MAX, Report, Unread, What, fields};

/// A notification's outside, read but not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The text that is signed.
    pub signed: String,
    /// Base64.
    pub signature: String,
    /// `1` or `2`.
    pub version: String,
    /// Whose topic.
    pub topic: String,
    /// `Notification`, `SubscriptionConfirmation`, `UnsubscribeConfirmation`.
    pub kind: String,
    /// The event, or for a confirmation a text.
    pub message: String,
    /// When it was published, as it is written; of what is signed.
    pub at: String,
    /// Where a subscription is confirmed; for a person to open.
    pub subscribe_url: Option<String>,
    id: String,
}

/// The outside of a call.
///
/// # Errors
/// [`Unread`] when it is none.
pub fn notification(body: &[u8]) -> Result<Notification, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::Malformed)?;
    let part = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let must = |name: &str| part(name).ok_or(Unread::Incomplete);
    let kind = must("Type")?;
    // In the order of their names' bytes, each name and value on a line of its own; without a subject, without its lines.
    let names: &[&str] = match kind.as_str() {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return Err(Unread::UnknownKind),
    };
    let mut signed = String::new();
    for name in names {
        match part(name) {
            Some(value) => signed.push_str(&format!("{name}\n{value}\n")),
            None if *name == "Subject" => {}
            None => return Err(Unread::Incomplete),
        }
    }
    Ok(Notification {
        signed,
        signature: must("Signature")?,
        version: must("SignatureVersion")?,
        topic: must("TopicArn")?,
        message: must("Message")?,
        id: must("MessageId")?,
        at: must("Timestamp")?,
        subscribe_url: part("SubscribeURL"),
        kind,
    })
}

/// The event in a notification: one report for each recipient.
///
/// # Errors
/// [`Unread`] when it is none.
pub fn read(notification: &Notification) -> Result<Vec<Report>, Unread> {
    let event: Value = serde_json::from_str(&notification.message).map_err(|_| Unread::Malformed)?;
    // Event publishing calls it `eventType`, feedback notifications `notificationType`.
    let kind = text(&event, "/notificationType").or_else(|| text(&event, "/eventType")).ok_or(Unread::Incomplete)?;
    let message_id = original_id(&event);
    let about = |list: &str, at: &str, what: &dyn Fn(&Value) -> What| {
        let at = instant(&event, at);
        let recipients = event.pointer(list).and_then(Value::as_array).ok_or(Unread::Incomplete)?;
        if recipients.len() > REPORTS_MAX {
            return Err(Unread::TooMany);
        }
        let reports = recipients.iter().enumerate().map(|(place, recipient)| Report {
            what: what(recipient),
            message_id: message_id.clone(),
            address: text(recipient, "/emailAddress").and_then(fields::address),
            event_id: Some(format!("{}:{place}", notification.id)),
            at,
        });
        Ok(reports.collect())
    };
    match kind {
        "Bounce" => {
            let (kind, subkind) = (text(&event, "/bounce/bounceType"), text(&event, "/bounce/bounceSubType"));
            about("/bounce/bouncedRecipients", "/bounce/timestamp", &|recipient| {
                let told = text(recipient, "/status").filter(|status| is_status(status)).map(str::to_owned);
                let status = told.or_else(|| text(recipient, "/diagnosticCode").and_then(status_in));
                let class = match (kind, subkind, status.as_deref()) {
                    (Some("Permanent"), Some("General"), Some(status)) => Class::of_status(status),
                    (Some("Permanent"), Some("General" | "NoEmail" | "Suppressed" | "OnAccountSuppressionList"), _) => {
                        Class::Hard
                    }
                    (_, Some("ContentRejected" | "AttachmentRejected" | "MessageTooLarge"), _) => Class::Policy,
                    _ => Class::Soft,
                };
                What::Bounce { class, status }
            })
        }
        "Complaint" => {
            // With a type it may be a recipient who found it among the spam and took it back.
            let not_spam = text(&event, "/complaint/complaintFeedbackType") == Some("not-spam");
            about("/complaint/complainedRecipients", "/complaint/timestamp", &|_| {
                if not_spam { What::NotSpam } else { What::Complaint }
            })
        }
        other => Ok(vec![Report {
            what: nothing(other),
            message_id,
            address: None,
            event_id: id(&event, "/mail/messageId"),
            at: None,
        }]),
    }
}

/// SES writes a Message-ID of its own; ours is among the original headers, where they are sent along.
fn original_id(event: &Value) -> Option<String> {
    let headers = event.pointer("/mail/headers")?.as_array()?;
    let ours = headers
        .iter()
        .find(|header| text(header, "/name").is_some_and(|name| name.eq_ignore_ascii_case("message-id")))?;
    text(ours, "/value").and_then(fields::message_id)
}
