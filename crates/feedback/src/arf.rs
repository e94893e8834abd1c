//! Complaints as mailbox providers send them: the Abuse Reporting Format (RFC 5965).

use crate::fields;
use crate::{Report, Unread, What};

/// Reads the part `message/feedback-report`. `message_id` and `recipient` are those of the returned mail, where the report holds it.
pub(crate) fn read(text: &str, message_id: Option<&str>, recipient: Option<&str>) -> Result<Report, Unread> {
    let groups = fields::groups(text);
    let group = groups.first().ok_or(Unread::Incomplete)?;
    let kind = fields::value(group, "feedback-type").ok_or(Unread::Incomplete)?.to_ascii_lowercase();
    let what = match kind.as_str() {
        // A report that opts out is a wish to hear no more as well (RFC 5965, 7.3 and the registry's later types).
        "abuse" | "fraud" | "virus" | "opt-out" | "opt-out-list" | "other" => What::Complaint,
        "not-spam" => What::NotSpam,
        // About authentication of mail in our name (RFC 6591), not about a recipient's wish.
        "auth-failure" | "dmarc" => What::Nothing { name: kind },
        _ => return Err(Unread::UnknownKind),
    };
    let told = fields::value(group, "original-rcpt-to").and_then(fields::address);
    let address = told.or_else(|| recipient.map(str::to_owned));
    Ok(Report { what, message_id: message_id.map(str::to_owned), address, event_id: None, at: None })
}
