//! From a mail, its planned context and its surroundings to what is sent.

use handlebars::{Context, RenderErrorReason};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::context::present;
use crate::escape;
use crate::layout::Layout;
use crate::locale::Locale;
use crate::mail::{Body, Mail, Part, context_of};
use crate::markdown::{self, Block};
use crate::mjml;
use crate::parties::{Imprint, Links, Person, Program, Sender, Topic};
use crate::plain;

/// Mail clients cut HTML beyond this many bytes (Gmail: 102 kB).
pub const HTML_BYTES_MAX: usize = 102_000;

/// What a mail is rendered with.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What planning evaluated; see [`crate::context`].
    pub context: &'a Json,
    /// The language the mail was chosen in ([`crate::Library::choose`]).
    pub locale: &'a Locale,
    /// To whom.
    pub person: &'a Person,
    /// From whom.
    pub sender: &'a Sender,
    /// For whom.
    pub program: &'a Program,
    /// The company behind it.
    pub imprint: &'a Imprint,
    /// About what.
    pub topic: &'a Topic,
    /// Its signed addresses.
    pub links: &'a Links,
    /// Why this mail was written, to stand behind "You get this mail because".
    pub reason: Option<&'a str>,
}

/// A mail as it is sent, before encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// One line; empty if the mail has none.
    pub preheader: String,
    /// The whole HTML document.
    pub html: String,
    /// The whole text; lines end with `\n`.
    pub text: String,
}

/// Why a mail cannot be rendered. Messages never hold a value: it may be personal.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenderError {
    /// A value is printed that is missing.
    #[error("{path}: {} line {line}: {} is missing", part.name(), name.as_deref().map_or("a value".to_owned(), |n| format!("`{n}`")))]
    Missing {
        /// The mail's file.
        path: String,
        /// In which text.
        part: Part,
        /// The line in that text, from 1.
        line: usize,
        /// Its path, where known.
        name: Option<String>,
    },
    /// A helper was given what it cannot use, or something else went wrong in the template.
    #[error("{path}: {} line {line}: {reason}", part.name())]
    Template {
        /// The mail's file.
        path: String,
        /// In which text.
        part: Part,
        /// The line in that text, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A link leads elsewhere than `http`, `https` or `mailto`.
    #[error("{path}: a link leads where no mail may lead")]
    RefusedLink {
        /// The mail's file.
        path: String,
    },
    /// The subject is empty once its values are in.
    #[error("{path}: the subject is empty")]
    EmptySubject {
        /// The mail's file.
        path: String,
    },
    /// The HTML is larger than mail clients show.
    #[error("{path}: the HTML has {bytes} bytes, mail clients cut it at {HTML_BYTES_MAX}")]
    TooLarge {
        /// The mail's file.
        path: String,
        /// How large it is.
        bytes: usize,
    },
    /// A marketing mail without an address to unsubscribe.
    #[error("{path}: a marketing mail needs an address to unsubscribe")]
    NoWayOut {
        /// The mail's file.
        path: String,
    },
}

impl RenderError {
    /// The stable code of the reason, for outcomes: `template_missing_value` …
    pub const fn code(&self) -> &'static str {
        match self {
            RenderError::Missing { .. } => "template_missing_value",
            RenderError::Template { .. } => "template_failed",
            RenderError::RefusedLink { .. } => "template_refused_link",
            RenderError::EmptySubject { .. } => "template_empty_subject",
            RenderError::TooLarge { .. } => "template_too_large",
            RenderError::NoWayOut { .. } => "template_no_way_out",
        }
    }

    /// What is wrong, without the mail's file.
    #[must_use]
    pub fn reason(&self) -> String {
        let whole = self.to_string();
        whole.split_once(": ").map_or(whole.clone(), |(_, reason)| reason.to_owned())
    }

    pub(crate) fn of_template(path: &str, part: Part, error: &handlebars::RenderError) -> RenderError {
        let (path, line) = (path.to_owned(), error.line_no.unwrap_or(1));
        match error.reason() {
            RenderErrorReason::MissingVariable(name) => RenderError::Missing { path, part, line, name: name.clone() },
            RenderErrorReason::Other(reason) => RenderError::Template { path, part, line, reason: reason.clone() },
            // The other reasons name helpers and parameters, never values.
            reason => RenderError::Template { path, part, line, reason: reason.to_string() },
        }
    }
}

/// Where a link of a mail shall lead instead, asked with where it leads. None leaves it as it is.
pub type Lead<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Renders a mail. The same arguments give the same bytes.
pub fn render(mail: &Mail, layout: &Layout, request: &Request<'_>) -> Result<Rendered, RenderError> {
    render_led(mail, layout, request, &mut |_: &str| None)
}

/// Renders a mail whose links lead elsewhere. `lead` is asked for each link of what the author wrote, in the order of the mail; those
/// of the frame are not its affair. Nothing else changes, but that the text shows both where an address was its own words.
pub fn render_led(
    mail: &Mail,
    layout: &Layout,
    request: &Request<'_>,
    lead: &mut Lead<'_>,
) -> Result<Rendered, RenderError> {
    Draft::of(mail, layout, request)?.rendered(lead)
}

/// A mail with its values in. Its links lead where the author wrote, and can be looked at before it is said where they lead instead:
/// the frame is put around it only once.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    mail: &'a Mail,
    layout: &'a Layout,
    subject: String,
    preheader: String,
    /// One for all texts of the mail: what each adds to it, the next one may name.
    context: Context,
    /// What is written as Markdown; none of a mail that is its own frame.
    blocks: Option<Vec<Block>>,
}

impl<'a> Draft<'a> {
    /// Puts the values into a mail.
    ///
    /// # Errors
    /// Of [`RenderError`] what concerns the mail itself; its frame and its size are judged when it is [`Draft::rendered`].
    pub fn of(mail: &'a Mail, layout: &'a Layout, request: &Request<'_>) -> Result<Self, RenderError> {
        let path = || mail.path().to_owned();
        if !request.topic.service && request.links.unsubscribe.is_none() {
            return Err(RenderError::NoWayOut { path: path() });
        }
        let mut context = context_of(Json::Object(values(request)));
        let subject = escape::clean(&mail.render_part(Part::Subject, &context)?);
        let preheader = escape::clean(&mail.render_part(Part::Preheader, &context)?);
        if subject.is_empty() {
            return Err(RenderError::EmptySubject { path: path() });
        }
        let blocks = match mail.body() {
            Body::Html(_) => None,
            Body::Markdown(_) => {
                let body = mail.render_part(Part::Body, &context)?;
                Some(markdown::parse(&body).map_err(|_| RenderError::RefusedLink { path: path() })?)
            }
        };
        put(&mut context, "subject", Json::from(subject.as_str()));
        if !preheader.is_empty() {
            put(&mut context, "preheader", Json::from(preheader.as_str()));
        }
        if blocks.is_some() {
            // What stands there follows from where the links lead.
            put(&mut context, "content", Json::Null);
            put(&mut context, "words", layout.words(request.locale));
        }
        Ok(Self { mail, layout, subject, preheader, context, blocks })
    }

    /// Tells each link of what the author wrote, in the order of the mail.
    ///
    /// # Errors
    /// [`RenderError`]: of a mail that is its own frame all that [`Draft::rendered`] has.
    pub fn links(&mut self, tell: &mut dyn FnMut(&str)) -> Result<(), RenderError> {
        let mut lead = |url: &str| -> Option<String> {
            tell(url);
            None
        };
        match &mut self.blocks {
            Some(blocks) => markdown::lead_links(blocks, &mut lead),
            None => drop(self.clone().rendered(&mut lead)?),
        }
        Ok(())
    }

    /// The mail as it is sent. `lead` is asked as by [`render_led`].
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn rendered(self, lead: &mut Lead<'_>) -> Result<Rendered, RenderError> {
        let Self { mail, layout, subject, preheader, mut context, blocks } = self;
        let Some(mut blocks) = blocks else { return whole(mail, context, (subject, preheader), lead) };
        markdown::lead_links(&mut blocks, lead);
        put(&mut context, "content", Json::from(markdown::html(&blocks)));
        let html = layout.wrap_html(&context)?;
        if html.len() >= HTML_BYTES_MAX {
            return Err(RenderError::TooLarge { path: mail.path().to_owned(), bytes: html.len() });
        }
        put(&mut context, "content", Json::from(plain::text(&blocks)));
        let text = completed(tidy(&layout.wrap_text(&context)?), &html);
        Ok(Rendered { subject, preheader, html, text })
    }
}

fn put(context: &mut Context, name: &str, value: Json) {
    if let Json::Object(values) = context.data_mut() {
        values.insert(name.to_owned(), value);
    }
}

/// The text with every address in it that the HTML links to: a frame may link to what its text does not name.
fn completed(mut text: String, html: &str) -> String {
    let mut begun = false;
    for address in mjml::addresses(html) {
        let address = address.strip_prefix("mailto:").unwrap_or(&address);
        if address.is_empty() || stands_in(&text, address) {
            continue;
        }
        // Away from the last words of the frame.
        if !begun {
            text.push('\n');
            begun = true;
        }
        text.push_str(address);
        text.push('\n');
    }
    text
}

/// Whether an address stands in a text as a whole, and not as the beginning of another one.
fn stands_in(text: &str, address: &str) -> bool {
    let ends = |c: char| matches!(c, ')' | ']' | '>' | '.' | ',' | ':' | ';' | '!' | '?' | '"' | '\'');
    text.match_indices(address).any(|(at, _)| {
        let behind = text.get(at + address.len()..).unwrap_or_default();
        // So it stands behind its words.
        let in_brackets = behind.starts_with(')');
        let next = behind.trim_start_matches(ends).chars().next();
        in_brackets || next.is_none_or(|next| next.is_whitespace() || !next.is_ascii())
    })
}

/// A mail that is its own frame. Its text is made of its HTML, without the preheader, which stands there for the list alone.
fn whole(
    mail: &Mail,
    mut context: Context,
    (subject, preheader): (String, String),
    lead: &mut Lead<'_>,
) -> Result<Rendered, RenderError> {
    let path = || mail.path().to_owned();
    let html = mail.render_part(Part::Body, &context)?;
    if mjml::leads_astray(&html) {
        return Err(RenderError::RefusedLink { path: path() });
    }
    let html = mjml::lead_links(&html, lead);
    if html.len() >= HTML_BYTES_MAX {
        return Err(RenderError::TooLarge { path: path(), bytes: html.len() });
    }
    let removed = context.data_mut().as_object_mut().and_then(|values| values.remove("preheader"));
    let without = match removed {
        Some(_) => mjml::lead_links(&mail.render_part(Part::Body, &context)?, lead),
        None => html.clone(),
    };
    let unreadable = || RenderError::Template {
        path: path(),
        part: Part::Body,
        line: 1,
        reason: "its HTML cannot be made into text".to_owned(),
    };
    let text = tidy(&mjml::text(&without).ok_or_else(unreadable)?);
    Ok(Rendered { subject, preheader, html, text })
}

/// The planned context with what the mailer adds. The mailer's part wins: a planned context cannot forge a link.
fn values(request: &Request<'_>) -> Map<String, Json> {
    let mut values = match present(request.context.clone()) {
        Some(Json::Object(values)) => values,
        _ => Map::new(),
    };
    let planned_program = values.remove("program");
    let mut add = |name: &str, value: Result<Json, serde_json::Error>| {
        if let Some(value) = value.ok().and_then(present) {
            values.insert(name.to_owned(), value);
        }
    };
    add("sender", serde_json::to_value(request.sender));
    let mut program = serde_json::to_value(request.program);
    // Figures of the programme that the mail names were planned; what the programme is called was not.
    if let (Ok(Json::Object(program)), Some(Json::Object(planned))) = (&mut program, planned_program) {
        for (name, value) in planned {
            program.entry(name).or_insert(value);
        }
    }
    add("program", program);
    add("imprint", serde_json::to_value(request.imprint));
    add("topic", serde_json::to_value(request.topic));
    add("links", serde_json::to_value(request.links));
    add("lang", Ok(Json::from(request.locale.tag())));
    add("dir", Ok(Json::from(request.locale.direction())));
    add("service", Ok(Json::from(request.topic.service)));
    values.remove("reason");
    if let Some(reason) = request.reason.map(escape::clean).filter(|reason| !reason.is_empty()) {
        values.insert("reason".to_owned(), Json::from(reason));
    }
    let partner = values.entry("partner").or_insert_with(|| Json::Object(Map::new()));
    if !partner.is_object() {
        *partner = Json::Object(Map::new());
    }
    if let Json::Object(partner) = partner {
        let person = [
            ("name", request.person.name.as_deref().map(escape::clean)),
            ("first_name", request.person.first_name()),
            ("email", Some(escape::clean(&request.person.email))),
        ];
        for (field, value) in person {
            partner.remove(field);
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                partner.insert(field.to_owned(), Json::from(value));
            }
        }
    }
    values
}

/// Empty lines never doubled, no spaces at ends of lines but in the mark of a signature, one line break at the end.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines() {
        let line = if line == "-- " { line } else { line.trim_end() };
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        tidied.push_str(line);
        tidied.push('\n');
    }
    while tidied.ends_with("\n\n") {
        tidied.pop();
    }
    tidied
}
