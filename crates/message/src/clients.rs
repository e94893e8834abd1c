//! What mail clients make of a mail: what they leave out, break or cut, told before anybody gets it.
//!
//! What authors write by hand is looked at: the layout, mails in MJML with the HTML in them, the links of Markdown. The HTML that is
//! made of Markdown is ours, and a test holds it against the same rules. Which client knows what is one table, [`fact`].

pub mod fact;

mod address;
mod colour;
mod judge;
mod line;
mod markup;
mod style;

use std::ops::Range;

use rapport_rule::{Findings, Source, Span};

use crate::front_matter;
use crate::layout;
use crate::mail::Mail;
use crate::markdown;
use crate::partial::Partials;

/// A family of mail clients, named as in `mail_clients` of `config/rapport.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// Outlook on Windows, which shows mail with Word.
    Outlook,
    /// Gmail in the browser and its apps.
    Gmail,
    /// Apple Mail on Macs, iPhones and iPads.
    AppleMail,
    /// Yahoo Mail in the browser and its apps.
    Yahoo,
}

impl Client {
    /// All of them, in the order of [`Client::WORDS`].
    pub const ALL: [Client; 4] = [Client::Outlook, Client::Gmail, Client::AppleMail, Client::Yahoo];
    /// What they are called in files.
    pub const WORDS: [&'static str; 4] = ["outlook", "gmail", "apple-mail", "yahoo"];

    /// What people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Client::Outlook => "Outlook on Windows",
            Client::Gmail => "Gmail",
            Client::AppleMail => "Apple Mail",
            Client::Yahoo => "Yahoo Mail",
        }
    }
}

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The frame of all mails.
    Html,
    Mjml,
    Markdown,
}

impl Written {
    fn of(path: &str) -> Option<Written> {
        if path == layout::HTML_PATH {
            return Some(Written::Html);
        }
        match (Mail::is_path(path) || Partials::is_path(path), path.ends_with(".mjml")) {
            (true, true) => Some(Written::Mjml),
            (true, false) => Some(Written::Markdown),
            (false, _) => None,
        }
    }
}

/// Warnings for what some of these clients would not show as it is meant: R0462, R0463, R0465 to R0469. A file that is neither layout,
/// mail nor partial has none.
pub fn lint(source: &Source, clients: &[Client], findings: &mut Findings) {
    let Some(written) = Written::of(&source.path) else { return };
    let body = front_matter::body_of(source);
    if Mail::is_path(&source.path) {
        line::lint(source, body.start, findings);
    }
    let text = source.slice(body);
    match written {
        Written::Markdown => {
            let place = |range: Range<usize>| Span::new(range.start, range.end).shifted(body.start);
            for (range, url, shown) in markdown::links(text) {
                address::lint(&url, &shown, &source.path, place(range), findings);
            }
            if clients.contains(&Client::Outlook) {
                for (range, width) in markdown::images(text) {
                    wide(&width, &source.path, place(range), findings);
                }
            }
        }
        Written::Html | Written::Mjml => judge::lint(source, body, written, clients, findings),
    }
}

/// A warning for an image in Markdown that Outlook shows as wide as its file. `width` is what stands in quotes behind its address.
fn wide(width: &str, path: &str, span: Span, findings: &mut Findings) {
    if markdown::image_width(width).is_some() {
        return;
    }
    let what = match width.is_empty() {
        true => "an image without a width".to_owned(),
        false => format!("`{width}` is no width of an image"),
    };
    let most = markdown::IMAGE_PX_MAX;
    findings
        .warning("R0463", path, span, what)
        .hint(format!("Outlook on Windows knows no max-width for images and shows the file as wide as it is, beyond the edge of the mail. Write the width in pixels behind the address, at most {most}: ![A red shoe](https://acme.example/shoe.png \"200\"). See https://www.caniemail.com/features/css-max-width/"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_its_word() {
        for (client, word) in Client::ALL.into_iter().zip(Client::WORDS) {
            assert_eq!(format!("{client:?}").to_lowercase(), word.replace('-', ""));
        }
    }

    #[test]
    fn what_a_file_is_written_in_is_known_by_its_name() {
        for (path, written) in [
            ("config/layout.mail.html", Some(Written::Html)),
            ("config/layout.mail.txt", None),
            ("config/partials/footer.de.md", Some(Written::Markdown)),
            ("config/partials/footer.mjml", Some(Written::Mjml)),
            ("workflows/w/hello.mail.mjml", Some(Written::Mjml)),
            ("workflows/w/README.md", None),
        ] {
            assert_eq!(Written::of(path), written, "{path}");
        }
    }
}
