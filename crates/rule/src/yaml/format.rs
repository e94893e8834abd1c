//! One way of writing: what `rapport fmt` does to a file. Comments stay where they are, values stay as written.

use super::{Node, Value, parse};
use crate::finding::Findings;
use crate::source::Source;

/// The keys of a workflow in the order in which it reads aloud.
const WORKFLOW: [&str; 25] = [
    "workflow",
    "about",
    "owner",
    "mail",
    "when",
    "send_to",
    "at",
    "over",
    "if",
    "unless",
    "once",
    "combine",
    "since",
    "holdout",
    "at_most",
    "programs",
    "statuses",
    "notice",
    "priority",
    "holds",
    "stop_when",
    "on_reply",
    "in_flight",
    "if_late",
    "steps",
];

/// The text in its one form where that is another and reads the same; a file with errors stays as it is.
pub fn reformatted(path: &str, text: &str) -> Option<String> {
    let formatted = format(path, text);
    if formatted == text {
        return None;
    }
    let mut findings = Findings::new();
    let mut read = |text: &str| parse(&Source::new(path, text), &mut findings);
    let same = match (read(text), read(&formatted)) {
        (Some(before), Some(after)) => says_the_same(&before, &after),
        _ => false,
    };
    same.then_some(formatted)
}

/// Whether two files say the same: places and the order of keys do not count.
fn says_the_same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Seq(one), Value::Seq(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| says_the_same(one, other))
        }
        (Value::Map(one), Value::Map(others)) => {
            let found = |key: &str| others.iter().find(|(other, _)| other.text == key);
            one.len() == others.len()
                && one.iter().all(|(key, node)| found(&key.text).is_some_and(|(_, other)| says_the_same(node, other)))
        }
        (one, other) => one == other,
    }
}

/// The text in its one form. Formatting it again changes nothing; what it means is the same.
///
/// Line ends are LF, the file ends with one, no byte order mark, no blanks at line ends outside of texts, one blank line at most.
/// In a `workflow.yaml` the top-level keys come in the order of the language's description, each with the comments above it.
pub fn format(path: &str, text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut lines: Vec<&str> = Vec::new();
    let mut block: Option<usize> = None;
    for line in text.split('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let empty = line.trim().is_empty();
        if let Some(depth) = block
            && (empty || indent > depth)
        {
            // A text in a block scalar: its blanks are the author's.
            lines.push(if empty { "" } else { line });
            continue;
        }
        block = opens_text(line).then_some(indent);
        let line = line.trim_end();
        if line.is_empty() && lines.last().is_none_or(|last| last.is_empty()) {
            continue;
        }
        lines.push(line);
    }
    while lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let lines = if path.ends_with("/workflow.yaml") { in_order(&lines) } else { lines };
    let mut out = lines.join("\n");
    out.push('\n');
    out
}

/// Whether a line begins a block scalar: `text: |`, `- >-`.
fn opens_text(line: &str) -> bool {
    let code = line.split(" #").next().unwrap_or_default().trim_end();
    let last = code.rsplit(' ').next().unwrap_or_default();
    last.starts_with(['|', '>'])
        && last.chars().skip(1).all(|c| c.is_ascii_digit() || c == '-' || c == '+')
        && code.contains([':', '-'])
}

/// Top-level keys with their lines and the comments right above, in the order of [`WORKFLOW`].
fn in_order<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let key = |line: &str| {
        let (name, _) = line.split_once(':')?;
        let known = WORKFLOW.iter().position(|key| *key == name)?;
        Some(known)
    };
    let mut head: Vec<&str> = Vec::new();
    let mut parts: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for line in lines {
        if !line.starts_with([' ', '#', '-']) && !line.is_empty() {
            // A key nobody knows: then nothing is moved.
            let Some(rank) = key(line) else { return lines.to_vec() };
            let mut part = std::mem::take(&mut above);
            part.push(line);
            parts.push((rank, part));
        } else if line.starts_with('#') || line.is_empty() {
            above.push(line);
        } else {
            match parts.last_mut() {
                Some((_, part)) => {
                    part.append(&mut above);
                    part.push(line);
                }
                None => return lines.to_vec(),
            }
        }
        // What stands above the first key is about the file.
        if parts.is_empty() && !above.is_empty() {
            head.append(&mut above);
        }
    }
    parts.sort_by_key(|(rank, _)| *rank);
    head.into_iter().chain(parts.into_iter().flat_map(|(_, part)| part)).chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn one_form_and_the_same_when_done_again() {
        let text = "\u{feff}# about the file\r\nworkflow: A  \r\nonce: per partner\r\n\r\n\r\n# why\r\nwhen: login\r\nsteps:\r\n  - email: hello   \r\n\r\n";
        let once = format("workflows/a/workflow.yaml", text);
        assert_eq!(
            once,
            "# about the file\nworkflow: A\n\n# why\nwhen: login\nonce: per partner\nsteps:\n  - email: hello\n"
        );
        assert_eq!(format("workflows/a/workflow.yaml", &once), once);
    }

    #[test]
    fn texts_keep_their_blanks_and_unknown_keys_their_place() {
        let text = "b: |\n  two  \n\n\n  three\na: 1\n";
        assert_eq!(format("config/x.yaml", text), text);
        assert_eq!(
            format("workflows/a/workflow.yaml", "wehn: x\nsteps: []\nonce: a\n"),
            "wehn: x\nsteps: []\nonce: a\n"
        );
    }
}
