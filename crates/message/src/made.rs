//! What helpers make that is more than a line of text: a bar, a list. Each stands differently in HTML, in Markdown and in a line.
//!
//! Between a helper and whoever writes it down it is a token: letters that Markdown has no use for between two characters of
//! private use, which are taken out of every value ([`escape::clean`], [`crate::context`]). So no value can be one.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::escape;

/// Opens a token.
pub(crate) const OPENS: char = '\u{E002}';
/// Closes it.
pub(crate) const CLOSES: char = '\u{E003}';

/// What a helper made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Made {
    /// So many of so many places are full; the share in words stands behind it.
    Bar { full: usize, places: usize, share: String },
    /// Texts, one below the other.
    List(Vec<String>),
}

/// The colours of a bar's two parts. Both are the glyphs' own colour too, so that it looks like one piece; where a client shows
/// no colours, and in the text made of HTML, the glyphs still tell them apart.
const FULL: &str = "color:#0b5c8a;background-color:#0b5c8a";
const EMPTY: &str = "color:#d5ddd9;background-color:#d5ddd9";

impl Made {
    /// As a value of a template.
    pub(crate) fn token(&self) -> String {
        format!("{OPENS}{}{CLOSES}", escape::hex(&serde_json::to_string(self).unwrap_or_default()))
    }

    /// What a value is, if it is nothing but a token.
    fn of(value: &str) -> Option<Made> {
        let inside = value.strip_prefix(OPENS)?.strip_suffix(CLOSES)?;
        serde_json::from_str(&escape::unhex(inside)?).ok()
    }

    /// In a line of text.
    fn spoken(&self) -> String {
        match self {
            // A line never breaks inside it.
            Made::Bar { full, places, share } => {
                format!("[{}{}]\u{a0}{share}", "#".repeat(*full), "-".repeat(places.saturating_sub(*full)))
            }
            Made::List(items) => items.join(", "),
        }
    }

    fn html(&self) -> String {
        match self {
            Made::Bar { full, places, share } => {
                let share = escape::html(share);
                let part = |glyph: &str, count: usize, style: &str| match count {
                    0 => String::new(),
                    _ => format!("<span style=\"{style}\">{}</span>", glyph.repeat(count)),
                };
                // Read aloud as its share alone. Letters rather than a table: those may stand in a sentence, and all clients draw them.
                format!(
                    "<span role=\"img\" aria-label=\"{share}\" style=\"white-space:nowrap\">{}{}&nbsp;{share}</span>",
                    part("█", *full, FULL),
                    part("░", places.saturating_sub(*full), EMPTY)
                )
            }
            Made::List(items) => {
                let items =
                    items.iter().map(|item| format!("<li style=\"margin:0 0 8px\">{}</li>", escape::html(item)));
                format!("<ul style=\"margin:0 0 16px;padding:0 0 0 22px\">{}</ul>", items.collect::<String>())
            }
        }
    }
}

/// A value where Markdown is made: a bar stays a token, a list becomes a list, anything else is sealed.
pub(crate) fn in_markdown(value: &str) -> String {
    match Made::of(value) {
        Some(Made::Bar { .. }) => value.to_owned(),
        Some(Made::List(items)) => {
            let items: String = items.iter().map(|item| format!("- {}\n", escape::seal(item))).collect();
            format!("\n\n{items}\n")
        }
        None => escape::seal(value),
    }
}

/// A value where HTML is made.
pub(crate) fn in_html(value: &str) -> String {
    Made::of(value).map_or_else(|| escape::html(&escape::cleaned(value)), |made| made.html())
}

/// A value in a line of text.
pub(crate) fn in_line(value: &str) -> String {
    Made::of(value).map_or_else(|| escape::clean(value), |made| made.spoken())
}

/// A text with tokens in it as HTML behind what is there, all else of it escaped.
pub(crate) fn push_html_of(text: &str, out: &mut String) {
    push_replaced(text, out, escape::push_html, Made::html);
}

/// A text with tokens in it as a line of text.
pub(crate) fn text_of(text: &str) -> Cow<'_, str> {
    if !text.contains(OPENS) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    push_replaced(text, &mut out, |text, out| out.push_str(text), Made::spoken);
    Cow::Owned(out)
}

fn push_replaced(text: &str, out: &mut String, plain: fn(&str, &mut String), made: fn(&Made) -> String) {
    let mut rest = text;
    while let Some(at) = rest.find(OPENS) {
        let (before, token) = rest.split_at(at);
        plain(before, out);
        let end = token.find(CLOSES).map_or(token.len(), |end| end + CLOSES.len_utf8());
        let (token, behind) = token.split_at(end);
        // One that an author wrote by hand says nothing.
        out.push_str(&Made::of(token).map(|found| made(&found)).unwrap_or_default());
        rest = behind;
    }
    plain(rest, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html_of(text: &str) -> String {
        let mut html = String::new();
        push_html_of(text, &mut html);
        html
    }

    #[test]
    fn a_bar_reads_the_same_however_it_is_written() {
        let token = Made::Bar { full: 2, places: 4, share: "50%".into() }.token();
        assert_eq!(text_of(&format!("so far {token}.")), "so far [##--]\u{a0}50%.");
        assert_eq!(in_line(&token), "[##--]\u{a0}50%");
        assert_eq!(in_markdown(&token), token);
        for html in [html_of(&format!("<{token}")), format!("&lt;{}", in_html(&token))] {
            assert!(
                html.starts_with("&lt;<span role=\"img\" aria-label=\"50%\"") && html.contains(">██</span>"),
                "{html}"
            );
        }
    }

    #[test]
    fn an_item_of_a_list_cannot_be_markup() {
        let token = Made::List(vec!["<b>*x*</b>".into(), "y".into()]).token();
        assert_eq!(in_line(&token), "<b>*x*</b>, y");
        assert!(in_html(&token).contains(">&lt;b&gt;*x*&lt;/b&gt;</li>"));
        assert_eq!(escape::open(&in_markdown(&token)), "\n\n- <b>*x*</b>\n- y\n\n");
    }

    #[test]
    fn a_token_from_outside_is_none() {
        let token = Made::Bar { full: 1, places: 1, share: "x".into() }.token();
        assert!(!escape::clean(&token).contains([OPENS, CLOSES]));
        for broken in ["\u{E002}", "\u{E002}zz\u{E003}", "\u{E002}6162\u{E003}"] {
            assert_eq!(text_of(&format!("a{broken}")), "a", "{broken:?}");
        }
    }
}
