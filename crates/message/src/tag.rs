//! The tags of a text as its author wrote them: where each stands, and, in a text that the parser refuses, what is wrong with them.
//!
//! The foreign parser stops at the first thing it does not expect, mostly far behind the mistake, and says so in the words of its
//! grammar. [`faults`] is asked for such texts only, so that nothing here refuses what is right.

use crate::helper;

/// One tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'t> {
    /// Its first brace.
    pub(crate) start: usize,
    /// Behind its last brace; of a tag that is not closed, behind what its line has of it.
    pub(crate) end: usize,
    /// What stands between the braces, without the white space around it.
    inner: &'t str,
    /// Where that begins.
    inner_at: usize,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Closed,
    /// With fewer braces than it opens with.
    Short,
    /// Not at all.
    Open,
    /// Not known: a text in quotes has no end.
    Quote,
}

/// What is wrong with a tag.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: &'static str,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) what: String,
    pub(crate) label: Option<String>,
    pub(crate) hint: String,
}

/// More are not told at once.
const FAULTS_MAX: usize = 20;
/// A tag longer than this is not repeated in words.
const SHOWN_CHARS_MAX: usize = 60;

/// All tags of a text, in order.
pub(crate) fn tags(text: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find("{{")) {
        let start = at + found;
        let rest = text.get(start..).unwrap_or_default();
        let backslashes =
            text.get(at..start).unwrap_or_default().bytes().rev().take_while(|byte| *byte == b'\\').count();
        if backslashes == 1 {
            at = start + if rest.starts_with("{{{{") { 4 } else { 2 };
            continue;
        }
        let tag = tag_at(rest, start);
        at = tag.end.max(start + 2);
        tags.push(tag);
    }
    tags
}

/// The tag that `rest` begins with.
fn tag_at(rest: &str, start: usize) -> Tag<'_> {
    let tag = |inside: (usize, usize), end: usize, ending: Ending| {
        let is_edge = |c: char| c.is_whitespace() || c == '~';
        let whole = rest.get(inside.0..inside.1).unwrap_or_default();
        let inner = whole.trim_start_matches(is_edge);
        let inner_at = start + inside.0 + whole.len() - inner.len();
        Tag { start, end: start + end, inner: inner.trim_end_matches(is_edge), inner_at, ending }
    };
    let line_end = rest.find('\n').unwrap_or(rest.len());
    let first_line = rest.get(..line_end).unwrap_or_default().trim_end().len();
    for (opens, closes) in [("{{!--", "--}}"), ("{{!", "}}"), ("{{{{", "}}}}")] {
        if !rest.starts_with(opens) {
            continue;
        }
        match rest.find(closes) {
            // A remark's mark is part of it: `!` says what it is.
            Some(end) => return tag((2, end), end + closes.len(), Ending::Closed),
            None if opens == "{{!--" => {}
            None => return tag((2, first_line), first_line, Ending::Open),
        }
    }
    let width = if rest.starts_with("{{{") { 3 } else { 2 };
    let mut at = width;
    while let Some(c) = rest.get(at..).and_then(|here| here.chars().next()) {
        let here = rest.get(at..).unwrap_or_default();
        match c {
            '}' if here.starts_with("}}}") && width == 3 => return tag((width, at), at + 3, Ending::Closed),
            '}' if here.starts_with("}}") => {
                let ending = if width == 3 { Ending::Short } else { Ending::Closed };
                return tag((width, at), at + 2, ending);
            }
            '}' if at < line_end => return tag((width, at), at + 1, Ending::Short),
            '{' if here.starts_with("{{") => break,
            '"' | '\'' => match quoted(here, c) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => {
                    let rest_of_line = here.split('\n').next().unwrap_or_default();
                    let end = rest_of_line.find("}}").unwrap_or(rest_of_line.trim_end().len());
                    let braces = if rest_of_line.get(end..).is_some_and(|rest| rest.starts_with("}}")) { 2 } else { 0 };
                    return tag((width, at + end), at + end + braces, Ending::Quote);
                }
            },
            _ => {}
        }
        at += c.len_utf8();
    }
    let end = at.min(first_line);
    let end = rest.get(..end).unwrap_or_default().trim_end().len().max(width);
    tag((width, end), end, Ending::Open)
}

/// How long the text in quotes is that `here` begins with; none if it does not end in its line.
fn quoted(here: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in here.char_indices().skip(1) {
        match c {
            '\n' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// What a block says that nothing stands behind.
pub(crate) fn lacking(block: &str) -> String {
    match block {
        "each" => "`{{#each}}` names no list".to_owned(),
        "with" => "`{{#with}}` names nothing".to_owned(),
        _ => format!("`{{{{#{block}}}}}` has no condition"),
    }
}

/// What is wrong with the tags of a text, each thing at its own place. `line` tells the line of the file of a place in the text.
pub(crate) fn faults<'t>(text: &'t str, line: &'t dyn Fn(usize) -> usize) -> Vec<Fault> {
    let mut reader = Reader { text, line, open: Vec::new(), faults: Vec::new() };
    for tag in tags(text) {
        if reader.faults.len() >= FAULTS_MAX {
            return reader.faults;
        }
        reader.tag(tag);
    }
    for open in std::mem::take(&mut reader.open) {
        if reader.faults.len() < FAULTS_MAX {
            reader.unclosed(&open, None);
        }
    }
    reader.faults
}

/// A block that is not closed yet.
struct Open<'t> {
    name: &'t str,
    tag: Tag<'t>,
    has_else: bool,
}

struct Reader<'t> {
    text: &'t str,
    line: &'t dyn Fn(usize) -> usize,
    open: Vec<Open<'t>>,
    faults: Vec<Fault>,
}

/// What is written between two values elsewhere, and the helper that does it here.
const OPERATORS: [(&str, &str); 8] =
    [("==", "eq"), ("!=", "ne"), (">=", "gte"), ("<=", "lte"), ("&&", "and"), ("||", "or"), (">", "gt"), ("<", "lt")];

impl<'t> Reader<'t> {
    fn tag(&mut self, tag: Tag<'t>) {
        if tag.inner.starts_with('!') || self.written(&tag).starts_with("{{{{") {
            if tag.ending == Ending::Open {
                self.fault(&tag, "a remark has no end", None, "It is written {{! … }} or {{!-- … --}}.");
            }
            return;
        }
        let before = self.faults.len();
        self.ending(&tag);
        let whole = self.faults.len() == before;
        let (mark, behind) = match tag.inner.chars().next() {
            Some(mark @ ('#' | '/' | '>' | '*' | '&' | '^')) => (mark, tag.inner.get(1..).unwrap_or_default().trim()),
            _ => (' ', tag.inner),
        };
        match mark {
            '#' => self.opens(tag, behind, whole),
            '/' => self.closes(&tag, behind),
            '^' => self.otherwise(&tag, behind, whole),
            '>' if behind.is_empty() && whole => {
                self.fault(&tag, "a partial without a name", None, "Write {{> footer}}.");
            }
            '>' | '*' | '&' => {}
            _ => match words(behind) {
                ("else", condition) => self.otherwise(&tag, condition, whole),
                ("", _) if whole => {
                    let hint = "Between the braces stands a name, or a helper and what it takes: {{program.name}}.";
                    self.fault(&tag, "an empty tag", None, hint);
                }
                _ if whole => self.content(&tag),
                _ => {}
            },
        }
    }

    /// How a tag ends.
    fn ending(&mut self, tag: &Tag<'t>) {
        let right = (tag.inner.chars().count() <= SHOWN_CHARS_MAX).then(|| format!("write {{{{{}}}}}", tag.inner));
        match tag.ending {
            Ending::Closed => {}
            Ending::Short if self.written(tag).starts_with("{{{") => {
                self.fault(
                    tag,
                    "a tag opens with three braces and closes with fewer",
                    right,
                    "A tag has two at each end.",
                );
            }
            Ending::Short => {
                self.fault(tag, "a tag that closes with one brace", right, "A tag has two braces at each end.");
            }
            Ending::Open => {
                let hint = "Between {{ and }} stands a name, or a helper and what it takes: {{program.name}}.";
                self.fault(tag, "a tag that is not closed", Some("}} is missing".to_owned()), hint);
            }
            Ending::Quote => {
                let hint =
                    "A text in a tag begins and ends with the same quotes: {{fallback partner.first_name \"there\"}}.";
                self.fault(tag, "a text in quotes without an end", None, hint);
            }
        }
    }

    fn opens(&mut self, tag: Tag<'t>, behind: &'t str, whole: bool) {
        let (name, condition) = words(behind.trim_start_matches(['*', '>']).trim_start());
        if name.is_empty() {
            if whole {
                let hint = "There are {{#if …}}, {{#unless …}}, {{#each …}} and {{#with …}}.";
                self.fault(&tag, "a block without a name", None, hint);
            }
        } else if whole && !behind.starts_with(['*', '>']) {
            self.condition(&tag, name, condition);
        }
        self.open.push(Open { name, tag, has_else: false });
    }

    fn condition(&mut self, tag: &Tag<'t>, name: &str, condition: &str) {
        match helper::lookup(name).filter(|spec| spec.block && spec.least > 0) {
            Some(spec) if condition.is_empty() => {
                self.fault(tag, lacking(name), None, format!("Write {}.", spec.example));
                if let Some(fault) = self.faults.last_mut() {
                    fault.code = "R0443";
                }
            }
            _ => self.content(tag),
        }
    }

    fn otherwise(&mut self, tag: &Tag<'t>, condition: &'t str, whole: bool) {
        let Some((opened, had_else)) = self.open.last().map(|open| (open.tag, open.has_else)) else {
            let what = format!("`{}` stands outside of any block", self.shown(tag));
            self.fault(tag, what, None, "It stands between {{#if …}} and its {{/if}}.");
            return;
        };
        if had_else {
            let what = format!("a second {{{{else}}}} in `{}` of line {}", self.shown(&opened), self.line(&opened));
            let hint = "Behind {{else}} comes the end of the block; further cases are {{else if …}} before it.";
            self.fault(tag, what, None, hint);
        } else if whole && !condition.is_empty() {
            let (name, condition) = words(condition);
            self.condition(tag, name, condition);
        }
        if let Some(open) = self.open.last_mut() {
            open.has_else |= condition.is_empty();
        }
    }

    fn closes(&mut self, tag: &Tag<'t>, name: &'t str) {
        let Some(last) = self.open.last() else {
            let what = format!("`{}` closes nothing", self.shown(tag));
            let hint = "Take it out, or write the tag that opens the block before it.";
            self.fault(tag, what, None, hint);
            return;
        };
        if let Some(at) = self.open.iter().rposition(|open| open.name == name || open.name.is_empty()) {
            for inner in self.open.split_off(at).into_iter().skip(1) {
                self.unclosed(&inner, Some(tag));
            }
            return;
        }
        let (opened, wanted) = (last.tag, format!("write {{{{/{}}}}}", last.name));
        let what =
            format!("`{}` does not close `{}` of line {}", self.shown(tag), self.shown(&opened), self.line(&opened));
        self.fault(tag, what, Some(wanted), "A block ends with its own name, the innermost first.");
        self.open.pop();
    }

    fn unclosed(&mut self, open: &Open<'t>, before: Option<&Tag<'t>>) {
        let what =
            format!("`{}` of line {} has no {{{{/{}}}}}", self.shown(&open.tag), self.line(&open.tag), open.name);
        let hint = match before {
            Some(outer) => format!(
                "Write {{{{/{}}}}} where the passage ends, before `{}` of line {}.",
                open.name,
                self.shown(outer),
                self.line(outer)
            ),
            None => format!("Write {{{{/{}}}}} where the passage ends.", open.name),
        };
        self.fault(&open.tag, what, None, hint);
    }

    /// What stands in a tag and is written otherwise here.
    fn content(&mut self, tag: &Tag<'t>) {
        let is_block_name = tag.inner.contains(" as |");
        let mut depth = 0_i32;
        let mut at = 0;
        while let Some(c) = tag.inner.get(at..).and_then(|here| here.chars().next()) {
            let here = tag.inner.get(at..).unwrap_or_default();
            let place = tag.inner_at + at;
            if let Some((operator, instead)) = OPERATORS.into_iter().find(|(operator, _)| here.starts_with(*operator)) {
                let example = helper::lookup(instead).map(|spec| spec.example).unwrap_or_default();
                let hint = format!("What compares or joins is a helper, in front of its values: {example}");
                let what = format!("`{operator}` is not part of a tag");
                self.fault_at(place, place + operator.len(), what, Some(format!("write ({instead} … …)")), hint);
                return;
            }
            match c {
                '"' | '\'' => {
                    at += quoted(here, c).unwrap_or(1);
                    continue;
                }
                '|' if !is_block_name => {
                    let hint = "What is done with a value stands in front of it: {{date offer.ends_on}}, {{fallback partner.first_name \"there\"}}.";
                    self.fault_at(place, place + 1, "a tag has no filters", None, hint);
                    return;
                }
                ',' | ';' => {
                    let what = format!("`{c}` is not part of a tag");
                    let hint = "What a helper takes stands behind it, with spaces between.";
                    self.fault_at(place, place + 1, what, Some("leave it out".to_owned()), hint);
                    return;
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            at += c.len_utf8();
        }
        if depth != 0 {
            let what =
                if depth > 0 { "a parenthesis is not closed" } else { "a parenthesis is closed that was not opened" };
            self.fault(
                tag,
                what,
                None,
                "A helper within a tag stands in its own pair: {{#if (gt conversions_90d 10)}}.",
            );
        }
    }

    fn fault(&mut self, tag: &Tag<'t>, what: impl Into<String>, label: Option<String>, hint: impl Into<String>) {
        self.fault_at(tag.start, tag.end, what, label, hint);
    }

    fn fault_at(
        &mut self,
        start: usize,
        end: usize,
        what: impl Into<String>,
        label: Option<String>,
        hint: impl Into<String>,
    ) {
        self.faults.push(Fault { code: "R0440", start, end, what: what.into(), label, hint: hint.into() });
    }

    fn written(&self, tag: &Tag<'t>) -> &'t str {
        self.text.get(tag.start..tag.end).unwrap_or_default()
    }

    /// The tag as written, or its first word if it is long.
    fn shown(&self, tag: &Tag<'t>) -> String {
        let written = self.written(tag);
        if written.chars().count() <= SHOWN_CHARS_MAX && !written.contains('\n') {
            return written.to_owned();
        }
        let first: String =
            tag.inner.split_whitespace().next().unwrap_or_default().chars().take(SHOWN_CHARS_MAX).collect();
        format!("{{{{{first} …}}}}")
    }

    fn line(&self, tag: &Tag<'t>) -> usize {
        (self.line)(tag.start)
    }
}

/// The first word, and what stands behind it.
fn words(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((first, rest)) => (first, rest.trim_start()),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_as_they_are_written() {
        let shown = |text: &str| -> Vec<String> {
            tags(text).iter().map(|tag| text.get(tag.start..tag.end).unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(shown("a {{b}} c {{~#if d~}}e{{/if}}"), ["{{b}}", "{{~#if d~}}", "{{/if}}"]);
        assert_eq!(shown(r#"{{fallback a "}}"}} {{{b}}} \{{c}}"#), [r#"{{fallback a "}}"}}"#, "{{{b}}}"]);
        assert_eq!(shown("{{! }} }} {{!-- {{a}} --}} {{b"), ["{{! }}", "{{!-- {{a}} --}}", "{{b"]);
        assert_eq!(shown("{{a}, it's {{b\nmore {{c}}"), ["{{a}", "{{b", "{{c}}"]);
        assert_eq!(shown("{{fallback a \"b}} c\n{{d}}"), ["{{fallback a \"b}}", "{{d}}"]);
        assert_eq!(shown("{{"), ["{{"]);
    }
}
