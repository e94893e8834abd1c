//! Mails written in MJML: a whole document in one file, made into HTML once, when files are read. Values come in afterwards.

mod source;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mrml::prelude::parser::{Error, Span as Position};
use mrml::prelude::render::RenderOptions;
use rapport_rule::Findings;

use crate::escape;
use crate::plain;
use crate::render::Lead;
use crate::template::Piece;
pub(crate) use source::lint;
use source::{attribute, tags, too_deep};

/// So wide the text is made before it is put into lines.
const WIDE: usize = 100_000;

/// Behind `<body …>`: what the list of mails shows behind the subject.
const PREHEADER: &str = r#"{{#if preheader}}<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{{preheader}}</div>{{/if}}"#;

/// The document as HTML, with the Handlebars of the file still in it. Findings for what is no MJML, and for what no mail may hold.
pub(crate) fn compile(piece: &Piece<'_>, findings: &mut Findings) -> Option<String> {
    let before = findings.errors();
    lint(piece, findings);
    let path = piece.source.path.as_str();
    let at = |position: &Position| piece.place(position.start, position.end);
    if let Some(at) = too_deep(piece.text) {
        findings.error("R0454", path, piece.place(at, at), "elements are nested too deeply");
        return None;
    }
    // The reader slices texts; should it be wrong about one, the author gets a finding.
    let Ok(read) = catch_unwind(AssertUnwindSafe(|| mrml::parse(piece.text))) else {
        findings.error("R0454", path, piece.span, "this cannot be read");
        return None;
    };
    let parsed = match read {
        Ok(parsed) => parsed,
        Err(error) => {
            let (span, what) = match &error {
                Error::UnexpectedElement { position, .. } => (Some(at(position)), "this element may not stand here"),
                Error::UnexpectedToken { position, .. } => (Some(at(position)), "text or a tag may not stand here"),
                Error::MissingAttribute { position, .. } => (Some(at(position)), "an attribute is missing"),
                Error::InvalidAttribute { position, .. } => (Some(at(position)), "this attribute cannot be read"),
                Error::InvalidFormat { position, .. } => (Some(at(position)), "this cannot be read"),
                Error::IncludeLoaderError { position, .. } => (Some(at(position)), "a mail is one file"),
                Error::EndOfStream { .. } => (None, "the document is not closed"),
                Error::NoRootNode => (Some(piece.span), "there is no <mjml>"),
                Error::SizeLimit { .. } | Error::ParserError { .. } => (Some(piece.span), "this cannot be read"),
            };
            findings.error("R0454", path, span.unwrap_or(piece.span), what).hint(
                "A document is <mjml><mj-body><mj-section><mj-column>…, and every tag is closed. {{#if}} between sections stands in <mj-raw>.",
            );
            return None;
        }
    };
    for warning in &parsed.warnings {
        findings.error("R0454", path, at(&warning.span), format!("{}", warning.kind)).hint(
            "MJML would leave it out without a word. https://documentation.mjml.io lists what each element takes.",
        );
    }
    // What the sender's own pages hold is fetched by no mail: fonts are those the reader has.
    let options = RenderOptions { disable_comments: true, social_icon_origin: None, fonts: Default::default() };
    let made = catch_unwind(AssertUnwindSafe(|| parsed.element.render(&options).ok()));
    let Ok(Some(html)) = made else {
        findings.error("R0454", path, piece.span, "this cannot be made into HTML");
        return None;
    };
    (findings.errors() == before).then(|| framed(&html))
}

/// With the mail's language and direction, and its preheader.
fn framed(html: &str) -> String {
    let (head, body) = html.split_once("<body").unwrap_or((html, ""));
    let head = match head.split_once("<html").and_then(|(before, rest)| Some((before, rest.split_once('>')?))) {
        Some((before, (attributes, rest))) => {
            let others = attributes.split(' ').filter(|one| !one.starts_with("lang=") && !one.starts_with("dir="));
            let others: Vec<&str> = others.filter(|one| !one.is_empty()).collect();
            format!("{before}<html lang=\"{{{{lang}}}}\" dir=\"{{{{dir}}}}\" {}>{rest}", others.join(" "))
        }
        None => head.to_owned(),
    };
    match body.split_once('>') {
        Some((attributes, rest)) => format!("{head}<body{attributes}>{PREHEADER}{rest}"),
        None => html.to_owned(),
    }
}

/// Whether an address of the finished HTML leads where no mail may lead: one that came with a value.
pub(crate) fn leads_astray(html: &str) -> bool {
    let open = |address: &str| address.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\"");
    tags(html)
        .flat_map(|(_, tag)| ["href", "src"].into_iter().filter_map(|name| attribute(tag, name)))
        .any(|address| escape::address(&open(address)).is_none())
}

/// Leads the links of finished HTML elsewhere. An address that is not written as [`escape::html`] writes it may be read in more ways
/// than one, and stays.
pub(crate) fn lead_links(html: &str, lead: &mut Lead<'_>) -> String {
    let mut led = String::with_capacity(html.len());
    // Up to where it is written down, and where the last tag ended: a tag in a quoted text is none.
    let (mut written, mut behind) = (0, 0);
    for (at, tag) in tags(html) {
        if at < behind {
            continue;
        }
        behind = at + tag.len();
        let is_link = tag.strip_prefix("<a").is_some_and(|rest| rest.starts_with(char::is_whitespace));
        let Some(value) = attribute(tag, "href").filter(|_| is_link) else { continue };
        let address = opened(value);
        let elsewhere = if escape::html(&address) == value { lead(&address) } else { None };
        let Some(elsewhere) = elsewhere else { continue };
        // It is a part of the tag, which is a part of the document.
        let start = (value.as_ptr() as usize).saturating_sub(html.as_ptr() as usize);
        led.push_str(html.get(written..start).unwrap_or_default());
        led.push_str(&escape::html(&elsewhere));
        written = start + value.len();
    }
    led.push_str(html.get(written..).unwrap_or_default());
    led
}

/// The value of an attribute as it is meant.
fn opened(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let value = value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
    Cow::Owned(value.replace("&amp;", "&"))
}

/// Every address that finished HTML links to, in order.
pub(crate) fn addresses(html: &str) -> Vec<Cow<'_, str>> {
    let mut behind = 0;
    let mut all = Vec::new();
    for (at, tag) in tags(html) {
        // A tag in a quoted text is none.
        if at < behind {
            continue;
        }
        behind = at + tag.len();
        if tag.strip_prefix("<a").is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
            all.extend(attribute(tag, "href").map(opened));
        }
    }
    all
}

/// The finished HTML as text: every address it links to stands below it, by number.
pub(crate) fn text(html: &str) -> Option<String> {
    let config = html2text::config::plain().raw_mode(true).no_link_wrapping().allow_width_overflow();
    // It would break a word that is longer than the line, and an address is one.
    config.string_from_read(html.as_bytes(), WIDE).ok().map(|text| plain::narrowed(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_of_links_are_led_elsewhere() {
        let html = "<link href=\"https://a.example/\"><a title=\"<b>\" href=\"https://a.example/?x=1&amp;y=2\" \
                    class='b'>a</a><A href='https://a.example/2'>b</A><a\n href='https://a.example/3'>c</a><a \
                    href=\"https://a.example/?x&y\">https://a.example/3</a><img src=\"https://a.example/3\">";
        let mut asked = Vec::new();
        let led = lead_links(html, &mut |url: &str| {
            asked.push(url.to_owned());
            Some("https://g.example/?a&b".to_owned())
        });
        assert_eq!(asked, ["https://a.example/?x=1&y=2", "https://a.example/3"]);
        let expected = html
            .replace("https://a.example/?x=1&amp;y=2", "https://g.example/?a&amp;b")
            .replace("\n href='https://a.example/3'", "\n href='https://g.example/?a&amp;b'");
        assert_eq!(led, expected);
        assert_eq!(lead_links(html, &mut |_: &str| None), html);
    }

    #[test]
    fn an_address_from_outside_is_judged_when_it_is_there() {
        assert!(!leads_astray(r#"<a href="https://a.example/?a=1&amp;b=2">x</a> <a href="mailto:a@b.example">y</a>"#));
        for astray in ["javascript:alert(1)", "data:text/html,x", "", "//evil.example"] {
            assert!(leads_astray(&format!("<p><a href=\"{astray}\">x</a></p>")), "{astray}");
        }
    }
}
