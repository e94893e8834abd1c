//! From the events of the YAML parser to the tree, with budgets and without a stack that the text controls.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::{Key, Node, Style, Value};
use crate::finding::Findings;
use crate::source::{Source, Span};

/// The longest file that is read, in bytes.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The deepest nesting of lists and maps.
pub const DEPTH_MAX: usize = 64;
/// The most values in one file.
pub const NODES_MAX: usize = 100_000;
/// So many findings about YAML itself mean that the file is something else: the reading stops.
const FINDINGS_MAX: usize = 200;

/// Reads a file into a tree. An empty file is none without a finding. None with findings if it is no YAML or beyond the
/// budgets; findings beside a tree for what is YAML but not ours (anchors, tags, double keys, the key `on`).
pub fn parse(source: &Source, findings: &mut Findings) -> Option<Node> {
    let text = source.text.as_str();
    if let Some(refusal) = refuse(text) {
        findings.error(refusal.code, &source.path, refusal.span, refusal.message);
        return None;
    }
    let places = Places::of(text);
    // The parser's few unwraps are about its own bookkeeping; should one ever be wrong, the author gets a finding too.
    let built = catch_unwind(AssertUnwindSafe(|| {
        let mut events = Parser::new_from_str(text.get(places.skipped..).unwrap_or_default());
        let mut builder = Builder::new(source, &places);
        while let Some(event) = events.next_event() {
            match event {
                Ok((event, span)) => {
                    let span = places.span(span.start.index(), span.end.index(), text);
                    if builder.event(event, span).is_err() || builder.findings.len() >= FINDINGS_MAX {
                        break;
                    }
                }
                Err(error) => {
                    builder.syntax_error(&error);
                    break;
                }
            }
        }
        builder.finish()
    }));
    match built {
        Ok((root, found)) => {
            findings.append(found);
            root
        }
        Err(_) => {
            findings
                .error("R0002", &source.path, None, "this is no YAML")
                .hint("The reader could not make sense of the file.");
            None
        }
    }
}

/// Reads a file that has to say something: one that is empty, or holds comments alone, is a finding too. A file cut off when it was
/// saved must not pass for one that asks for nothing.
pub fn parse_filled(source: &Source, findings: &mut Findings) -> Option<Node> {
    let before = findings.len();
    let root = parse(source, findings);
    if root.is_none() && findings.len() == before {
        let what = if source.text.trim().is_empty() { "the file is empty" } else { "the file says nothing" };
        findings
            .error("R0518", &source.path, Span::at(0), what)
            .hint("Was it cut off when it was saved? Write it again, or delete it with what belongs to it.");
    }
    root
}

struct Refusal {
    code: &'static str,
    span: Option<Span>,
    message: String,
}

/// What no parser needs to look at.
fn refuse(text: &str) -> Option<Refusal> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("the file has {} bytes, at most {TEXT_BYTES_MAX} are read", text.len());
        return Some(Refusal { code: "R0006", span: None, message });
    }
    let odd = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if let Some((at, c)) = text.char_indices().find(|(at, c)| odd(*c) || (*c == '\u{feff}' && *at > 0)) {
        let message = format!("the character U+{:04X} may not stand in a file", c as u32);
        return Some(Refusal { code: "R0001", span: Some(Span::new(at, at + c.len_utf8())), message });
    }
    // The scanner's own queues grow with open brackets; no file of ours nests like this.
    let (mut open, mut deepest) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    (deepest > 20_000).then(|| Refusal { code: "R0005", span: None, message: "brackets are nested too deeply".into() })
}

/// From the parser's character indices to byte offsets.
struct Places {
    /// Empty for ASCII texts, where both are the same.
    byte_of_char: Vec<u32>,
    /// The bytes of a byte order mark at the beginning, which the parser would take for text.
    skipped: usize,
    end: usize,
}

impl Places {
    fn of(text: &str) -> Places {
        let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
        let byte_of_char = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at as u32).filter(|at| *at as usize >= skipped).collect()
        };
        Places { byte_of_char, skipped, end: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        if self.byte_of_char.is_empty() {
            return index.min(self.end);
        }
        self.byte_of_char.get(index).map_or(self.end, |byte| *byte as usize)
    }

    fn span(&self, start: usize, end: usize, text: &str) -> Span {
        let (start, end) = (self.byte(start), self.byte(end));
        let end = end.max(start);
        // Block scalars and collections end at the next token; what follows the value is not part of it.
        let written = text.get(start..end).unwrap_or_default().trim_end();
        Span::new(start, start + written.len())
    }
}

/// Reading stops: a budget is spent or the text is no YAML.
struct Stop;

/// A list or map that is being read.
enum Open {
    Seq {
        start: usize,
        items: Vec<Node>,
    },
    Map {
        start: usize,
        entries: Vec<(Key, Node)>,
        key: Option<Key>,
        refused: bool,
        /// Where each key stands; looking through the entries would take a time quadratic in their number.
        places: HashMap<String, usize>,
    },
}

struct Builder<'a> {
    source: &'a Source,
    places: &'a Places,
    findings: Findings,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    broken: bool,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Source, places: &'a Places) -> Builder<'a> {
        Builder {
            source,
            places,
            findings: Findings::new(),
            open: Vec::new(),
            root: None,
            nodes: 0,
            documents: 0,
            broken: false,
        }
    }

    fn finish(self) -> (Option<Node>, Findings) {
        (if self.broken { None } else { self.root }, self.findings)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.findings
                        .error("R0009", &self.source.path, span, "a second document begins here")
                        .label("one file, one document: remove the `---`");
                    return Err(Stop);
                }
            }
            Event::Alias(_) => {
                self.refused("R0003", span, "`*` stands for something else in YAML").label(QUOTE_OR_WRITE_OUT);
                self.value(Node { span, value: Value::Null, style: Style::Plain })?;
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_anchor(anchor, span);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                if tag.is_some() {
                    let span = self.tag(span, text.is_empty());
                    if style == Style::Plain {
                        // `!segment.x` was meant as it stands: with the sign taken for a tag nothing, or half of it, would be
                        // left, and be complained about a second time.
                        let meant = Value::String(self.source.slice(span).to_owned());
                        return self.value(Node { span, value: meant, style });
                    }
                }
                let value = if style == Style::Plain { plain(&text) } else { Value::String(text.into_owned()) };
                self.value(Node { span, value, style })?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_anchor(anchor, span);
                if tag.is_some() {
                    self.tag(span, false);
                }
                self.enter(Open::Seq { start: span.start, items: Vec::new() }, span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.no_anchor(anchor, span);
                if tag.is_some() {
                    self.tag(span, false);
                }
                self.enter(
                    Open::Map {
                        start: span.start,
                        entries: Vec::new(),
                        key: None,
                        refused: false,
                        places: HashMap::new(),
                    },
                    span,
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop() {
                    Some(Open::Seq { start, items }) => {
                        let end = items.last().map_or(span.end, |item| item.span.end.max(span.end));
                        Node { span: self.whole(start, end), value: Value::Seq(items), style: Style::Collection }
                    }
                    Some(Open::Map { start, entries, .. }) => {
                        let end = entries
                            .last()
                            .map_or(span.end, |(key, node)| node.span.end.max(key.span.end).max(span.end));
                        Node { span: self.whole(start, end), value: Value::Map(entries), style: Style::Collection }
                    }
                    None => return Ok(()),
                };
                self.value(node)?;
            }
        }
        Ok(())
    }

    fn whole(&self, start: usize, end: usize) -> Span {
        let written = self.source.text.get(start..end.max(start)).unwrap_or_default().trim_end();
        Span::new(start, start + written.len())
    }

    fn enter(&mut self, open: Open, span: Span) -> Result<(), Stop> {
        if self.open.len() >= DEPTH_MAX {
            self.refused("R0005", span, &format!("lists and maps are nested more than {DEPTH_MAX} deep"));
            self.broken = true;
            return Err(Stop);
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts a finished value where it belongs: the root, a list, a key or a key's value.
    fn value(&mut self, node: Node) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            self.refused("R0006", node.span, &format!("the file has more than {NODES_MAX} values"));
            self.broken = true;
            return Err(Stop);
        }
        let Builder { open, findings, source, root, .. } = self;
        match open.last_mut() {
            None => *root = Some(node),
            Some(Open::Seq { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, refused, places, .. }) => match key.take() {
                Some(_) if std::mem::take(refused) => {}
                Some(key) => entries.push((key, node)),
                None => {
                    let (name, accepted) = read_key(node, places, source, findings);
                    *refused = !accepted;
                    *key = Some(name);
                }
            },
        }
        Ok(())
    }

    fn no_anchor(&mut self, anchor: usize, span: Span) {
        if anchor > 0 {
            let hint = "Anchors (`&name`) and aliases (`*name`) are not understood here.";
            self.refused("R0003", span, "`&` names a value for reuse in YAML")
                .label("write the value out, or quote the text")
                .hint(hint);
        }
    }

    /// Complains about a tag before the value at `span`, and gives the place of both.
    fn tag(&mut self, span: Span, empty: bool) -> Span {
        // An empty value stands where the next word is, mostly on another line; the tag is on the last line before that has one.
        let before = self.source.text.get(..span.start).unwrap_or_default().trim_end();
        let from = before.rfind('!').filter(|at| !before.get(*at..).unwrap_or_default().contains('\n'));
        let span = from.map_or(span, |from| {
            let rest = self.source.text.get(from..).unwrap_or_default();
            let tag = rest.find(|c: char| c.is_whitespace() || ",]}".contains(c)).unwrap_or(rest.len());
            Span::new(from, if empty { from + tag } else { span.end })
        });
        self.refused("R0004", span, "`!` begins a tag in YAML")
            .label("quote the whole expression, or use `not:` or `unless:`");
        span
    }

    fn refused(&mut self, code: &'static str, span: Span, message: &str) -> &mut crate::Finding {
        self.findings.error(code, &self.source.path, span, message)
    }

    fn syntax_error(&mut self, error: &ScanError) {
        self.broken = true;
        let text = &self.source.text;
        let mut at = self.places.byte(error.marker().index());
        // "Unexpected end": point at the last thing written, not at the void behind it.
        if text.get(at..).unwrap_or_default().trim().is_empty() {
            at = text.trim_end().char_indices().next_back().map_or(0, |(at, _)| at);
        }
        let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let (line, _) = self.source.line_column(at);
        let written = self.source.line_text(line).trim();
        let begins = |sign: char| value_of(written).starts_with(sign) || written.contains(&format!(" {sign}"));
        let found = Span::new(at, at + width);
        if ["tag", "handle"].iter().any(|word| error.info().contains(word)) && begins('!') {
            self.tag(found, false);
            return;
        }
        if error.info().contains("anchor") && ["*", "&"].iter().any(|sign| written.contains(sign)) {
            self.refused("R0003", found, "`*` and `&` stand for something else in YAML").label(QUOTE_OR_WRITE_OUT);
            return;
        }
        let hint = syntax_hint(written, error.info());
        self.findings
            .error("R0002", &self.source.path, found, "this is no YAML")
            .label(error.info().to_owned())
            .hint(hint);
    }
}

const QUOTE_OR_WRITE_OUT: &str = "quote the text, or write the value out";

/// What stands behind the key and the dash of a line.
fn value_of(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(_, value)| value).trim_start_matches("- ")
}

/// What most likely went wrong on a line that YAML refuses.
fn syntax_hint(line: &str, info: &str) -> &'static str {
    let value = value_of(line);
    if line.contains('\t') || info.contains("tab") {
        "Indent with spaces, not with tabs."
    } else if value.starts_with('"') && value.matches('"').count() > 2 || value.starts_with(['@', '`', '%']) {
        "Put the whole expression in single quotes."
    } else if value.matches(": ").count() > 0 {
        "A text that has `: ` in it needs quotes."
    } else if line.matches(['[', '{']).count() != line.matches([']', '}']).count() {
        "Is a bracket left open? Expressions with brackets or commas need quotes inside [ ] and { }."
    } else {
        "Look at the indentation, at quotes and at the colon behind each key."
    }
}

/// A key from the node in its place; whether its entry is kept.
fn read_key(node: Node, places: &mut HashMap<String, usize>, source: &Source, findings: &mut Findings) -> (Key, bool) {
    let span = node.span;
    let plain = node.style == Style::Plain;
    let text = match node.value {
        Value::String(text) => text,
        // `100: x`, `true: x`: the text as written.
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => source.slice(span).to_owned(),
        Value::Null | Value::Seq(_) | Value::Map(_) => {
            findings
                .error("R0008", &source.path, span, "a key must be a text")
                .hint("`{{…}}` and expressions with brackets need quotes.");
            return (Key { text: String::new(), span }, false);
        }
    };
    let trap = ["on", "off", "yes", "no", "y", "n"].contains(&text.to_lowercase().as_str());
    if plain && trap {
        findings
            .warning("R0010", &source.path, span, format!("older YAML tools read the key `{text}` as true or false"))
            .label(format!("write \"{text}\" in quotes, or another key"));
    }
    if plain && text == "<<" {
        findings.error("R0003", &source.path, span, "`<<` merges maps in YAML").label("write the keys out");
        return (Key { text, span }, false);
    }
    if let Some(first) = places.get(&text) {
        let (line, _) = source.line_column(*first);
        findings
            .error("R0007", &source.path, span, format!("the key `{text}` is here twice"))
            .label(format!("it stands already on line {line}"));
        return (Key { text, span }, false);
    }
    places.insert(text.clone(), span.start);
    (Key { text, span }, true)
}

/// What an unquoted text says by the core schema of YAML 1.2.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Value::String(text.to_owned());
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or_else(|_| Value::String(text.to_owned()), Value::Int);
    }
    let number = digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    match text.parse::<f64>() {
        Ok(value) if number && value.is_finite() => Value::Float(value),
        _ => Value::String(text.to_owned()),
    }
}
