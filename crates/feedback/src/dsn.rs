//! Delivery status notifications (RFC 3464): the machine-readable part, a group for the mail and one for each recipient.

use crate::class::{Class, is_status, status_in};
use crate::fields::{self, Group};
use crate::{Report, Unread, What};

/// Reads the part `message/delivery-status`. `message_id` is that of the returned mail, where the report holds it.
pub(crate) fn read(text: &str, message_id: Option<&str>) -> Result<Vec<Report>, Unread> {
    let groups = fields::groups(text);
    if groups.len() > fields::GROUPS_MAX {
        return Err(Unread::TooMany);
    }
    let reports: Vec<Report> = groups.iter().filter_map(|group| recipient(group, message_id)).collect();
    if reports.is_empty() { Err(Unread::Incomplete) } else { Ok(reports) }
}

/// A group with an action is about a recipient (2.3.3: it must have one).
fn recipient(group: &Group, message_id: Option<&str>) -> Option<Report> {
    let action = fields::value(group, "action")?.split_whitespace().next()?.to_ascii_lowercase();
    let diagnostic = fields::value(group, "diagnostic-code").and_then(status_in);
    let told = fields::value(group, "status").and_then(|status| status.split_whitespace().next());
    let told = told.filter(|status| is_status(status)).map(str::to_owned);
    // `5.0.0` says nothing that the server's own words do not say better.
    let is_vague = told.as_deref().is_none_or(|status| status.ends_with(".0.0"));
    let status = if is_vague { diagnostic.or(told) } else { told };
    // What the sender wrote comes before what a forwarder made of it (2.3.1).
    let address = ["original-recipient", "final-recipient"]
        .iter()
        .find_map(|name| fields::value(group, name).and_then(fields::address));
    let what = match action.as_str() {
        "failed" => {
            What::Bounce { class: status.as_deref().map_or(Class::Soft, Class::of_status), status: status.clone() }
        }
        "delayed" | "delivered" | "relayed" | "expanded" => What::Nothing { name: action },
        _ => return None,
    };
    Some(Report { what, message_id: message_id.map(str::to_owned), address, event_id: None, at: None })
}
