//! A text that may be or hold a secret.

use std::fmt;

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

/// The text with every literal password of a URL and every literal key as dots, for showing lines of it. Characters are
/// replaced one by one, so that carets still point at the right place. `${NAME}` says nothing and stays.
pub fn masked(text: &str) -> String {
    text.split_inclusive('\n').map(masked_line).collect()
}

fn masked_line(line: &str) -> String {
    let mut ranges = Vec::new();
    if let Some((before, rest)) = line.split_once("://")
        && let Some((login, _)) = rest.split_once('@')
        && let Some((user, password)) = login.split_once(':')
    {
        let start = before.len() + 3 + user.len() + 1;
        ranges.push(start..start + password.len());
    }
    for key in ["secret:", "token:", "key:", "password:"] {
        if let Some(at) = line.find(key) {
            let start = at + key.len();
            let value = line.get(start..).unwrap_or_default();
            let end = value.find([',', '}', '#', '\n']).unwrap_or(value.len());
            ranges.push(start..start + end);
        }
    }
    ranges.retain(|range| !line.get(range.clone()).unwrap_or_default().contains("${"));
    line.char_indices()
        .map(|(at, c)| if !c.is_whitespace() && ranges.iter().any(|range| range.contains(&at)) { '•' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_secret_is_not_shown_and_columns_stay() {
        let text =
            "store: postgres://rapport:hunter2@db/x\n  keys: [{ id: k1, secret: abc }]\nmail: smtps://u:${PW}@h\n";
        let shown = masked(text);
        assert!(!shown.contains("hunter2") && !shown.contains("abc"), "{shown}");
        assert!(shown.contains("${PW}") && shown.contains("id: k1"), "{shown}");
        assert_eq!(shown.chars().count(), text.chars().count());
    }
}
