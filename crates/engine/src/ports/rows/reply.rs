//! What a relay said when it took a mail over: the proof that it was handed to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longer words of a relay are cut off.
const WORDS_MAX: usize = 500;
/// Longer names and numbers are cut off.
const NAME_MAX: usize = 120;
/// What stands where the recipient's address stood: it is kept in one place alone, where an erasure finds it.
const ADDRESS: &str = "(the address)";
/// What stands before a relay's own number of a mail: Postfix, Exim, Exchange.
const BEFORE_NUMBER: [&str; 3] = ["queued as ", "internalid=", "id="];
/// What stands behind it: Sendmail.
const BEHIND_NUMBER: &str = " message accepted for delivery";

/// The relay's last word about a mail it accepted. Kept with the message for as long as that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayReply {
    /// The reply's code; none where mail was captured and no relay asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u16>,
    /// Its words, in one line that steers nothing, without the recipient's address.
    pub text: String,
    /// The relay's own number of the mail, if its words have one: what to ask its operator for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_id: Option<String>,
    /// Which relay.
    pub relay: String,
    /// When it said so.
    pub at: Timestamp,
}

impl RelayReply {
    /// Of a whole reply as it came (`250 2.0.0 Ok: queued as 4XbR`), the relay's name, and the addresses it was about.
    #[must_use]
    pub fn of(reply: &str, relay: &str, addresses: &[&str], at: Timestamp) -> Self {
        let mut words = reply.to_owned();
        for address in addresses {
            words = without(&words, address);
        }
        let words = legible(&words);
        let (first, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let code = first.parse::<u16>().ok().filter(|code| first.len() == 3 && (200..600).contains(code));
        let text = if code.is_some() { rest } else { words.as_str() };
        Self {
            code,
            text: cut(text, WORDS_MAX),
            queue_id: queue_id(text).map(|id| cut(id, NAME_MAX)),
            relay: cut(&legible(relay), NAME_MAX),
            at,
        }
    }

    /// As it is stored.
    #[must_use]
    pub fn stored(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// As it was stored; none of what cannot be read.
    #[must_use]
    pub fn parse(stored: &str) -> Option<Self> {
        serde_json::from_str(stored).ok()
    }

    /// Code and words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.code {
            Some(code) => format!("{code} {}", self.text).trim_end().to_owned(),
            None => self.text.clone(),
        }
    }
}

/// One line without signs that steer a terminal or turn the writing round.
fn legible(text: &str) -> String {
    let harmless = |c: char| match c {
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => ' ',
        c if c.is_control() => ' ',
        c => c,
    };
    let text: String = text.chars().map(harmless).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many characters, with a sign where something is left out.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(max - 1).collect();
    cut.push('…');
    cut
}

/// The text with something else for the address, however it is written.
fn without(text: &str, address: &str) -> String {
    if address.is_empty() {
        return text.to_owned();
    }
    let (low, wanted) = (text.to_ascii_lowercase(), address.to_ascii_lowercase());
    let (mut clean, mut from) = (String::with_capacity(text.len()), 0);
    for (at, found) in low.match_indices(&wanted) {
        clean.push_str(text.get(from..at).unwrap_or_default());
        clean.push_str(ADDRESS);
        from = at + found.len();
    }
    clean.push_str(text.get(from..).unwrap_or_default());
    clean
}

fn queue_id(text: &str) -> Option<&str> {
    let low = text.to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let id = BEFORE_NUMBER
        .iter()
        .find_map(|mark| low.find(mark).map(|at| at + mark.len()))
        .and_then(|begin| text.get(begin..))
        .map(|rest| rest.split(|c: char| !is_part(c)).next().unwrap_or_default())
        .or_else(|| text.get(..low.find(BEHIND_NUMBER)?)?.rsplit(' ').next());
    id.map(|id| id.trim_matches('.')).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reply: &str) -> RelayReply {
        RelayReply::of(reply, "relay.example:587", &["Ada@x.example"], Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_relays_own_number_is_found() {
        for (reply, id) in [
            ("250 2.0.0 Ok: queued as 4XbR2k1zYz", Some("4XbR2k1zYz")),
            ("250 OK id=1rT0aB-0007fz-2Q", Some("1rT0aB-0007fz-2Q")),
            ("250 2.6.0 <m@x> [InternalId=77, Hostname=EX1] Queued mail for delivery", Some("77")),
            ("250 2.0.0 43BAx7 Message accepted for delivery", Some("43BAx7")),
            ("250 2.0.0 ok", None),
            ("250", None),
            ("captured as 3f2a.eml", None),
        ] {
            assert_eq!(of(reply).queue_id.as_deref(), id, "{reply}");
        }
    }

    #[test]
    fn code_and_words_are_told_apart() {
        let reply = of("250 2.0.0 Ok: queued as 4Xb");
        assert_eq!((reply.code, reply.text.as_str()), (Some(250), "2.0.0 Ok: queued as 4Xb"));
        assert_eq!(reply.words(), "250 2.0.0 Ok: queued as 4Xb");
        let captured = of("captured as 3f2a.eml");
        assert_eq!((captured.code, captured.words().as_str()), (None, "captured as 3f2a.eml"));
        assert_eq!(of("250").words(), "250");
        assert_eq!(RelayReply::parse(&reply.stored()), Some(reply));
        assert_eq!(RelayReply::parse("{"), None);
    }

    #[test]
    fn hostile_words_steer_nothing_and_name_nobody() {
        let reply = of("250 \u{1b}[2J<ADA@X.example>\r\nok \u{202e}evil\u{0}\u{9b}31m");
        assert!(!reply.text.chars().any(char::is_control), "{reply:?}");
        assert_eq!(reply.text, "[2J<(the address)> ok evil 31m");
        let long = of(&format!("250 {}", "é".repeat(2000)));
        assert_eq!((long.text.chars().count(), long.text.ends_with('…')), (WORDS_MAX, true));
        let long = of(&format!("250 queued as {}", "x".repeat(2000)));
        assert_eq!(long.queue_id.map(|id| id.chars().count()), Some(NAME_MAX));
    }
}
