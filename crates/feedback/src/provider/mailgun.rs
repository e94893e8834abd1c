//! Mailgun: one event a call, signed in the body.
//!
//! Shape: <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads>. Signature: HMAC-SHA256 over
//! `timestamp` and `token`, in hexadecimal, <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>.

use serde_json::Value;

use super::{id, nothing, report, text};
use crate::class::{Class, status_in};
use crate::{Report, Unread, What};

/// What the sender signed, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// `timestamp` and `token`, as they are hashed.
    pub text: String,
    /// Seconds since 1970.
    pub at: i64,
    /// 32 bytes in hexadecimal.
    pub signature: String,
}

/// The signature of a call; its bytes are read but not believed.
///
/// # Errors
/// [`Unread`] when there is none.
pub fn signed(body: &[u8]) -> Result<Signed, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::Malformed)?;
    let part = |name: &str| id(&body, &format!("/signature/{name}")).ok_or(Unread::Incomplete);
    let (timestamp, token, signature) = (part("timestamp")?, part("token")?, part("signature")?);
    let at = timestamp.parse().map_err(|_| Unread::Incomplete)?;
    Ok(Signed { text: format!("{timestamp}{token}"), at, signature })
}

/// The event of a call.
///
/// # Errors
/// [`Unread`] when it is none.
pub fn read(body: &[u8]) -> Result<Vec<Report>, Unread> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unread::Malformed)?;
    let event = body.get("event-data").ok_or(Unread::Incomplete)?;
    let name = text(event, "/event").ok_or(Unread::Incomplete)?;
    let what = match name {
        "failed" => {
            let said = ["/delivery-status/message", "/delivery-status/description"];
            let enhanced = id(event, "/delivery-status/enhanced-code").and_then(|code| status_in(&code));
            let status = enhanced.or_else(|| said.iter().find_map(|path| text(event, path).and_then(status_in)));
            let permanent = text(event, "/severity") == Some("permanent");
            What::Bounce { class: class(permanent, text(event, "/reason"), status.as_deref()), status }
        }
        "complained" => What::Complaint,
        "unsubscribed" => What::Unsubscribe,
        other => nothing(other),
    };
    let message = text(event, "/message/headers/message-id");
    Ok(vec![report(what, event, ("/recipient", "/timestamp"), message, id(event, "/id"))])
}

fn class(permanent: bool, reason: Option<&str>, status: Option<&str>) -> Class {
    match (permanent, reason, status) {
        (false, _, _) => Class::Soft,
        // Mailgun's own list of addresses that bounced before.
        (true, Some("suppress-bounce"), _) => Class::Hard,
        (true, Some("suppress-complaint" | "suppress-unsubscribe"), _) => Class::Policy,
        (true, _, Some(status)) => Class::of_status(status),
        // Permanent, and nobody says why.
        (true, _, None) => Class::Soft,
    }
}
