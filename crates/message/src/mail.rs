//! One mail file: front matter with subject and preheader, then Markdown; Handlebars in all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use handlebars::Handlebars;
use rapport_rule::expr::{Type, Variable};
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::Fields;
use rapport_rule::{Findings, Source, Span};
use serde_json::Value as Json;

use crate::front_matter;
use crate::helper;
use crate::layout;
use crate::locale::Locale;
use crate::made;
use crate::markdown;
use crate::mjml;
use crate::partial::{Format, Partials, Shelf};
use crate::placeholder;
use crate::render::RenderError;
use crate::template::{self, Piece, Role, Use};
use crate::variable::{self, Provider, Shape};

/// The three texts of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The line in the list of mails.
    Subject,
    /// What the list shows behind it; may be absent.
    Preheader,
    /// The mail itself.
    Body,
}

impl Part {
    /// `subject`, `preheader`, `body`.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Subject => "subject",
            Part::Preheader => "preheader",
            Part::Body => "body",
        }
    }
}

/// A mail in one language, compiled.
#[derive(Clone, Debug)]
pub struct Mail {
    name: String,
    locale: Option<Locale>,
    path: String,
    names: Vec<Use>,
    /// The files of the partials in it.
    partials: BTreeSet<Arc<str>>,
    has_preheader: bool,
    /// Where subject and preheader stand.
    heads: [Option<Span>; 2],
    /// Whether the subject is too long as it is written.
    is_long: bool,
    /// The lines of the body as rendered: of each the line as written, from 1, and its place in the file. None for MJML, whose
    /// HTML has other lines.
    lines: Vec<(usize, Span)>,
    /// Subject and preheader: values cleaned, nothing escaped.
    plain: Handlebars<'static>,
    body: Body,
}

/// How a mail's body is written.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// Markdown, with the values sealed; the layout is its frame.
    Markdown(Handlebars<'static>),
    /// The whole document, made of MJML, with the values escaped.
    Html(Handlebars<'static>),
}

/// The ends of names of mail files.
const MARKDOWN: &str = ".mail.md";
const MJML: &str = ".mail.mjml";

/// A mail's subject is cut by mail clients beyond this many characters as written; a longer one is a warning.
const SUBJECT_CHARS_MAX: usize = 150;

impl Mail {
    /// Whether a path is one of a mail: `….mail.md`, `….mail.mjml`.
    #[must_use]
    pub fn is_path(path: &str) -> bool {
        Self::stem(path).is_some()
    }

    /// The file's name without what makes it a mail: `hello`, `hello.de-AT`.
    #[must_use]
    pub fn stem(path: &str) -> Option<&str> {
        let file = path.rsplit('/').next()?;
        file.strip_suffix(MARKDOWN).or_else(|| file.strip_suffix(MJML))
    }

    /// Reads the name and language of a mail from its path: `…/hello.mail.md`, `…/hello.de-AT.mail.mjml`. None if the path
    /// is not one of a mail.
    pub fn name_of(path: &str) -> Option<(String, Option<Locale>)> {
        let file = Self::stem(path)?;
        let (name, locale) = match file.rsplit_once('.') {
            Some((name, tag)) => (name, Some(Locale::parse(tag)?)),
            None => (file, None),
        };
        (!name.is_empty()).then(|| (name.to_owned(), locale))
    }

    /// Compiles a mail file of a project without partials. None if it has errors, which are findings; warnings leave a mail.
    pub fn parse(source: &Source, findings: &mut Findings) -> Option<Mail> {
        Mail::parse_with(source, &Partials::none(&Locale::english()), findings)
    }

    /// Compiles a mail file with the partials it asks for.
    pub fn parse_with(source: &Source, partials: &Partials, findings: &mut Findings) -> Option<Mail> {
        Mail::read(source, partials, findings).filter(|(_, sound)| *sound).map(|(mail, _)| mail)
    }

    /// Compiles a mail file, and says whether it is without errors. One with errors still has the names that could be read of it, so
    /// that what is wrong with those is told besides; it cannot be rendered.
    pub(crate) fn read(source: &Source, partials: &Partials, findings: &mut Findings) -> Option<(Mail, bool)> {
        let errors = findings.errors();
        let Some((name, locale)) = Mail::name_of(&source.path) else {
            findings
                .error(
                    "R0411",
                    &source.path,
                    None,
                    "a mail is named `NAME.mail.md` or `NAME.LANGUAGE.mail.md`, or so with `.mail.mjml`",
                )
                .hint("For example `hello.mail.md` and `hello.de-AT.mail.md`.");
            return None;
        };
        let split = front_matter::split(source, findings)?;
        let mut mail = Mail {
            name,
            locale,
            path: source.path.clone(),
            names: Vec::new(),
            partials: BTreeSet::new(),
            has_preheader: false,
            heads: [None; 2],
            is_long: false,
            lines: Vec::new(),
            plain: registry(made::in_line),
            body: match source.path.ends_with(MJML) {
                false => Body::Markdown(registry(made::in_markdown)),
                true => Body::Html(registry(made::in_html)),
            },
        };
        let head = split.head.as_ref()?;
        let fields = Fields::of(head, &source.path, findings)?;
        for part in [Part::Subject, Part::Preheader] {
            let node = match part {
                Part::Subject => fields.require_as("subject", "R0412", findings),
                _ => fields.take("preheader"),
            };
            let Some(node) = node else { continue };
            let Some(text) = node.as_str() else {
                findings.error(
                    "R0412",
                    &source.path,
                    node.span,
                    format!("`{}` is a text, found {}", part.name(), node.kind()),
                );
                continue;
            };
            if text.trim().is_empty() {
                findings.error("R0412", &source.path, node.span, format!("`{}` is empty", part.name()));
            } else if part == Part::Subject && text.chars().count() > SUBJECT_CHARS_MAX {
                findings
                    .warning("R0413", &source.path, node.span, "mail clients will cut this subject")
                    .hint("About 60 characters are shown, 40 on a phone.");
                mail.is_long = true;
            }
            mail.heads[usize::from(part == Part::Preheader)] = Some(node.text_span());
            mail.has_preheader |= part == Part::Preheader;
            let piece = Piece { source, text, span: node.text_span(), frame: false, shelf: None, expanded: None };
            if let Some(template) = template::compile(&piece, &mut mail.names, findings) {
                mail.plain.register_template(part.name(), template);
                placeholder::lint(&piece, None, findings);
            }
        }
        fields.finish(&["subject", "preheader"], findings);
        let sound = mail.read_body(source, split.body, partials, findings) && findings.errors() == errors;
        Some((mail, sound))
    }

    /// The body, with its partials put in. False where a partial has errors, which are findings of its own.
    fn read_body(&mut self, source: &Source, place: Span, partials: &Partials, findings: &mut Findings) -> bool {
        let text = source.slice(place);
        if text.trim().is_empty() {
            findings.error("R0412", &source.path, place, "the mail has no text");
        }
        let format = match &self.body {
            Body::Markdown(_) => Format::Markdown,
            Body::Html(_) => Format::Mjml,
        };
        let locale = self.locale.clone();
        let shelf = Shelf { partials, format, locale: locale.as_ref() };
        let written = Piece { source, text, span: place, frame: false, shelf: Some(shelf), expanded: None };
        let errors = findings.errors();
        let Some(template) = template::read(&written, findings) else { return false };
        let walked = template::walk(&written, &template, None, &mut self.names, findings);
        self.partials = walked.partials;
        if format == Format::Markdown {
            markdown::lint(&written, findings);
        }
        placeholder::lint(&written, Some(format), findings);
        let failed = findings.errors() > errors;
        // What MJML says of its own elements is told besides, as long as the document is whole.
        if walked.broken || failed && (format == Format::Markdown || !walked.asked.is_empty()) {
            return false;
        }
        let expanded = if walked.asked.is_empty() { None } else { shelf.expand(text, &walked.asked) };
        if expanded.is_none() && !walked.asked.is_empty() {
            findings.error("R0440", &source.path, place, "with its partials the text is longer than 100,000 bytes");
            return false;
        }
        let whole = match &expanded {
            Some(expanded) => Piece { text: &expanded.text, expanded: Some(expanded), ..written },
            None => written,
        };
        match &mut self.body {
            Body::Markdown(registry) => {
                let template = if expanded.is_some() { template::read(&whole, findings) } else { Some(template) };
                let Some(template) = template else { return false };
                registry.register_template(Part::Body.name(), template);
                self.lines = lines(&whole);
            }
            Body::Html(registry) => {
                for (needed, code, why) in layout::NEEDED {
                    if !layout::mentions(whole.text, needed) {
                        findings
                            .error(code, &source.path, place, format!("the mail lacks {{{{{needed}}}}}"))
                            .hint(format!("A mail in MJML has no other frame. Without it {why}."));
                    }
                }
                if let Some(html) = mjml::compile(&whole, findings)
                    && registry.register_template_string(Part::Body.name(), html).is_err()
                {
                    findings
                        .error("R0440", &source.path, place, "the template cannot be read once HTML is made of it")
                        .hint("Texts inside an attribute stand in single quotes: alt=\"{{fallback partner.name 'you'}}\".");
                }
            }
        }
        true
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }

    /// The name a step calls it by: `hello`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language in its file name; none for the one in the programme's language.
    pub fn locale(&self) -> Option<&Locale> {
        self.locale.as_ref()
    }

    /// Its file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Every name it uses, in every part and branch, with place and role.
    pub fn names(&self) -> &[Use] {
        &self.names
    }

    /// The files of the partials it is made of.
    pub fn partials(&self) -> &BTreeSet<Arc<str>> {
        &self.partials
    }

    /// Where an error of rendering stands in its file, as far as that is known.
    pub fn place_of(&self, error: &RenderError) -> Option<Span> {
        let (RenderError::Missing { part: Part::Body, line, .. }
        | RenderError::Template { part: Part::Body, line, .. }) = error
        else {
            return None;
        };
        self.lines.iter().find(|(own, _)| own == line).map(|(_, span)| *span)
    }

    /// Where subject or preheader stands; none for the body, and for a subject that was told to be too long already.
    pub fn place_of_head(&self, part: Part) -> Option<Span> {
        match part {
            Part::Subject => self.heads[0].filter(|_| !self.is_long),
            Part::Preheader => self.heads[1],
            Part::Body => None,
        }
    }

    /// The paths planning has to evaluate into the context, each once: of `products[].title` the list, `products`.
    pub fn planned(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self
            .names
            .iter()
            .filter(|used| variable::is_planned(&used.path))
            .map(|used| used.path.split("[]").next().unwrap_or_default())
            .filter(|path| !path.is_empty())
            .collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    /// Judges every name: `planned` says what a name of the planning side is in this mail's workflow and step (figures,
    /// `event.*`, `with` values; items as `products` and `products[].title`), or that there is none; `proposals` are the
    /// names worth proposing. What survey and offer give is known here, whether the step has them is not: ask
    /// [`Mail::uses_root`].
    pub fn check(&self, planned: &dyn Fn(&str) -> Option<Shaped>, proposals: &[String], findings: &mut Findings) {
        for used in &self.names {
            let root = used.path.split(['.', '[']).next().unwrap_or_default();
            let known = match variable::lookup(&used.path) {
                Some(row) if row.provider == Provider::Layout && !self.is_its_own_frame(row.path) => None,
                Some(row) => Some(Shaped { shape: row.shape, maybe_missing: row.maybe_missing }),
                // `{{#with offer}}` or `{{#if survey}}` name the root alone.
                None if used.role == Role::Asked && variable::has_fields(&used.path) => continue,
                None if variable::is_planned(&used.path) => planned(&used.path),
                None => None,
            };
            let Some(known) = known else {
                if let Some(field) = variable::field_of_resource(&used.path) {
                    let finding = self.tell(used, "R0201", format!("a resource has no `{field}`"), findings);
                    finding.did_you_mean(nearest(field, variable::resource_fields())).hint(variable::RESOURCE_HINT);
                    continue;
                }
                let given = variable::GIVEN.iter().filter(|row| row.provider != Provider::Layout).map(|row| row.path);
                let mut known = given.chain(proposals.iter().map(String::as_str));
                // `$name` is what other tools call their variables.
                let bare = used.path.replace('$', "");
                let near = match bare == used.path {
                    true => nearest(&bare, known),
                    false => known.clone().find(|name| *name == bare).or_else(|| nearest(&bare, known.by_ref())),
                };
                let finding = self.tell(used, "R0201", format!("there is no `{}` here", used.path), findings);
                finding.did_you_mean(near);
                if bare != used.path {
                    finding.hint("Names of mails are written without `$`.");
                }
                if root == "words" || root == "links" {
                    finding.hint("That belongs to the layout.");
                }
                continue;
            };
            self.check_use(used, known, findings);
        }
    }

    fn check_use(&self, used: &Use, known: Shaped, findings: &mut Findings) {
        let path = &used.path;
        let wrong = match (used.role, known.shape) {
            (Role::Asked, _) => None,
            (Role::Listed, Shape::Items | Shape::One(Type::List)) => None,
            (Role::Listed, Shape::One(ty)) => Some((format!("`{path}` is {}, not a list", ty.described()), None)),
            (_, Shape::Items) => {
                Some((format!("`{path}` is a list"), Some(format!("{{{{#each {path}}}}}…{{{{/each}}}}"))))
            }
            (Role::AsMoney, Shape::One(Type::Money)) => None,
            (Role::AsMoney, Shape::One(ty)) => {
                Some((format!("`{path}` is {}, not an amount of money", ty.described()), None))
            }
            (Role::AsDay, Shape::One(Type::Date | Type::Instant)) => None,
            (Role::AsDay, Shape::One(ty)) => Some((format!("`{path}` is {}, not a date", ty.described()), None)),
            (Role::AsNumber, Shape::One(Type::Count | Type::Number | Type::Percent | Type::Duration)) => None,
            (Role::AsNumber, Shape::One(Type::Money)) => {
                Some((format!("`{path}` is an amount of money"), Some(format!("{{{{money {path}}}}}"))))
            }
            (Role::AsNumber, Shape::One(ty)) => Some((format!("`{path}` is {}, not a number", ty.described()), None)),
            (Role::AsText, Shape::One(Type::Text)) => None,
            (Role::AsText, Shape::One(ty)) => Some((format!("`{path}` is {}, not a text", ty.described()), None)),
            (Role::Printed | Role::OrElse, Shape::One(ty)) => match ty {
                Type::Text | Type::Count | Type::Number | Type::Percent => None,
                Type::Money => Some((format!("`{path}` is an amount of money"), Some(format!("{{{{money {path}}}}}")))),
                Type::Date | Type::Instant => {
                    Some((format!("`{path}` is {}", ty.described()), Some(format!("{{{{date {path}}}}}"))))
                }
                Type::List => Some((
                    format!("`{path}` is a list"),
                    Some(format!("{{{{#each {path}}}}}{{{{this}}}}{{{{/each}}}}")),
                )),
                Type::Bool | Type::Duration => {
                    Some((format!("`{path}` is {} and cannot be printed", ty.described()), None))
                }
            },
        };
        if let Some((message, write)) = wrong {
            let finding = self.tell(used, "R0444", message, findings);
            if let Some(write) = write {
                finding.label(format!("write {write}"));
            }
        } else if known.maybe_missing && !used.may_be_missing {
            // Inside its block a field of a resource is written by its own name.
            let name = match variable::field_of_resource(path) {
                Some(field) if used.span.len() < path.len() => field,
                _ => path.as_str(),
            };
            self.tell(used, "R0421", format!("`{path}` may be missing"), findings).label(match used.role {
                Role::Printed => format!("write {{{{fallback {name} \"…\"}}}}"),
                _ => format!("put it inside {{{{#if {name}}}}}…{{{{/if}}}}"),
            });
        }
    }

    /// An error where a name stands. In a partial it is told of with the mail: other mails may have the name.
    fn tell<'f>(
        &self,
        used: &Use,
        code: &'static str,
        message: String,
        findings: &'f mut Findings,
    ) -> &'f mut rapport_rule::Finding {
        match &used.within {
            None => findings.error(code, &self.path, used.span, message),
            Some(within) => {
                let finding = findings.error(code, &within.path, used.span, format!("{message}, for {}", self.path));
                finding.hint(format!("The partial is put into {}; other mails may have the name.", self.path))
            }
        }
    }

    /// Whether the mail is the whole document, and may say what otherwise the layout says.
    fn is_its_own_frame(&self, name: &str) -> bool {
        matches!(self.body, Body::Html(_)) && name != "content"
    }

    /// Where the mail first uses a name below this root (`survey`, `offer`), if it does.
    pub fn uses_root(&self, root: &str) -> Option<Span> {
        let below =
            |path: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let place = |used: &Use| used.within.as_ref().map_or(used.span, |within| within.asked_at);
        self.names.iter().find(|used| below(&used.path)).map(place)
    }

    /// What an offer must be told with and this mail does not name, for a step with `offer`: R0503.
    pub fn check_offer(&self, findings: &mut Findings) {
        let missing: Vec<&str> =
            variable::OFFER_MUST_NAME.into_iter().filter(|path| self.uses_root(path).is_none()).collect();
        if !missing.is_empty() {
            findings
                .error("R0503", &self.path, None, format!("an offer without {}", missing.join(", ")))
                .hint("Who is offered something must read amount, condition, end and terms.");
        }
    }

    pub(crate) fn render_part(&self, part: Part, context: &handlebars::Context) -> Result<String, RenderError> {
        if part == Part::Preheader && !self.has_preheader {
            return Ok(String::new());
        }
        let registry = match (part, &self.body) {
            (Part::Body, Body::Markdown(registry) | Body::Html(registry)) => registry,
            (Part::Subject | Part::Preheader, _) => &self.plain,
        };
        registry
            .render_with_context(part.name(), context)
            .map_err(|error| RenderError::of_template(&self.path, part, &error))
            .map_err(|error| if part == Part::Body { self.as_written(error) } else { error })
    }

    /// The error with the line an author knows, not the one it has when partials are put in.
    fn as_written(&self, mut error: RenderError) -> RenderError {
        if let RenderError::Missing { line, .. } | RenderError::Template { line, .. } = &mut error
            && let Some((own, _)) = self.lines.get(line.saturating_sub(1))
        {
            *line = *own;
        }
        error
    }
}

/// Of each line of a text the line as written, from 1, and its place in the file.
fn lines(piece: &Piece<'_>) -> Vec<(usize, Span)> {
    let written = piece.source.slice(piece.span);
    let mut all = Vec::new();
    let mut at = 0;
    for line in piece.text.split_inclusive('\n') {
        let text = line.trim_start();
        let start = at + line.len() - text.len();
        let span = piece.place(start, start + text.trim_end().len());
        let begins = piece.place(at, at).start.saturating_sub(piece.span.start);
        let before = written.get(..begins).unwrap_or_default();
        all.push((before.matches('\n').count() + 1, span));
        at += line.len();
    }
    all
}

/// What the planning side says of one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shaped {
    /// One value or a list of items.
    pub shape: Shape,
    /// Whether it may be missing when the mail is planned.
    pub maybe_missing: bool,
}

impl From<Variable> for Shaped {
    fn from(variable: Variable) -> Shaped {
        Shaped { shape: Shape::One(variable.ty), maybe_missing: variable.maybe_missing }
    }
}

pub(crate) fn registry(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    helper::register(&mut registry);
    registry
}

pub(crate) fn context_of(json: Json) -> handlebars::Context {
    handlebars::Context::from(json)
}
