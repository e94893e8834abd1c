//! Postmark: one event a call. It signs nothing; a call is believed for the credentials in its address (Basic authentication).
//!
//! Shapes: <https://postmarkapp.com/developer/webhooks/bounce-webhook>,
//! <https://postmarkapp.com/developer/webhooks/spam-complaint-webhook>; types: <https://postmarkapp.com/developer/api/bounce-api#bounce-types>.

use serde_json::Value;

use super::{id, nothing, report, text};
use crate::class::{Class, status_in};
use crate::{Report, Unread, What};

/// The event of a call.
///
/// # Errors
/// [`Unread`] when it is none.
pub fn read(body: &[u8]) -> Result<Vec<Report>, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::Malformed)?;
    let record = text(&body, "/RecordType").ok_or(Unread::Incomplete)?;
    let kind = text(&body, "/Type").unwrap_or_default();
    let what = match (record, kind) {
        ("SpamComplaint", _) | ("Bounce", "SpamComplaint") => What::Complaint,
        ("Bounce", "Unsubscribe") => What::Unsubscribe,
        ("Bounce", "AutoResponder" | "AddressChange" | "Subscribe" | "OpenRelayTest" | "ChallengeVerification") => {
            nothing(kind)
        }
        ("Bounce", kind) => {
            let status = text(&body, "/Details").and_then(status_in);
            let class = match kind {
                "HardBounce" | "BadEmailAddress" => Class::Hard,
                "SpamNotification"
                | "Blocked"
                | "DMARCPolicy"
                | "VirusNotification"
                | "ManuallyDeactivated"
                | "SMTPApiError"
                | "InboundError"
                | "TemplateRenderingFailed" => Class::Policy,
                _ => Class::Soft,
            };
            What::Bounce { class, status }
        }
        (other, _) => nothing(other),
    };
    // `MessageID` is Postmark's own; ours travels as metadata.
    let message = text(&body, "/Metadata/message-id");
    let event_id = id(&body, "/ID").map(|id| format!("{record}:{id}"));
    Ok(vec![report(what, &body, ("/Email", "/BouncedAt"), message, event_id)])
}
