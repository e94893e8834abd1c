//! A text that may be or hold a secret, and how lines of `config/rapport.yaml` are shown.

use std::fmt;
use std::ops::Range;

/// Prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being shown.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for whoever needs it and prints it nowhere.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Sections that everybody may read. All others, misspelt ones among them, say where things run.
const OPEN_SECTIONS: [&str; 15] = [
    "dips",
    "programs",
    "senders",
    "topics",
    "imprint",
    "guardrails",
    "tracking",
    "weekends",
    "holidays",
    "shards",
    "history",
    "lateness",
    "retention",
    "partner_types",
    "mail_clients",
];
/// Keys of the other sections whose values are no secrets.
const OPEN_KEYS: [&str; 25] = [
    "activity",
    "base",
    "bounces",
    "brokers",
    "certificate",
    "conversions",
    "deliver",
    "domain",
    "events",
    "folder",
    "format",
    "id",
    "incarnation",
    "level",
    "listen",
    "log",
    "partners",
    "replication",
    "selector",
    "sending_domain",
    "shards",
    "signals",
    "store",
    "topic",
    "user",
];
/// A key with one of these in it names a secret, however it goes on.
const TELLING: [&str; 6] = ["key", "secret", "token", "pass", "pw", "credential"];
/// Shorter values are words of the language.
const LONG: usize = 8;

/// The text of `config/rapport.yaml` for showing lines of it: whatever may be a secret is starred out, rather too much than too
/// little. It is read line by line, because it may be no YAML at all. Every byte keeps its place, so that carets still point at
/// the right column. `${NAME}` says nothing and stays.
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut section = Section { is_open: false, base: None };
    for line in text.split_inclusive('\n') {
        let ranges = section.secrets(line);
        let variables = variables(line);
        for (at, c) in line.char_indices() {
            let hidden = ranges.iter().any(|range| range.contains(&at));
            if hidden && !c.is_whitespace() && !variables.iter().any(|range| range.contains(&at)) {
                (0..c.len_utf8()).for_each(|_| shown.push('*'));
            } else {
                shown.push(c);
            }
        }
    }
    shown
}

/// What editors read, and every shipped file begins with.
const MODELINE: &str = "# yaml-language-server: $schema=schema/";

/// Where in the file a line stands.
struct Section {
    is_open: bool,
    /// The indentation of the outermost keys.
    base: Option<usize>,
}

impl Section {
    fn secrets(&mut self, line: &str) -> Vec<Range<usize>> {
        if line.starts_with(MODELINE) {
            return Vec::new();
        }
        let keys = keys(line);
        let indent = line.len() - line.trim_start().len();
        let is_comment = line.trim_start().starts_with('#');
        if !line.trim().is_empty() && !is_comment && indent <= *self.base.get_or_insert(indent) {
            let first = keys.first().filter(|key| key.start == indent);
            self.is_open = first.is_some_and(|key| OPEN_SECTIONS.contains(&key.name));
        }
        let mut ranges = logins(line);
        let head = 0..keys.first().map_or(line.len(), |key| key.start);
        if !self.is_open || is_comment {
            ranges.extend(Some(head).filter(|head| is_long(line, head)));
        }
        for (place, key) in keys.iter().enumerate() {
            let end = keys.get(place + 1).map_or(line.len(), |next| next.start);
            let value = without_marks(line, key.end..end);
            let name = key.name.to_ascii_lowercase();
            let is_telling = TELLING.iter().any(|telling| name.contains(telling));
            let is_told = !is_telling && (self.is_open || OPEN_KEYS.contains(&key.name));
            if (is_telling && !self.is_open) || (!is_told && is_long(line, &value)) {
                ranges.push(value);
            }
        }
        ranges
    }
}

/// Without the marks of YAML around it.
fn without_marks(line: &str, range: Range<usize>) -> Range<usize> {
    let text = line.get(range.clone()).unwrap_or_default();
    let mark = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']' | '{' | '}');
    let start = range.start + (text.len() - text.trim_start_matches(mark).len());
    start..(start + text.trim_matches(mark).len())
}

fn is_long(line: &str, range: &Range<usize>) -> bool {
    let words = line.get(range.clone()).unwrap_or_default();
    let plain = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '[' | ']' | '{' | '}');
    words.split(plain).any(|word| word.chars().count() >= LONG)
}

/// A key as it stands in a line, and where its value begins.
struct KeyAt<'a> {
    name: &'a str,
    start: usize,
    end: usize,
}

/// Every `name:` of a line.
fn keys(line: &str) -> Vec<KeyAt<'_>> {
    let mut keys = Vec::new();
    for (colon, _) in line.match_indices(':') {
        let after = line.get(colon + 1..).unwrap_or_default();
        if !(after.is_empty() || after.starts_with(char::is_whitespace)) {
            continue;
        }
        let before = line.get(..colon).unwrap_or_default().trim_end();
        let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
        let start =
            before.rfind(|c| !is_name(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = before.get(start..).unwrap_or_default().trim_matches(['"', '\'']);
        if !name.is_empty() {
            keys.push(KeyAt { name, start, end: colon + 1 });
        }
    }
    keys
}

/// What stands in the place of user and password in addresses.
fn logins(line: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (at, _) in line.match_indices("://") {
        let start = at + 3;
        let rest = line.get(start..).unwrap_or_default();
        let rest = rest.get(..rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'')).unwrap_or(rest.len()));
        let rest = rest.unwrap_or_default();
        let is_port = |rest: &str| rest.split('/').next().is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
        match (rest.rfind('@'), rest.split_once(':')) {
            (Some(end), _) => ranges.push(start..start + end),
            (None, Some((_, port))) if !is_port(port) => ranges.push(start..start + rest.len()),
            _ => {}
        }
    }
    ranges
}

/// `${NAME}`, wherever it stands.
fn variables(line: &str) -> Vec<Range<usize>> {
    let named = |(at, _): (usize, &str)| {
        let name = line.get(at + 2..)?.split_once('}')?.0;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        is_name.then(|| at..at + name.len() + 3)
    };
    line.match_indices("${").filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hunter2` is the secret in all of them.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let shown = masked(text);
        assert_eq!(shown, expected);
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn a_literal_secret_is_not_shown_and_columns_stay() {
        check("store: postgres://rapport:hunter2@db/x\n", "store: postgres://***************@db/x\n");
        check(
            "store: [postgres://a:hunter2@h, postgres://b:hunter2@h]\n",
            "store: [postgres://*********@h, postgres://*********@h]\n",
        );
        check("mail:\n  deliver: smtp://u:hunter2\n", "mail:\n  deliver: smtp://*********\n");
        check("mail:\n  deliver: smtps://u:${PW}@h:465\n", "mail:\n  deliver: smtps://**${PW}@h:465\n");
        check(
            "links:\n  base: https://acme.example:8080/x\n  keyz: [{ id: k1, secret: hunter2hunter2 }, { secret: \"hunter2\" }]\n",
            "links:\n  base: https://acme.example:8080/x\n  keyz: [{ id: k1, secret: ************** }, { secret: \"*******\" }]\n",
        );
        check("links:\n  sekrit: hünter2xx\n", "links:\n  sekrit: **********\n");
        check("stroe: hunter2hunter2\n", "stroe: **************\n");
        check("gateway: hunter2-hunter2\n", "gateway: ***************\n");
        check(
            "kafka:\n  properties: { sasl.password: hunter2 }\n",
            "kafka:\n  properties: { sasl.password: ******* }\n",
        );
        check(
            "mail:\n  dkim:\n    - key: |\n        hunter2hunter2\n",
            "mail:\n  dkim:\n    - key: *\n        **************\n",
        );
        check("# store: postgres://u:hunter2@h/d\n", "# store: postgres://*********@h/d\n");
    }

    #[test]
    fn what_everybody_may_read_stays_as_it_is() {
        let text = "programs:\n  default:\n    name: Acme Partners\nsenders:\n  ines: { name: Ines Dahl, email: ines@acme.example }\n\
                    guardrails:\n  at_most: [2 marketing per week]\nmail:\n  deliver: capture\n  folder: mails\nlog: { format: human }\n";
        assert_eq!(masked(text), text);
    }
}
