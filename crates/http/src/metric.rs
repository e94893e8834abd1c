//! The names of this crate's metrics.

/// Requests answered, by `route` (its pattern, never a token) and `status`.
pub const REQUESTS: &str = "rapport_http_requests_total";
/// Events taken over HTTP.
pub const EVENTS: &str = "rapport_http_events_total";
/// Records refused, by `code`; the same name as ingest uses.
pub const REJECTED: &str = "rapport_rejected_total";
/// Reports about mail that had an effect, by `origin` (`mail` or the provider) and `what` (`bounce.hard`, `complaint`, `reply` …).
pub const FEEDBACK: &str = "rapport_feedback_total";
/// Reports about mail that had none because they were not proven, not understood, about nobody or too old, by `origin` and `why`.
pub const FEEDBACK_REFUSED: &str = "rapport_feedback_refused_total";
/// Counted links that were followed, by `what`: `noted` (judged a minute later), `known` (within the same minute, or of nobody), `head`,
/// `over`, `refused` (no link of ours), `lost` (the visitor got there, and the database does not know); and later, by what they were
/// judged to be: `human`, `repeated`, `machine`, `early`, `all_links`, `crowd`, `objects`.
pub const CLICKS: &str = "rapport_clicks_total";
/// What people did through links, by `what`: `unsubscribe`, `answer`, `preferences`, `goal`.
pub const WISHES: &str = "rapport_http_wishes_total";
