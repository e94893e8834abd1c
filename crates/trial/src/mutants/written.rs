//! Changes of what is written as a number or a sign: the text is changed and compiled anew.

use rapport_rule::{Source, Sources};
use rapport_workflow::compile;

use super::{GUARDRAILS, Mutant};

const COMPARISONS: [(&str, &str); 6] =
    [(" >= ", " > "), (" <= ", " < "), (" == ", " != "), (" != ", " == "), (" > ", " <= "), (" < ", " >= ")];
const UNITS: [&str; 7] = [" minute", " hour", " day", " week", " month", " weekday", " year"];
/// How much of a line is shown before and after what is changed.
const SHOWN: (usize, usize) = (32, 14);

/// One change of the text.
struct Edit {
    line: usize,
    from: usize,
    to: usize,
    instead: String,
    /// The part of the line it stands in.
    shown: String,
}

pub(super) fn of_workflow(sources: &Sources, id: &str) -> Vec<Mutant> {
    let path = format!("workflows/{id}/workflow.yaml");
    let Some(source) = sources.get(&path) else { return Vec::new() };
    compiled(sources, source, edits(&source.text))
}

pub(super) fn of_caps(sources: &Sources) -> Vec<Mutant> {
    let Some(source) = sources.get(GUARDRAILS) else { return Vec::new() };
    compiled(sources, source, caps(&source.text))
}

fn compiled(sources: &Sources, source: &Source, edits: Vec<Edit>) -> Vec<Mutant> {
    let mut all = Vec::new();
    for edit in edits {
        let mut text = source.text.clone();
        let before = text.get(edit.from..edit.to).unwrap_or_default().trim().to_owned();
        text.replace_range(edit.from..edit.to, &edit.instead);
        let mut changed = sources.clone();
        changed.add(Source::new(source.path.clone(), text));
        if let (Some(rulebook), _) = compile(&changed) {
            let what = format!("`{}`: `{}` for `{before}`", edit.shown, edit.instead.trim());
            all.push(Mutant { what, line: edit.line, rulebook });
        }
    }
    all
}

/// What stands before a comment, with the line's number and where it begins.
fn code_of(text: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut start = 0;
    text.split('\n').enumerate().map(move |(number, line)| {
        let begins = start;
        start += line.len() + 1;
        (number + 1, begins, line.split(" #").next().unwrap_or_default())
    })
}

fn edit(line: usize, start: usize, code: &str, (from, to): (usize, usize), instead: String) -> Edit {
    let begins = code.floor_char_boundary(from.saturating_sub(SHOWN.0));
    let ends = code.ceil_char_boundary((to + SHOWN.1).min(code.len()));
    // Whole words, where the line is cut.
    let word = |part: &str| part.find(' ').filter(|_| begins > 0).map_or(0, |at| at + 1);
    let begins = begins + code.get(begins..from).map_or(0, word);
    let ends = match code.get(to..ends).and_then(|part| part.rfind(' ')).filter(|_| ends < code.len()) {
        Some(at) => to + at,
        None => ends,
    };
    let shown = code.get(begins..ends).unwrap_or_default().trim().replace('`', "'");
    Edit { line, from: start + from, to: start + to, instead, shown }
}

fn edits(text: &str) -> Vec<Edit> {
    let mut all = Vec::new();
    let mut live = false;
    for (number, start, code) in code_of(text) {
        // Title, owner and senders are not what the tests are about; neither is the holdout, which tests leave out, nor how long before
        // the day notices are sent, which only `check` looks at.
        let head = ["workflow:", "about:", "owner:", "mail:", "holdout:", "notice:", "#"];
        live |= code.starts_with("when:") || code.starts_with("send_to:");
        if !live || head.iter().any(|head| code.starts_with(head)) {
            continue;
        }
        for (from, to) in COMPARISONS {
            for (at, _) in code.match_indices(from) {
                all.push(edit(number, start, code, (at, at + from.len()), to.to_owned()));
            }
        }
        for (at, digits) in numbers(code) {
            let (before, after) = (&code[..at], &code[at + digits.len()..]);
            let value: u64 = digits.parse().unwrap_or_default();
            let compared = [" >= ", " <= ", " == ", " > ", " < ", " != "].iter().any(|sign| before.ends_with(sign));
            let length = UNITS.iter().any(|unit| after.starts_with(unit)) && !before.ends_with('"');
            // At most so many a day: only more can be too many.
            let limit = after.starts_with(" partner");
            let clock = before.ends_with('"') && after.starts_with(':');
            let mut add = |value: String| all.push(edit(number, start, code, (at, at + digits.len()), value));
            if compared {
                add((value * 2 + 1).to_string());
            }
            if length || limit {
                add((value * 2).to_string());
                if value > 1 {
                    add((value / 2).to_string());
                }
            }
            if clock && value < 22 {
                add(format!("{:02}", value + 2));
            }
        }
    }
    all
}

/// Each cap one higher, and one lower where that is still a cap.
fn caps(text: &str) -> Vec<Edit> {
    let mut all = Vec::new();
    for (number, start, code) in code_of(text).filter(|(_, _, code)| code.trim_start().starts_with("at_most:")) {
        for (at, digits) in numbers(code) {
            let value: u64 = digits.parse().unwrap_or_default();
            let lower = (value > 1).then(|| value - 1);
            let values = [Some(value + 1), lower].into_iter().flatten();
            all.extend(values.map(|value| edit(number, start, code, (at, at + digits.len()), value.to_string())));
        }
    }
    all
}

fn numbers(code: &str) -> Vec<(usize, &str)> {
    let mut all = Vec::new();
    let bytes = code.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let inside_word = at > 0 && bytes.get(at - 1).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if is_digit(at) && !inside_word {
            let end = (at..).find(|end| !is_digit(*end)).unwrap_or(bytes.len());
            all.extend(code.get(at..end).map(|digits| (at, digits)));
            at = end;
        } else {
            at += 1;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        edits(text)
            .into_iter()
            .map(|edit| format!("{}: {} for {}", edit.line, edit.instead.trim(), &text[edit.from..edit.to]))
            .collect()
    }

    #[test]
    fn signs_thresholds_lengths_limits_and_clock_times_are_changed_and_the_head_is_not() {
        let text = "workflow: 3 days\nwhen: login\nif: conversions_total >= 2   # 9 days\nat_most: 6 partners per day\n\
                    notice: { ahead: 14 days }\nsteps:\n  - wait: { for: 1 week, then_at: \"09:30\" }\n";
        assert_eq!(
            told(text),
            ["3: > for  >= ", "3: 5 for 2", "4: 12 for 6", "4: 3 for 6", "7: 2 for 1", "7: 11 for 09"]
        );
    }

    #[test]
    fn a_cap_is_moved_by_one_and_never_to_nothing() {
        let text = "guardrails:\n  at_most: [2 marketing per week, 1 of any kind per day]\n";
        let told: Vec<String> = caps(text).into_iter().map(|edit| edit.instead).collect();
        assert_eq!(told, ["3", "1", "2"]);
    }
}
