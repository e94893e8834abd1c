//! One mail file: front matter with subject and preheader, then Markdown; Handlebars in all of it.

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
use crate::markdown;
use crate::mjml;
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
    has_preheader: bool,
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

    /// Compiles a mail file. None if it has errors, which are findings; warnings leave a mail.
    pub fn parse(source: &Source, findings: &mut Findings) -> Option<Mail> {
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
            has_preheader: false,
            plain: registry(crate::escape::clean),
            body: match source.path.ends_with(MJML) {
                false => Body::Markdown(registry(crate::escape::seal)),
                true => Body::Html(registry(|text| crate::escape::html(&crate::escape::clean(text)))),
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
            }
            mail.has_preheader |= part == Part::Preheader;
            mail.add(part, &Piece { source, text, span: node.text_span(), frame: false }, findings);
        }
        fields.finish(&["subject", "preheader"], findings);
        let text = source.slice(split.body);
        let body = Piece { source, text, span: split.body, frame: false };
        if text.trim().is_empty() {
            findings.error("R0412", &source.path, split.body, "the mail has no text");
        }
        mail.add(Part::Body, &body, findings);
        match &mut mail.body {
            Body::Markdown(_) => markdown::lint(&body, findings),
            Body::Html(registry) => {
                for (needed, code, why) in layout::NEEDED {
                    if !layout::mentions(text, needed) {
                        findings
                            .error(code, &source.path, split.body, format!("the mail lacks {{{{{needed}}}}}"))
                            .hint(format!("A mail in MJML has no other frame. Without it {why}."));
                    }
                }
                if let Some(html) = mjml::compile(&body, findings)
                    && let Err(error) = registry.register_template_string(Part::Body.name(), html)
                {
                    findings
                        .error("R0440", &source.path, split.body, "the template cannot be read")
                        .label(error.to_string())
                        .hint("Texts inside an attribute stand in single quotes: alt=\"{{fallback partner.name 'you'}}\".");
                }
            }
        }
        (findings.errors() == errors).then_some(mail)
    }

    fn add(&mut self, part: Part, piece: &Piece<'_>, findings: &mut Findings) {
        let Some(template) = template::compile(piece, &mut self.names, findings) else { return };
        match (part, &mut self.body) {
            (Part::Body, Body::Markdown(sealed)) => sealed.register_template(part.name(), template),
            // Its names and places are those of the file; what is rendered is what MJML makes of it.
            (Part::Body, Body::Html(_)) => {}
            (Part::Subject | Part::Preheader, _) => self.plain.register_template(part.name(), template),
        }
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
                None if variable::GIVEN.iter().any(|row| row.path.starts_with(&format!("{}.", used.path)))
                    && used.role == Role::Asked =>
                {
                    continue;
                }
                None if variable::is_planned(&used.path) => planned(&used.path),
                None => None,
            };
            let Some(known) = known else {
                let given = variable::GIVEN.iter().filter(|row| row.provider != Provider::Layout).map(|row| row.path);
                let near = nearest(&used.path, given.chain(proposals.iter().map(String::as_str)));
                let finding =
                    findings.error("R0201", &self.path, used.span, format!("there is no `{}` here", used.path));
                finding.did_you_mean(near);
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
            let finding = findings.error("R0444", &self.path, used.span, message);
            if let Some(write) = write {
                finding.label(format!("write {write}"));
            }
        } else if known.maybe_missing && !used.may_be_missing {
            findings.error("R0421", &self.path, used.span, format!("`{path}` may be missing")).label(match used.role {
                Role::Printed => format!("write {{{{fallback {path} \"…\"}}}}"),
                _ => format!("put it inside {{{{#if {path}}}}}…{{{{/if}}}}"),
            });
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
        self.names.iter().find(|used| below(&used.path)).map(|used| used.span)
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
    }
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
