//! Pages: one small frame, one inline stylesheet, no script, nothing loaded from anywhere.

mod choices;
mod parts;

use std::{fmt::Write as _, sync::LazyLock};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::words::Words;

pub(crate) use choices::Group;

const STYLE: &str = include_str!("page.css");
/// Of the title that a window's tab and a bookmark show.
const TAB_CHARS_MAX: usize = 70;

/// Only the one stylesheet, by its hash, and forms to ourselves. No script, frame, image or foreign connection.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// A page being put together. Everything given to it is text and is escaped here.
pub(crate) struct Page {
    words: &'static Words,
    program: String,
    title: String,
    body: String,
    footer: String,
}

impl Page {
    /// A page with its heading. `program` may be empty where it must not be told or is not known.
    pub(crate) fn new(words: &'static Words, program: &str, title: &str) -> Self {
        Self { words, program: program.to_owned(), title: title.to_owned(), body: String::new(), footer: String::new() }
    }

    /// A paragraph.
    pub(crate) fn text(self, text: &str) -> Self {
        self.element("p", "", text)
    }

    /// A paragraph less loud.
    pub(crate) fn aside(self, text: &str) -> Self {
        self.element("p", " class=\"aside\"", text)
    }

    /// What was done, said to people and screen readers alike.
    pub(crate) fn notice(self, text: &str) -> Self {
        self.element("p", " class=\"notice\" role=\"status\"", text)
    }

    /// What was not taken, and what would be.
    pub(crate) fn wrong(self, text: &str) -> Self {
        self.element("p", " class=\"wrong\" role=\"alert\"", text)
    }

    /// Something quoted: an answer, a reason.
    pub(crate) fn quote(self, text: &str) -> Self {
        self.element("blockquote", "", text)
    }

    fn element(mut self, name: &str, attributes: &str, text: &str) -> Self {
        let _ = writeln!(self.body, "<{name}{attributes}>{}</{name}>", escape(text));
        self
    }

    /// A form that posts to the page's own address, with hidden fields and one button.
    pub(crate) fn button(mut self, label: &str, fields: &[(&str, &str)]) -> Self {
        self.body.push_str("<form method=\"post\">\n");
        self.hidden(fields);
        let _ = writeln!(self.body, "<button type=\"submit\">{}</button>\n</form>", escape(label));
        self
    }

    /// A form like [`Page::button`], for what is not asked for most.
    pub(crate) fn quiet_button(mut self, label: &str, fields: &[(&str, &str)]) -> Self {
        self.body.push_str("<form method=\"post\">\n");
        self.hidden(fields);
        let _ = writeln!(self.body, "<button type=\"submit\" class=\"quiet\">{}</button>\n</form>", escape(label));
        self
    }

    /// A form of fields to fill in that posts to the page's own address.
    pub(crate) fn fields(mut self, legend: &str, inputs: &[Input<'_>], button: &str, fields: &[(&str, &str)]) -> Self {
        self.body.push_str("<form method=\"post\">\n<fieldset>\n");
        let _ = writeln!(self.body, "<legend>{}</legend>", escape(legend));
        self.hidden(fields);
        for Input { name, label, value, kind } in inputs {
            let kind = match kind {
                InputKind::Number { step } => {
                    format!("type=\"number\" inputmode=\"decimal\" min=\"{step}\" step=\"{step}\"", step = escape(step))
                }
                InputKind::Date { from, until } => {
                    format!("type=\"date\" min=\"{}\" max=\"{}\"", escape(from), escape(until))
                }
            };
            let _ = writeln!(
                self.body,
                "<label class=\"field\"><span>{}</span><input name=\"{}\" value=\"{}\" {kind} required></label>",
                escape(label),
                escape(name),
                escape(value),
            );
        }
        let _ = writeln!(
            self.body,
            "</fieldset>\n<button type=\"submit\" class=\"second\">{}</button>\n</form>",
            escape(button)
        );
        self
    }

    /// A form of one question that posts to the page's own address: one of several answers, words, or both.
    pub(crate) fn question(mut self, question: &Question<'_>) -> Self {
        let Question { name, legend, options, hidden, words, button } = question;
        self.body.push_str("<form method=\"post\">\n");
        self.hidden(hidden);
        if !options.is_empty() {
            let _ = writeln!(self.body, "<fieldset>\n<legend>{}</legend>\n<div class=\"scores\">", escape(legend));
            for Choice { value, label, on } in *options {
                let _ = writeln!(
                    self.body,
                    "<label class=\"score\"><input type=\"radio\" name=\"{}\" value=\"{}\" required{}><span>{}</span></label>",
                    escape(name),
                    escape(value),
                    if *on { " checked" } else { "" },
                    escape(label),
                );
            }
            self.body.push_str("</div>\n</fieldset>\n");
        }
        if let Some(WordsField { name, label, value, chars_max, required }) = words {
            // The first line break behind the tag is not part of what stands in it.
            let _ = writeln!(
                self.body,
                "<label class=\"field\"><span>{}</span><textarea name=\"{}\" rows=\"5\" maxlength=\"{chars_max}\"{}>\n{}</textarea></label>",
                escape(label),
                escape(name),
                if *required { " required" } else { "" },
                escape(value),
            );
        }
        let _ = writeln!(self.body, "<button type=\"submit\">{}</button>\n</form>", escape(button));
        self
    }

    /// A form of switches that posts to the page's own address.
    pub(crate) fn switches(mut self, legend: &str, switches: &[Switch<'_>], button: &str) -> Self {
        self.body.push_str("<form method=\"post\">\n<fieldset>\n");
        let _ = writeln!(self.body, "<legend>{}</legend>", escape(legend));
        let shown: Vec<&str> = switches.iter().filter(|switch| !switch.fixed).map(|switch| switch.id).collect();
        if !shown.is_empty() {
            self.hidden(&[("shown", shown.join(" ").as_str())]);
        }
        for switch in switches {
            let Switch { id, name, about, on, fixed } = switch;
            let id = escape(id);
            let _ = writeln!(
                self.body,
                "<label class=\"switch\"><input type=\"checkbox\" name=\"topic\" value=\"{id}\"{}{}>\
                 <span><b>{}</b><span class=\"about\">{}</span></span></label>",
                if *on { " checked" } else { "" },
                if *fixed { " disabled" } else { "" },
                escape(name),
                escape(about),
            );
        }
        let _ = writeln!(self.body, "</fieldset>\n<button type=\"submit\">{}</button>\n</form>", escape(button));
        self
    }

    /// A link to another of our pages, by a relative address that we made.
    pub(crate) fn link(mut self, to: &str, label: &str) -> Self {
        let _ = writeln!(self.body, "<p class=\"aside\"><a href=\"{}\">{}</a></p>", escape(to), escape(label));
        self
    }

    /// The company and where its imprint is. An address that is no web page is not linked.
    pub(crate) fn imprint(mut self, company: &str, address: &str, url: Option<&str>) -> Self {
        let _ = write!(self.footer, "{}, {}", escape(company), escape(address));
        if let Some(url) = url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
            let label = escape(self.words.imprint);
            let _ = write!(self.footer, " · <a href=\"{}\" rel=\"noreferrer\">{label}</a>", escape(url));
        }
        self
    }

    fn hidden(&mut self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            let (name, value) = (escape(name), escape(value));
            let _ = writeln!(self.body, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
        }
    }

    /// The page as a response.
    pub(crate) fn respond(self, status: StatusCode) -> Response {
        let lang = self.words.language;
        (status, [(header::CONTENT_LANGUAGE, lang)], Html(self.html())).into_response()
    }

    /// The page as it is sent, or kept as a file: nothing it needs is elsewhere.
    pub(crate) fn html(self) -> String {
        let Self { words, program, title, body, footer } = self;
        let tab = escape(&tab(&title, &program));
        let (lang, title, program) = (words.language, escape(&title), escape(&program));
        let header = if program.is_empty() { String::new() } else { format!("<header>{program}</header>\n") };
        let footer = if footer.is_empty() { String::new() } else { format!("<footer>{footer}</footer>\n") };
        format!(
            "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n<title>{tab}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex, nofollow\">\n\
             <style>{STYLE}</style>\n</head>\n<body>\n{header}<main>\n<h1>{title}</h1>\n{body}</main>\n{footer}</body>\n</html>\n"
        )
    }
}

/// Something to fill in.
pub(crate) struct Input<'a> {
    /// The field's name in the form.
    pub name: &'a str,
    /// What people read.
    pub label: &'a str,
    /// What stands in it at first.
    pub value: &'a str,
    /// What it takes.
    pub kind: InputKind<'a>,
}

/// What a field takes.
pub(crate) enum InputKind<'a> {
    /// A number above 0, in steps of this.
    Number {
        /// `1`, `0.01`.
        step: &'a str,
    },
    /// A date within these, both included, as `2027-03-31`.
    Date {
        /// The first.
        from: &'a str,
        /// The last.
        until: &'a str,
    },
}

/// A question to be answered.
pub(crate) struct Question<'a> {
    /// The answer's name in the form.
    pub name: &'a str,
    /// What stands above the answers.
    pub legend: &'a str,
    /// Answers, of which one is chosen, if there is a choice.
    pub options: &'a [Choice<'a>],
    /// What is sent besides: name and value.
    pub hidden: &'a [(&'a str, &'a str)],
    /// A field for words.
    pub words: Option<WordsField<'a>>,
    /// What sends it.
    pub button: &'a str,
}

/// One of several answers.
pub(crate) struct Choice<'a> {
    /// What is sent.
    pub value: &'a str,
    /// What people read.
    pub label: &'a str,
    /// Whether it is chosen at first.
    pub on: bool,
}

/// A field for words of several lines.
pub(crate) struct WordsField<'a> {
    /// Its name in the form.
    pub name: &'a str,
    /// What people read.
    pub label: &'a str,
    /// What stands in it at first.
    pub value: &'a str,
    /// How much it takes.
    pub chars_max: usize,
    /// Whether it must be filled in.
    pub required: bool,
}

/// One topic on the preference page.
pub(crate) struct Switch<'a> {
    /// The topic.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// One sentence.
    pub about: &'a str,
    /// Whether its mails are sent.
    pub on: bool,
    /// Whether it cannot be switched.
    pub fixed: bool,
}

/// Puts the security headers on every answer of the gateway. Nothing is cached: the same address shows another page after a click.
pub(crate) async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = HeaderValue::from_str(&POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    response
}

/// What the browser calls the page: its title and the programme, as far as that is still a name and not a text. The question of a
/// survey can be long, and stands whole in the heading.
fn tab(title: &str, program: &str) -> String {
    let short = |text: &str| text.chars().count() <= TAB_CHARS_MAX;
    let whole = format!("{title} · {program}");
    if !program.is_empty() && short(&whole) {
        return whole;
    }
    if short(title) {
        return title.to_owned();
    }
    let begin: String = title.chars().take(TAB_CHARS_MAX - 1).collect();
    // Up to its last whole word.
    let words = begin.rsplit_once(char::is_whitespace).map_or(&*begin, |(words, _)| words);
    format!("{words}…")
}

/// Text as it may stand in an element or a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_never_becomes_markup() {
        assert_eq!(escape(r#"<a href="x">&'"#), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn a_tab_has_a_short_name_of_whole_words() {
        assert_eq!(tab("Your mails", ""), "Your mails");
        assert_eq!(tab("Your mails", "Acme Partners"), "Your mails · Acme Partners");
        let question = "How likely are you to recommend our programme to somebody you know?";
        assert_eq!(tab(question, "Acme Partners"), question);
        let longer = tab(&format!("{question} And why?"), "Acme Partners");
        assert_eq!(longer, format!("{question}…"));
        assert_eq!(tab(&"ö".repeat(300), "").chars().count(), TAB_CHARS_MAX);
    }

    #[test]
    fn the_policy_knows_the_stylesheet_and_nothing_else() {
        assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"), "{}", *POLICY);
        assert!(!POLICY.contains("unsafe"));
        assert!(!STYLE.contains("</"), "a stylesheet that ends its own element has another hash");
    }
}
