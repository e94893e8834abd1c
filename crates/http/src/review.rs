//! A review in words: one sheet of sections, shown as a page, as text, or filled into a page of the gateway.
//!
//! The page has no script and loads nothing; charts are drawn in it, and say in words what they show. It prints on A4.

mod sections;
mod tongue;

use std::fmt::Write as _;

use rapport_engine::review::ReviewPack;
use rapport_message::{Imprint, Locale, escape::clean};

use self::tongue::Tongue;
use crate::{page::Page, words::Words};

/// Who reads it.
pub struct Reader<'a> {
    /// Languages, best first.
    pub locales: &'a [Locale],
    /// The programme's name.
    pub program: &'a str,
    /// What the partner is called.
    pub name: &'a str,
    /// The company's imprint, where it is known.
    pub imprint: Option<&'a Imprint>,
}

/// A review in words. Everything in it is text, not markup.
pub(crate) struct Sheet {
    pub title: String,
    pub intro: Vec<String>,
    pub sections: Vec<Section>,
}

/// A part with its heading.
pub(crate) struct Section {
    pub title: &'static str,
    pub blocks: Vec<Block>,
}

/// A piece of a part.
pub(crate) enum Block {
    /// A paragraph.
    Text(String),
    /// One point after another.
    List(Vec<String>),
    /// Figures by name.
    Facts(Vec<Fact>),
    /// A bar for each of several values.
    Bars(Bars),
}

/// A figure.
pub(crate) struct Fact {
    pub label: String,
    pub value: String,
    /// What to know besides; may be empty.
    pub note: String,
}

/// A chart.
pub(crate) struct Bars {
    pub title: String,
    pub bars: Vec<Bar>,
}

/// A bar.
pub(crate) struct Bar {
    pub label: String,
    pub value: String,
    /// Of the longest, 0 to 1; none where the value is not known.
    pub share: Option<f64>,
}

/// The review as a whole page, to be kept as a file.
#[must_use]
pub fn html(pack: &ReviewPack, reader: &Reader<'_>) -> String {
    let sheet = sheet(pack, reader);
    let page = Page::new(Words::of(reader.locales), reader.program, &sheet.title);
    let page = match reader.imprint {
        Some(imprint) => page.imprint(&imprint.company, &imprint.address, imprint.url.as_deref()),
        None => page,
    };
    page.sheet(&sheet).html()
}

/// The review as plain text.
#[must_use]
pub fn text(pack: &ReviewPack, reader: &Reader<'_>) -> String {
    let sheet = sheet(pack, reader);
    let mut text = format!("{}\n{}\n\n", sheet.title, "=".repeat(sheet.title.chars().count()));
    for line in &sheet.intro {
        let _ = writeln!(text, "{line}");
    }
    for section in &sheet.sections {
        let _ = writeln!(text, "\n{}\n{}", section.title, "-".repeat(section.title.chars().count()));
        for block in &section.blocks {
            written(&mut text, block);
        }
    }
    text
}

fn written(text: &mut String, block: &Block) {
    let _ = match block {
        Block::Text(line) => writeln!(text, "{line}"),
        Block::List(points) => points.iter().try_for_each(|point| writeln!(text, "- {point}")),
        Block::Facts(facts) => facts.iter().try_for_each(|Fact { label, value, note }| {
            let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
            writeln!(text, "{label}: {value}{note}")
        }),
        Block::Bars(Bars { title, bars }) => writeln!(text, "{title}")
            .and_then(|()| bars.iter().try_for_each(|bar| writeln!(text, "  {}: {}", bar.label, bar.value))),
    };
}

/// A review in the reader's language.
pub(crate) fn sheet(pack: &ReviewPack, reader: &Reader<'_>) -> Sheet {
    let tongue = Tongue::of(Words::of(reader.locales));
    let (name, program) = (clean(reader.name), clean(reader.program));
    sections::all(pack, &tongue, &name, &program)
}
