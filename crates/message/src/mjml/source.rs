//! The source of a mail in MJML, looked at before MJML is made of it: what that would swallow, and what no mail may hold.

use rapport_rule::{Findings, Span};

use crate::escape;
use crate::helper::list_helpers;
use crate::template::Piece;

/// Elements in elements: the reader goes down without a limit, and running out of stack ends the process.
const DEPTH_MAX: i32 = 60;

pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.match_indices('<').map(|(at, _)| at).find(|at| {
        depth += if text.get(at + 1..).is_some_and(|rest| rest.starts_with('/')) { -1 } else { 1 };
        let is_closed =
            text.get(*at..).and_then(|rest| rest.split_once('>')).is_some_and(|(tag, _)| tag.ends_with('/'));
        depth -= i32::from(is_closed);
        depth > DEPTH_MAX
    })
}

/// What stands in a mail's source and may not.
pub(crate) fn lint(piece: &Piece<'_>, findings: &mut Findings) {
    let path = piece.source.path.as_str();
    if let Some((at, length)) = unbalanced(piece.text) {
        findings
            .error("R0454", path, piece.place(at, at + length), "an element that is not closed, or closed elsewhere")
            .hint("Every `<mj-…>` has its `</mj-…>`, in the order they were opened; one that holds nothing ends with ` />`.");
    }
    let mut refuse = |code: &'static str, span: Span, what: &str, hint: &str| {
        findings.error(code, path, span, what).hint(hint);
    };
    for (at, tag) in tags(piece.text) {
        let span = piece.place(at, at + tag.len());
        match name(tag) {
            "script" | "iframe" | "object" | "embed" | "form" | "link" => {
                refuse("R0445", span, "no mail client runs or fetches this", "Leave it out.");
            }
            "mj-preview" => {
                refuse("R0445", span, "the preheader stands in the front matter", "Write `preheader: …` there.")
            }
            "mj-include" => refuse("R0445", span, "a mail is one file", "Put what stands there here."),
            "mj-image" | "img" if attribute(tag, "alt").is_none_or(|alt| alt.trim().is_empty()) => {
                refuse(
                    "R0447",
                    span,
                    "an image without words",
                    "Write alt=\"what it shows\": many clients show no images.",
                );
            }
            "mj-style" | "style" => {
                let inside =
                    piece.text.get(at..).and_then(|rest| rest.split_once("</")).map_or("", |(inside, _)| inside);
                if inside.contains("{{") {
                    refuse("R0445", span, "a value among styles", "Values stand in text and in attributes.");
                }
            }
            _ => {}
        }
        for helper in std::iter::once("progress_bar").chain(list_helpers()).filter(|helper| tag.contains(helper)) {
            let what = format!("`{helper}` makes more than the text of an attribute");
            refuse("R0443", span, &what, "Write it between two tags, in the text.");
        }
        if name(tag).starts_with("mj") && !ELEMENTS.contains(&name(tag)) {
            let near = rapport_rule::suggest::nearest(name(tag), ELEMENTS);
            let near = near.map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
            let hint = format!("{near}MJML would leave it out without a word.");
            refuse("R0454", span, &format!("there is no element `{}`", name(tag)), &hint);
        }
        for (from, attribute) in names(tag).into_iter().filter(|_| name(tag).starts_with("mj-")) {
            if !ATTRIBUTES.contains(&attribute) {
                let near = rapport_rule::suggest::nearest(attribute, ATTRIBUTES);
                let near = near.map(|near| format!("Did you mean `{near}`? ")).unwrap_or_default();
                let span = piece.place(at + from, at + from + attribute.len());
                let hint = format!("{near}MJML would leave it out without a word.");
                refuse("R0454", span, &format!("no element of MJML has `{attribute}`"), &hint);
            }
        }
        for address in ["href", "src"].into_iter().filter_map(|name| attribute(tag, name)) {
            // What begins with a value is only known when rendering, and judged then.
            if !address.trim_start().starts_with("{{") && escape::address(&address.replace("&amp;", "&")).is_none() {
                refuse(
                    "R0446",
                    span,
                    "a link that leads nowhere a mail may lead",
                    "Links begin with https:, http: or mailto:.",
                );
            }
        }
    }
}

/// The elements of MJML 4.
const ELEMENTS: [&str; 35] = [
    "mjml",
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-all",
    "mj-attributes",
    "mj-body",
    "mj-breakpoint",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-class",
    "mj-column",
    "mj-divider",
    "mj-font",
    "mj-group",
    "mj-head",
    "mj-hero",
    "mj-html-attributes",
    "mj-image",
    "mj-include",
    "mj-navbar",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
    "mj-wrapper",
];
/// The first element of MJML that is not closed, or closed where it is not open, with its place and length.
fn unbalanced(text: &str) -> Option<(usize, usize)> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    for (at, _) in text.match_indices('<') {
        let rest = text.get(at..).unwrap_or_default();
        let closes = rest.starts_with("</");
        let named = rest.trim_start_matches(['<', '/']);
        if !named.starts_with("mj") {
            continue;
        }
        let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(named.len());
        let element = named.get(..end).unwrap_or_default();
        let tag = tags(rest).next().filter(|(begins, _)| *begins == 0).map_or("", |(_, tag)| tag);
        match closes {
            true => match open.pop() {
                Some((other, _)) if other == element => {}
                _ => return Some((at, element.len() + 2)),
            },
            false if tag.ends_with("/>") => {}
            false => open.push((element, at)),
        }
    }
    open.first().map(|(element, at)| (*at, element.len() + 1))
}

/// What elements of MJML 4 take, all together: a word that is none of these means nothing anywhere.
const ATTRIBUTES: [&str; 77] = [
    "align",
    "alt",
    "background-color",
    "background-height",
    "background-position",
    "background-position-x",
    "background-position-y",
    "background-repeat",
    "background-size",
    "background-url",
    "background-width",
    "border",
    "border-bottom",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-style",
    "border-top",
    "border-width",
    "cellpadding",
    "cellspacing",
    "color",
    "container-background-color",
    "css-class",
    "dir",
    "direction",
    "fluid-on-mobile",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "full-width",
    "height",
    "href",
    "icon-height",
    "icon-padding",
    "icon-size",
    "inline",
    "inner-background-color",
    "inner-border",
    "inner-border-radius",
    "inner-height",
    "inner-padding",
    "inner-width",
    "lang",
    "letter-spacing",
    "line-height",
    "max-height",
    "mj-class",
    "mode",
    "name",
    "owa",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "position",
    "rel",
    "sizes",
    "src",
    "srcset",
    "table-layout",
    "target",
    "text-align",
    "text-decoration",
    "text-mode",
    "text-padding",
    "text-transform",
    "title",
    "usemap",
    "vertical-align",
    "width",
    "icon-position",
    "base-url",
    "hamburger",
];

/// The names of a tag's attributes, each with its place in the tag.
fn names(tag: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let (mut quote, mut from) = (None, None);
    for (at, c) in tag.char_indices().skip_while(|(_, c)| !c.is_whitespace()) {
        match (quote, from) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, None) if c.is_ascii_alphabetic() => from = Some(at),
            (None, Some(begins)) if c.is_whitespace() || matches!(c, '=' | '/' | '>') => {
                names.extend(tag.get(begins..at).map(|name| (begins, name)));
                from = None;
            }
            (None, _) if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
    }
    names
}

/// Every opening tag with its place, from `<` to `>`.
pub(super) fn tags(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('<').filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let opens = rest.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
        // What closes is most of what there is, and its end is asked for by nobody.
        if !opens {
            return None;
        }
        let mut quote = None;
        let end = rest.bytes().position(|octet| match (quote, octet) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(octet);
                false
            }
            (Some(open), _) if open == octet => {
                quote = None;
                false
            }
            _ => false,
        })?;
        Some((at, rest.get(..=end)?))
    })
}

fn name(tag: &str) -> &str {
    let name = tag.trim_start_matches('<');
    name.get(..name.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(name.len()))
        .unwrap_or_default()
}

/// The value of a quoted attribute.
pub(super) fn attribute<'t>(tag: &'t str, wanted: &str) -> Option<&'t str> {
    tag.match_indices(wanted).find_map(|(at, _)| {
        let is_whole = tag.get(..at)?.ends_with(|c: char| c.is_whitespace());
        let value = tag.get(at + wanted.len()..)?.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        is_whole.then(|| value.get(1..)?.split_once(quote).map(|(value, _)| value)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_attributes_are_found_as_written() {
        let text = r#"a < b <mj-button href="https://a.example/?x=1&amp;y=>" title='x'>Go</mj-button><br/><a  href = '{{x}}'>"#;
        let found: Vec<(&str, Option<&str>)> = tags(text).map(|(_, tag)| (name(tag), attribute(tag, "href"))).collect();
        assert_eq!(found, [("mj-button", Some("https://a.example/?x=1&amp;y=>")), ("br", None), ("a", Some("{{x}}"))]);
        assert_eq!(attribute(r#"<a data-href="x">"#, "href"), None);
    }

    /// The same, character by character.
    fn plainly(text: &str) -> Vec<(usize, &str)> {
        let found = text.match_indices('<').filter_map(|(at, _)| {
            let rest = text.get(at..)?;
            let opens = rest.get(1..)?.starts_with(|c: char| c.is_ascii_alphabetic());
            let mut quote = None;
            let end = rest.char_indices().find(|(_, c)| match (quote, c) {
                (None, '>') => true,
                (None, '"' | '\'') => {
                    quote = Some(*c);
                    false
                }
                (Some(open), c) if open == *c => {
                    quote = None;
                    false
                }
                _ => false,
            });
            opens.then_some((at, rest.get(..=end?.0)?))
        });
        found.collect()
    }

    proptest::proptest! {
        #[test]
        fn tags_of_any_text_are_where_its_characters_say(text in "[<>/a-cü=\"' ]{0,60}") {
            proptest::prop_assert_eq!(tags(&text).collect::<Vec<_>>(), plainly(&text));
        }
    }
}
