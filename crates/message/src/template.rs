//! One Handlebars text: compiled, and every name it uses listed with its place.
//!
//! Strict mode finds a misspelt name only when it is printed; inside `{{#if}}` it reads as false for ever. Therefore the
//! tree is walked once at load, and `check` asks for the type of every name in the list.

mod resource;
mod review;

use std::collections::BTreeSet;
use std::sync::Arc;

use handlebars::template::{BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use rapport_rule::yaml::is_name;
use rapport_rule::{Findings, Source, Span};

use crate::helper::{self, Wants};
use crate::next_resource;
use crate::partial::{Expanded, Partial, Shelf};
use crate::tag;

/// A name as used in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The path from the root: `partner.first_name`; of an item of a list `products[].title`.
    pub path: String,
    /// Where it stands in its file.
    pub span: Span,
    /// What is done with it.
    pub role: Role,
    /// Whether it may be missing here: it is only asked for, or stands inside an `if` on itself.
    pub may_be_missing: bool,
    /// The partial it stands in; none for the mail itself.
    pub within: Option<Within>,
}

/// A partial as put into a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// Its file.
    pub path: Arc<str>,
    /// Where the mail asks for it.
    pub asked_at: Span,
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
    /// The partials that may be put into it; none where none may.
    pub(crate) shelf: Option<Shelf<'a>>,
    /// How `text` came about, if partials were put into what stands at `span`.
    pub(crate) expanded: Option<&'a Expanded>,
}

/// Where a text asks for a partial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Asked {
    /// The tag, in the text.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The partial's name.
    pub(crate) name: String,
}

/// What the names of a text are, partials included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walked {
    /// Where the text itself asks for partials, in order.
    pub(crate) asked: Vec<Asked>,
    /// The files of all partials in it, those of partials included.
    pub(crate) partials: BTreeSet<Arc<str>>,
    /// Whether one of them has errors, which are findings already.
    pub(crate) broken: bool,
    /// What is wrong with how partials stand in each other, until it is told.
    deep: Option<(&'static str, String)>,
    told: bool,
}

/// Compiles; findings for what does not, and for what no mail may use.
pub(crate) fn compile(piece: &Piece<'_>, uses: &mut Vec<Use>, findings: &mut Findings) -> Option<Template> {
    let errors = findings.errors();
    let template = read(piece, findings)?;
    let walked = walk(piece, &template, None, uses, findings);
    (findings.errors() == errors && !walked.broken).then_some(template)
}

/// Reads the template alone.
pub(crate) fn read(piece: &Piece<'_>, findings: &mut Findings) -> Option<Template> {
    if let Some((at, reason)) = too_much(piece.text) {
        findings.error("R0440", &piece.source.path, piece.place(at, at), reason);
        return None;
    }
    match Template::compile(piece.text) {
        Ok(template) => Some(template),
        Err(error) => {
            let at = error.pos().map_or(0, |(line, column)| offset(piece.text, line, column));
            refused(piece, at, findings);
            None
        }
    }
}

/// What is wrong with a text that the parser refuses; where nothing is known to be, the tag it stopped at, `at` or before.
fn refused(piece: &Piece<'_>, at: usize, findings: &mut Findings) {
    let path = piece.source.path.as_str();
    let line = |at: usize| piece.source.line_column(piece.place(at, at).start).0;
    let faults = tag::faults(piece.text, &line);
    if faults.is_empty() {
        let last = tag::tags(piece.text).into_iter().rfind(|tag| tag.start <= at);
        let (start, end) = last.map_or((at, at), |tag| (tag.start, tag.end));
        findings
            .error("R0440", path, piece.place(start, end), "the template cannot be read")
            .label("this tag is none that mails have")
            .hint("A tag is a name, {{program.name}}, a helper and what it takes, {{date offer.ends_on}}, or a block, {{#if …}}…{{/if}}.");
    }
    for fault in faults {
        let finding = findings.error(fault.code, path, piece.place(fault.start, fault.end), fault.what);
        finding.hint(fault.hint);
        finding.label = fault.label;
    }
}

/// Lists the names of a template, with findings for what no mail may use. `own` is the partial it is the text of, if it is one's.
pub(crate) fn walk(
    piece: &Piece<'_>,
    template: &Template,
    own: Option<&str>,
    uses: &mut Vec<Use>,
    findings: &mut Findings,
) -> Walked {
    let mut walk = Walk {
        piece,
        uses,
        findings,
        scopes: vec![Scope::root()],
        guarded: Vec::new(),
        at: 0,
        within: None,
        inside: own.map(str::to_owned).into_iter().collect(),
        is_partial: own.is_some(),
        met: 0,
        walked: Walked::default(),
    };
    walk.template(template);
    let mut walked = walk.walked;
    walked.asked.sort_unstable();
    walked.asked.dedup();
    walked
}

/// A mail holds no more partials, those in partials included: what asks for two others at every level would never end.
const PARTIALS_MAX: usize = 200;
/// Partials in partials.
const PARTIALS_DEEP: usize = 8;

impl Piece<'_> {
    /// A place in the file from a place in the text.
    pub(crate) fn place(&self, start: usize, end: usize) -> Span {
        if let Some(expanded) = self.expanded {
            return expanded.own(start, end).shifted(self.span.start);
        }
        if self.span.len() == self.text.len() {
            Span::new(start, end.max(start)).shifted(self.span.start)
        } else {
            self.span
        }
    }
}

/// No text of a mail is longer.
pub(crate) const TEXT_BYTES_MAX: usize = 100_000;
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
    /// The partial being looked at, where it is one of a mail.
    within: Option<Within>,
    /// Its name and those of the partials it stands in.
    inside: Vec<String>,
    /// Whether the text looked at first is a partial's, not a mail's.
    is_partial: bool,
    /// How many partials were met, wherever.
    met: usize,
    walked: Walked,
}

impl Walk<'_> {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            self.at = match template.mapping.get(index) {
                Some(mapping) => offset(self.piece.text, mapping.0, mapping.1),
                None => self.next_else(),
            };
            self.element(element);
        }
    }

    /// The next `{{else if …}}`: the one tag whose place the parser does not tell.
    fn next_else(&self) -> usize {
        let behind = self.piece.text.get(self.at..).unwrap_or_default();
        let is_else = |at: &usize| {
            let inside = behind.get(at + 2..).unwrap_or_default().trim_start_matches(['~', ' ']);
            *at > 0 && (inside.starts_with("else") || inside.starts_with('^'))
        };
        behind.match_indices("{{").map(|(at, _)| at).find(is_else).map_or(self.at, |at| self.at + at)
    }

    fn element(&mut self, element: &TemplateElement) {
        match element {
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            TemplateElement::Expression(call) => self.call(call, Role::Printed),
            TemplateElement::HtmlExpression(call) => {
                if self.piece.frame && call.name.as_name() == Some("content") {
                    self.call(call, Role::Printed);
                } else {
                    self.refuse("R0441", "{{{", "values are always escaped").hint("Write it with two braces.");
                    self.call(call, Role::Asked);
                }
            }
            TemplateElement::HelperBlock(call) => self.block(call),
            TemplateElement::PartialExpression(call) => self.partial(call),
            _ => {
                self.refuse("R0441", "{{", "decorators and partials with a text of their own are not part of mails")
                    .hint("A partial is put in with {{> footer}}; its text stands in config/partials/footer.md.");
            }
        }
    }

    /// `{{> footer}}`.
    fn partial(&mut self, call: &DecoratorTemplate) {
        let name = call.name.as_name().unwrap_or_default().to_owned();
        let Some(shelf) = self.piece.shelf else {
            self.refuse("R0441", "{{", "partials are put into the text of a mail only")
                .hint("What all mails share stands in the layout.");
            return;
        };
        if !is_name(&name) || !call.params.is_empty() || !call.hash.is_empty() {
            self.refuse("R0441", "{{", "a partial is asked for by its name alone")
                .hint("Write {{> footer}}. It sees all names that the mail has.");
            return;
        }
        let Some(partial) = shelf.find(&name) else {
            let near = shelf.nearest(&name);
            let hint = shelf.missing(&name);
            self.refuse("R0457", &name, format!("there is no partial `{name}`")).did_you_mean(near).hint(hint);
            self.walked.broken = true;
            return;
        };
        let tag = self.piece.text.get(self.at..).and_then(|rest| rest.find("}}")).map_or(0, |end| end + 2);
        if self.within.is_none() {
            self.walked.asked.push(Asked { start: self.at, end: self.at + tag, name: name.clone() });
        }
        if let Some(first) = self.inside.iter().position(|known| *known == name) {
            // Each partial of a round tells of it; what merely leads there does not.
            if self.is_partial && first == 0 {
                let round = self.inside.iter().chain([&name]).map(String::as_str).collect::<Vec<_>>();
                let what = format!("a partial is put into itself: {}", round.join(" → "));
                self.deep("R0458", what, &name);
            }
            self.walked.broken = true;
            return;
        }
        self.met += 1;
        if self.met > PARTIALS_MAX || self.inside.len() > PARTIALS_DEEP {
            let what = format!("more than {PARTIALS_MAX} partials in one text, or {PARTIALS_DEEP} inside each other");
            self.deep("R0440", what, &name);
            self.walked.broken = true;
            return;
        }
        self.walked.partials.insert(partial.path().into());
        self.walked.broken |= !partial.is_sound();
        self.inside(partial, name.clone(), tag);
        self.tell_deep(&name);
    }

    /// Notes what is wrong with how partials stand in each other, to be told once, where the text looked at leads there.
    fn deep(&mut self, code: &'static str, what: String, name: &str) {
        if !std::mem::replace(&mut self.walked.told, true) {
            self.walked.deep = Some((code, what));
        }
        self.tell_deep(name);
    }

    fn tell_deep(&mut self, name: &str) {
        if self.within.is_none()
            && let Some((code, what)) = self.walked.deep.take()
        {
            self.refuse(code, name, what).hint("Take one of the tags out: such a text has no end.");
        }
    }

    /// The names of a partial, as if they stood here. What is wrong with its text alone is told once, with its own file.
    fn inside(&mut self, partial: &Partial, name: String, tag: usize) {
        let Some(template) = partial.template() else { return };
        let piece = Piece { shelf: self.piece.shelf, ..partial.piece() };
        let mut told = Findings::new();
        let mut inside = self.inside.clone();
        inside.push(name);
        let asked_at = match &self.within {
            Some(within) => within.asked_at,
            None => self.piece.place(self.at, self.at + tag),
        };
        let mut walk = Walk {
            piece: &piece,
            uses: &mut *self.uses,
            findings: &mut told,
            scopes: self.scopes.clone(),
            guarded: self.guarded.clone(),
            at: 0,
            within: Some(Within { path: partial.path().into(), asked_at }),
            inside,
            is_partial: self.is_partial,
            met: self.met,
            walked: std::mem::take(&mut self.walked),
        };
        walk.template(template);
        (self.met, self.walked) = (walk.met, walk.walked);
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
            self.asked(call);
            return;
        };
        if spec.block {
            self.refuse("R0443", &name, format!("`{name}` is a block")).hint(format!("Write {}.", spec.example));
            self.asked(call);
            return;
        }
        self.arguments(call, spec, role);
    }

    /// The names in a call that is refused itself: whether they exist is told besides.
    fn asked(&mut self, call: &HelperTemplate) {
        for parameter in call.params.iter().chain(call.hash.values()) {
            self.parameter(parameter, Role::Asked, true);
        }
    }

    fn arguments(&mut self, call: &HelperTemplate, spec: &'static helper::Spec, role: Role) {
        let given = call.params.len();
        let option = call.hash.keys().find(|key| !spec.options.contains(&key.as_str()));
        if given < spec.least || given > spec.most || option.is_some() {
            let message = match option {
                Some(option) => format!("`{}` has no option `{option}`", spec.name),
                None if spec.block && given == 0 => tag::lacking(spec.name),
                None => format!("`{}` takes {}, found {given}", spec.name, arguments_text(spec)),
            };
            self.refuse("R0443", spec.name, message).hint(format!("Write {}.", spec.example));
            self.asked(call);
            return;
        }
        if spec.name == helper::REVIEW_LINK && !self.names_a_period(call) {
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
        if let Some(list) = helper::list_behind(spec.name) {
            let missing = asked || self.guarded.iter().any(|path| path == list);
            let span = self.find(spec.name);
            self.used(list.to_owned(), span, Role::Listed, missing);
        }
    }

    fn block(&mut self, call: &HelperTemplate) {
        let name = call.name.as_name().unwrap_or_default().to_owned();
        let Some(spec) = helper::lookup(&name) else {
            self.unknown_helper(&name);
            self.asked(call);
            return;
        };
        if !spec.block {
            self.refuse("R0443", &name, format!("`{name}` is not a block")).hint(format!("Write {}.", spec.example));
            self.asked(call);
            if let Some(template) = &call.template {
                self.template(template);
            }
            return;
        }
        self.arguments(call, spec, Role::Printed);
        if name == next_resource::NAME {
            return self.next_resource(call);
        }
        if call.params.is_empty() && matches!(spec.name, "each" | "with") {
            // Nobody knows what the names inside are names of.
            return;
        }
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
                self.used(path, span, role, missing);
            }
        }
    }

    fn used(&mut self, path: String, span: Span, role: Role, may_be_missing: bool) {
        let found = Use { path, span, role, may_be_missing, within: self.within.clone() };
        if !self.uses.contains(&found) {
            self.uses.push(found);
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
