//! SendGrid: a list of events a call, signed in headers.
//!
//! Shape: <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event>. Signature: ECDSA P-256 with SHA-256 over the
//! timestamp's header and the body,
//! <https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features>.

use serde_json::Value;

use super::{id, nothing, report, text};
use crate::class::{Class, is_status, status_in};
use crate::{REPORTS_MAX, Report, Unread, What};

/// The events of a call.
///
/// # Errors
/// [`Unread`] when it holds none; one event that says nothing does not cost the others.
pub fn read(body: &[u8]) -> Result<Vec<Report>, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::Malformed)?;
    let events = body.as_array().ok_or(Unread::Malformed)?;
    if events.len() > REPORTS_MAX {
        return Err(Unread::TooMany);
    }
    Ok(events.iter().filter_map(event).collect())
}

fn event(event: &Value) -> Option<Report> {
    let name = text(event, "/event")?;
    let what = match name {
        "bounce" => {
            let status = text(event, "/status").filter(|status| is_status(status)).map(str::to_owned);
            let status = status.or_else(|| text(event, "/reason").and_then(status_in));
            let class = match (text(event, "/type"), status.as_deref()) {
                // The receiver's or the network's refusal, not the mailbox's.
                (Some("blocked"), _) => Class::Policy,
                (_, Some(status)) => Class::of_status(status),
                (_, None) => Class::Soft,
            };
            What::Bounce { class, status }
        }
        // Not sent, because of an earlier event that SendGrid remembers.
        "dropped" => match text(event, "/reason") {
            Some("Bounced Address" | "Invalid") => What::Bounce { class: Class::Hard, status: None },
            Some("Spam Reporting Address") => What::Complaint,
            Some("Unsubscribed Address") => What::Unsubscribe,
            _ => nothing(name),
        },
        "spamreport" => What::Complaint,
        "unsubscribe" | "group_unsubscribe" => What::Unsubscribe,
        other => nothing(other),
    };
    Some(report(what, event, ("/email", "/timestamp"), text(event, "/smtp-id"), id(event, "/sg_event_id")))
}
