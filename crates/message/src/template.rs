//! One Handlebars text: compiled, and every name it uses listed with its place.
//!
//! Strict mode finds a misspelt name only when it is printed; inside `{{#if}}` it reads as false for ever. Therefore the
//! tree is walked once at load, and `check` asks for the type of every name in the list.

use handlebars::template::{BlockParam, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use rapport_rule::{Findings, Source, Span};

use crate::helper::{self, Wants};

/// A name as used in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The path from the root: `partner.first_name`; of an item of a list `products[].title`.
    pub path: String,
    /// Where it stands in the file.
    pub span: Span,
    /// What is done with it.
    pub role: Role,
    /// Whether it may be missing here: it is only asked for, or stands inside an `if` on itself.
    pub may_be_missing: bool,
}

/// What is done with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Printed as it is: texts and numbers can be.
    Printed,
    /// Looked at by a condition.
    Asked,
    /// Gone through by `each`, or counted.
    Listed,
    /// An argument that must be an amount of money.
    AsMoney,
    /// An argument that must be a date or a moment.
    AsDay,
    /// An argument that must be a number.
    AsNumber,
    /// An argument that must be a text.
    AsText,
    /// Printed if it is there, by `fallback`.
    OrElse,
}

/// A text of a file and where it begins there.
pub(crate) struct Piece<'a> {
    pub(crate) source: &'a Source,
    pub(crate) text: &'a str,
    /// Where `text` stands; places inside are exact only if the lengths agree.
    pub(crate) span: Span,
    /// Whether `{{{x}}}` is allowed for the one name `content`.
    pub(crate) frame: bool,
}

/// Compiles; findings for what does not, and for what no mail may use.
pub(crate) fn compile(piece: &Piece<'_>, uses: &mut Vec<Use>, findings: &mut Findings) -> Option<Template> {
    if let Some((at, reason)) = too_much(piece.text) {
        findings.error("R0440", &piece.source.path, piece.place(at, at), reason);
        return None;
    }
    let template = match Template::compile(piece.text) {
        Ok(template) => template,
        Err(error) => {
            let at = error.pos().map_or(0, |(line, column)| offset(piece.text, line, column));
            findings
                .error("R0440", &piece.source.path, piece.place(at, at), "the template cannot be read")
                .label(brief(&error.reason().to_string()))
                .hint("Every {{#if}}, {{#unless}}, {{#each}} and {{#with}} needs its {{/…}}.");
            return None;
        }
    };
    let errors = findings.errors();
    let mut walk = Walk { piece, uses, findings, scopes: vec![Scope::root()], guarded: Vec::new(), at: 0 };
    walk.template(&template);
    (findings.errors() == errors).then_some(template)
}

impl Piece<'_> {
    /// A place in the file from a place in the text.
    pub(crate) fn place(&self, start: usize, end: usize) -> Span {
        if self.span.len() == self.text.len() {
            Span::new(start, end.max(start)).shifted(self.span.start)
        } else {
            self.span
        }
    }
}

/// No text of a mail is longer.
const TEXT_BYTES_MAX: usize = 100_000;
/// Blocks in blocks, `else if` after `else if`, parentheses in parentheses.
const DEPTH_MAX: usize = 40;

/// What the foreign parser must not see: it recurses without a limit, and running out of stack ends the process.
fn too_much(text: &str) -> Option<(usize, &'static str)> {
    if text.len() > TEXT_BYTES_MAX {
        return Some((0, "the text is longer than 100,000 bytes"));
    }
    let (mut blocks, mut parentheses) = (0usize, 0usize);
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        match c {
            '{' if rest.starts_with("{{") => {
                let tag = rest.trim_start_matches(['{', '~']).trim_start();
                if tag.starts_with('#') || tag.starts_with("else") || tag.starts_with('^') {
                    blocks += 1;
                } else if tag.starts_with('/') {
                    blocks = blocks.saturating_sub(1);
                }
                parentheses = 0;
            }
            '(' => parentheses += 1,
            ')' => parentheses = parentheses.saturating_sub(1),
            _ => {}
        }
        // Each brace of a tag is met once or twice, hence the factor.
        if blocks > 2 * DEPTH_MAX || parentheses > DEPTH_MAX {
            return Some((at, "too many blocks or parentheses inside each other"));
        }
    }
    None
}

/// The first line of a parser's complaint, without its drawing.
fn brief(text: &str) -> String {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.trim_start_matches("= ").to_owned()
}

/// The byte at a line and column, both from 1, columns in characters.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// Where relative names begin.
#[derive(Clone)]
struct Scope {
    /// The path of the item or object; empty at the root.
    base: String,
    /// Names given by `as |item|`.
    names: Vec<(String, String)>,
}

impl Scope {
    fn root() -> Scope {
        Scope { base: String::new(), names: Vec::new() }
    }
}

struct Walk<'a> {
    piece: &'a Piece<'a>,
    uses: &'a mut Vec<Use>,
    findings: &'a mut Findings,
    scopes: Vec<Scope>,
    /// Paths an enclosing `if` has found present.
    guarded: Vec<String>,
    /// Where the tag being looked at begins, in the text.
    at: usize,
}

impl Walk<'_> {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            if let Some(mapping) = template.mapping.get(index) {
                self.at = offset(self.piece.text, mapping.0, mapping.1);
            }
            self.element(element);
        }
    }

    fn element(&mut self, element: &TemplateElement) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(call) => self.call(call, Role::Printed),
            TemplateElement::HtmlExpression(call) => {
                if !(self.piece.frame && call.name.as_name() == Some("content")) {
                    self.refuse("R0441", "{{{", "values are always escaped").hint("Write it with two braces.");
                }
                self.call(call, Role::Printed);
            }
            TemplateElement::HelperBlock(call) => self.block(call),
            _ => {
                self.refuse("R0441", "{{", "partials and decorators are not part of mails")
                    .hint("What all mails share stands in the layout.");
            }
        }
    }

    /// `{{name}}` or `{{helper …}}`, also in parentheses.
    fn call(&mut self, call: &HelperTemplate, role: Role) {
        let name = call.name.as_name().unwrap_or_default().to_owned();
        let spec = helper::lookup(&name);
        if call.params.is_empty() && call.hash.is_empty() && spec.is_none() {
            self.parameter(&call.name, role, role == Role::Asked);
            return;
        }
        let Some(spec) = spec else {
            self.unknown_helper(&name);
            return;
        };
        if spec.block {
            self.refuse("R0443", &name, format!("`{name}` is a block")).hint(format!("Write {}.", spec.example));
            return;
        }
        self.arguments(call, spec, role);
    }

    fn arguments(&mut self, call: &HelperTemplate, spec: &'static helper::Spec, role: Role) {
        let given = call.params.len();
        let option = call.hash.keys().find(|key| !spec.options.contains(&key.as_str()));
        if given < spec.least || given > spec.most || option.is_some() {
            let message = match option {
                Some(option) => format!("`{}` has no option `{option}`", spec.name),
                None => format!("`{}` takes {}, found {given}", spec.name, arguments_text(spec)),
            };
            self.refuse("R0443", spec.name, message).hint(format!("Write {}.", spec.example));
            return;
        }
        // Inside a condition a helper's own argument may be missing too: then it gives nothing.
        let asked = matches!(role, Role::Asked | Role::OrElse);
        for (at, parameter) in call.params.iter().enumerate() {
            let wanted = match spec.wants_at(at) {
                Wants::Printable => Role::Printed,
                Wants::Anything if spec.name == "fallback" => Role::OrElse,
                Wants::Anything => Role::Asked,
                Wants::Money => Role::AsMoney,
                Wants::Day => Role::AsDay,
                Wants::Number => Role::AsNumber,
                Wants::List => Role::Listed,
                Wants::Text => Role::AsText,
            };
            let missing = asked || matches!(wanted, Role::Asked | Role::OrElse);
            self.parameter(parameter, wanted, missing);
        }
    }

    fn block(&mut self, call: &HelperTemplate) {
        let name = call.name.as_name().unwrap_or_default().to_owned();
        let Some(spec) = helper::lookup(&name) else {
            self.unknown_helper(&name);
            return;
        };
        if !spec.block {
            self.refuse("R0443", &name, format!("`{name}` is not a block")).hint(format!("Write {}.", spec.example));
            return;
        }
        self.arguments(call, spec, Role::Printed);
        let depth = self.guarded.len();
        let present: Vec<String> = call.params.first().map(|p| self.implied(p)).unwrap_or_default();
        match name.as_str() {
            "if" | "unless" => {
                let (when_present, otherwise) =
                    if name == "if" { (&call.template, &call.inverse) } else { (&call.inverse, &call.template) };
                self.guarded.extend(present);
                if let Some(template) = when_present {
                    self.template(template);
                }
                self.guarded.truncate(depth);
                if let Some(template) = otherwise {
                    self.template(template);
                }
            }
            _ => {
                let base = call.params.first().and_then(|p| self.path(p)).unwrap_or_default();
                let base = if name == "each" { format!("{base}[]") } else { base };
                let names = match &call.block_param {
                    Some(BlockParam::Single(item) | BlockParam::Pair((item, _))) => {
                        item.as_name().map(|name| (name.to_owned(), base.clone())).into_iter().collect()
                    }
                    _ => Vec::new(),
                };
                self.scopes.push(Scope { base, names });
                if let Some(template) = &call.template {
                    self.template(template);
                }
                self.scopes.pop();
                if let Some(template) = &call.inverse {
                    self.template(template);
                }
            }
        }
    }

    /// The paths that are present when the condition holds.
    fn implied(&self, parameter: &Parameter) -> Vec<String> {
        match parameter {
            Parameter::Subexpression(inner) => match inner.element.as_ref() {
                TemplateElement::Expression(call) => match call.name.as_name() {
                    Some("and" | "eq" | "ne" | "gt" | "gte" | "lt" | "lte") => {
                        call.params.iter().flat_map(|p| self.implied(p)).collect()
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            },
            other => self.path(other).into_iter().collect(),
        }
    }

    fn parameter(&mut self, parameter: &Parameter, role: Role, missing: bool) {
        match parameter {
            Parameter::Literal(_) => {}
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(call) = inner.element.as_ref() {
                    self.call(call, if missing { Role::Asked } else { role });
                }
            }
            named => {
                let Some(path) = self.path(named) else { return };
                let span = self.find(named.as_name().unwrap_or_default());
                // An item's field may be missing where its list is; that is the list's own use.
                let missing = missing || self.guarded.contains(&path);
                let found = Use { path, span, role, may_be_missing: missing };
                if !self.uses.contains(&found) {
                    self.uses.push(found);
                }
            }
        }
    }

    /// The path from the root; none for `@index` and its like.
    fn path(&self, parameter: &Parameter) -> Option<String> {
        let (names, ups, from_root) = match parameter {
            Parameter::Name(name) => (vec![name.clone()], 0, false),
            Parameter::Path(Path::Local(_)) => return None,
            Parameter::Path(Path::Relative((segments, raw))) => {
                let names = segments
                    .iter()
                    .filter_map(|segment| match segment {
                        PathSeg::Named(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect();
                (names, raw.matches("../").count(), raw.starts_with("@root"))
            }
            _ => return None,
        };
        let depth = if from_root { 1 } else { self.scopes.len().saturating_sub(ups).max(1) };
        let scopes = self.scopes.get(..depth).unwrap_or_default();
        let mut names = names.into_iter();
        let mut path = String::new();
        if let Some(first) = names.next() {
            let given = scopes.iter().rev().flat_map(|scope| &scope.names).find(|(name, _)| *name == first);
            match given {
                Some((_, base)) => path.push_str(base),
                None => {
                    let base = scopes.last().map(|scope| scope.base.as_str()).unwrap_or_default();
                    path.push_str(base);
                    join(&mut path, &first);
                }
            }
        } else {
            path.push_str(scopes.last().map(|scope| scope.base.as_str()).unwrap_or_default());
        }
        names.for_each(|name| join(&mut path, &name));
        Some(path)
    }

    /// Where a word stands in the tag that begins at `at`.
    fn find(&self, word: &str) -> Span {
        let rest = self.piece.text.get(self.at..).unwrap_or_default();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '@' | '/');
        let at = rest.match_indices(word).map(|(at, _)| at).find(|at| {
            let before = rest.get(..*at).and_then(|text| text.chars().next_back());
            let behind = rest.get(at + word.len()..).and_then(|text| text.chars().next());
            !word.is_empty() && !before.is_some_and(is_part) && !behind.is_some_and(is_part)
        });
        match at {
            Some(at) => self.piece.place(self.at + at, self.at + at + word.len()),
            None => self.piece.place(self.at, self.at),
        }
    }

    fn refuse(&mut self, code: &'static str, word: &str, message: impl Into<String>) -> &mut rapport_rule::Finding {
        let span =
            if word.starts_with('{') { self.piece.place(self.at, self.at + word.len()) } else { self.find(word) };
        self.findings.error(code, &self.piece.source.path, span, message)
    }

    fn unknown_helper(&mut self, name: &str) {
        let near = rapport_rule::suggest::nearest(name, helper::HELPERS.iter().map(|spec| spec.name));
        self.refuse("R0442", name, format!("there is no helper `{name}`")).did_you_mean(near);
    }
}

fn join(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(name);
}

fn arguments_text(spec: &helper::Spec) -> String {
    match (spec.least, spec.most) {
        (0, 0) => "no arguments".to_owned(),
        (1, 1) => "one argument".to_owned(),
        (least, most) if least == most => format!("{least} arguments"),
        (least, most) => format!("{least} to {most} arguments"),
    }
}
