//! Texts that several mails share: `config/partials/footer.md`, put into a mail with `{{> footer}}`.
//!
//! A partial is put in as written, before anything is made of the text: its names are those of the mail, and it stands inside the
//! `{{#if}}` or `{{#each}}` around it. Mails in Markdown take `.md`, mails in MJML take `.mjml`. Like a mail it may be written in
//! several languages (`footer.de.md`); a mail takes the one nearest to its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use handlebars::Template;
use rapport_rule::suggest::nearest;
use rapport_rule::yaml::is_name;
use rapport_rule::{Findings, Source, Span};

use crate::locale::Locale;
use crate::markdown;
use crate::mjml;
use crate::placeholder;
use crate::template::{self, Asked, Piece};

/// Where partials stand among the files.
pub const FOLDER: &str = "config/partials/";

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Format {
    Markdown,
    Mjml,
}

impl Format {
    const fn ending(self) -> &'static str {
        match self {
            Format::Markdown => ".md",
            Format::Mjml => ".mjml",
        }
    }

    const fn other(self) -> Format {
        match self {
            Format::Markdown => Format::Mjml,
            Format::Mjml => Format::Markdown,
        }
    }
}

/// The partials of a project.
#[derive(Clone, Debug)]
pub struct Partials {
    by_name: BTreeMap<(Format, String), BTreeMap<Option<Locale>, Partial>>,
    program: Locale,
}

/// One of them in one language.
#[derive(Clone, Debug)]
pub(crate) struct Partial {
    source: Source,
    /// The text without the white space around it, so that it can stand within a line too.
    text: Span,
    template: Option<Template>,
    asked: Vec<Asked>,
    sound: bool,
}

impl Partials {
    /// Whether a path is one of a partial.
    #[must_use]
    pub fn is_path(path: &str) -> bool {
        path.strip_prefix(FOLDER).is_some_and(|file| named(file).is_some())
    }

    /// None at all, as in a project without the folder.
    pub fn none(program: &Locale) -> Partials {
        Partials { by_name: BTreeMap::new(), program: program.clone() }
    }

    /// Compiles all partials among the sources; other files are passed over. What is wrong with one is a finding; which names it
    /// may use is a matter of the mails that ask for it. `program` is the language of files without one in their name.
    pub fn parse<'a>(
        sources: impl IntoIterator<Item = &'a Source>,
        program: &Locale,
        findings: &mut Findings,
    ) -> Partials {
        let mut partials = Partials::none(program);
        for source in sources {
            let Some(file) = source.path.strip_prefix(FOLDER).filter(|file| *file != "README.md") else { continue };
            let Some((format, name, locale)) = named(file) else {
                findings.error("R0527", &source.path, None, format!("{} has no meaning", source.path)).hint(
                    "A partial is NAME.md or NAME.LANGUAGE.md, for mails in MJML NAME.mjml or NAME.LANGUAGE.mjml.",
                );
                continue;
            };
            let variants = partials.by_name.entry((format, name.clone())).or_default();
            if let Some(same) = variants.get(&locale) {
                findings
                    .error("R0411", &source.path, None, format!("`{name}` is written twice"))
                    .hint(format!("There is {} too: keep one of them.", same.source.path));
                continue;
            }
            let mut partial = Partial {
                source: source.clone(),
                text: trimmed(&source.text),
                template: None,
                asked: Vec::new(),
                sound: true,
            };
            let errors = findings.errors();
            partial.template = template::read(&partial.piece(), findings);
            match format {
                Format::Markdown => markdown::lint(&partial.piece(), findings),
                Format::Mjml => mjml::lint(&partial.piece(), findings),
            }
            if partial.template.is_some() {
                placeholder::lint(&partial.piece(), Some(format), findings);
            }
            partial.sound = findings.errors() == errors;
            variants.insert(locale, partial);
        }
        partials.walk(findings);
        partials
    }

    /// Looks at what stands in each, now that all are known.
    fn walk(&mut self, findings: &mut Findings) {
        let mut looked = BTreeMap::new();
        for ((format, name), variants) in &self.by_name {
            for (locale, partial) in variants {
                let Some(template) = &partial.template else { continue };
                let shelf = Shelf { partials: self, format: *format, locale: locale.as_ref() };
                let piece = Piece { shelf: Some(shelf), ..partial.piece() };
                let errors = findings.errors();
                let walked = template::walk(&piece, template, Some(name), &mut Vec::new(), findings);
                let sound = findings.errors() == errors && !walked.broken;
                looked.insert(partial.source.path.clone(), (walked.asked, sound));
            }
        }
        for partial in self.by_name.values_mut().flat_map(BTreeMap::values_mut) {
            if let Some((asked, sound)) = looked.remove(&partial.source.path) {
                partial.asked = asked;
                partial.sound &= sound;
            }
        }
    }

    /// Each partial's name and files, those without a language first.
    pub fn files(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.by_name.iter().map(|((_, name), variants)| {
            (name.as_str(), variants.values().map(|partial| partial.source.path.as_str()).collect())
        })
    }

    /// Warns of those that none of the mails asks for.
    pub fn warn_unused(&self, used: &BTreeSet<Arc<str>>, findings: &mut Findings) {
        for (name, files) in self.files() {
            if let Some(first) = files.first().filter(|_| !files.iter().any(|file| used.contains(*file))) {
                findings
                    .warning("R0459", first, None, format!("no mail asks for `{name}`"))
                    .hint(format!("Write {{{{> {name}}}}} in the text of a mail, or remove the file."));
            }
        }
    }
}

/// The partials a text may ask for: those written as it is, in its language.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shelf<'a> {
    pub(crate) partials: &'a Partials,
    pub(crate) format: Format,
    /// The text's language; none is the programme's.
    pub(crate) locale: Option<&'a Locale>,
}

impl<'a> Shelf<'a> {
    /// The partial of a name in the text's language, its base, the programme's.
    pub(crate) fn find(&self, name: &str) -> Option<&'a Partial> {
        let program = &self.partials.program;
        let variants = self.partials.by_name.get(&(self.format, name.to_owned()))?;
        let chain = Locale::chain(self.locale, program);
        chain.into_iter().find_map(|locale| {
            let of_program = locale == *program || locale.tag() == program.language();
            let plain = || variants.get(&None).filter(|_| of_program);
            variants.get(&Some(locale.clone())).or_else(plain)
        })
    }

    /// The name most like a word.
    pub(crate) fn nearest(&self, word: &str) -> Option<&'a str> {
        let names = self.partials.by_name.keys().filter(|(format, _)| *format == self.format);
        nearest(word, names.map(|(_, name)| name.as_str()))
    }

    /// What is to be done where there is none of this name.
    pub(crate) fn missing(&self, name: &str) -> String {
        let (ending, other) = (self.format.ending(), self.format.other());
        let there = |format: Format| self.partials.by_name.get(&(format, name.to_owned()));
        if let Some(first) = there(self.format).and_then(|variants| variants.values().next()) {
            let program = &self.partials.program;
            return format!("There is {}, but none in the mail's language or in {program}.", first.source.path);
        }
        match there(other).and_then(|variants| variants.values().next()) {
            Some(first) => {
                format!("There is {}; a mail like this one takes {FOLDER}{name}{ending}.", first.source.path)
            }
            None => format!("Its text stands in {FOLDER}{name}{ending}."),
        }
    }

    /// A text with its partials put in. None if it becomes longer than a text may be.
    pub(crate) fn expand(&self, text: &str, asked: &[Asked]) -> Option<Expanded> {
        let mut expanded = Expanded::default();
        let mut at = 0;
        for tag in asked {
            expanded.push(text.get(at..tag.start)?, Span::new(at, tag.start), true);
            let partial = self.find(&tag.name)?;
            let inner = self.expand(partial.text(), &partial.asked)?;
            expanded.push(&inner.text, Span::new(tag.start, tag.end), false);
            at = tag.end;
            if expanded.text.len() > template::TEXT_BYTES_MAX {
                return None;
            }
        }
        expanded.push(text.get(at..)?, Span::new(at, text.len()), true);
        (expanded.text.len() <= template::TEXT_BYTES_MAX).then_some(expanded)
    }
}

impl Partial {
    pub(crate) fn path(&self) -> &str {
        &self.source.path
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        self.template.as_ref()
    }

    /// Whether it and all partials in it are without errors.
    pub(crate) fn is_sound(&self) -> bool {
        self.sound
    }

    fn text(&self) -> &str {
        self.source.slice(self.text)
    }

    /// Its text, without partials to be put into it.
    pub(crate) fn piece(&self) -> Piece<'_> {
        Piece { source: &self.source, text: self.text(), span: self.text, frame: false, shelf: None, expanded: None }
    }
}

/// A text with partials in it, and where each part of it came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) text: String,
    parts: Vec<Origin>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Origin {
    /// Where the part begins in the whole.
    at: usize,
    /// What it stands for in the text as written.
    own: Span,
    /// Whether it is that very text, and not what was put in its place.
    verbatim: bool,
}

impl Expanded {
    fn push(&mut self, text: &str, own: Span, verbatim: bool) {
        self.parts.push(Origin { at: self.text.len(), own, verbatim });
        self.text.push_str(text);
    }

    /// The place in the text as written: of what was put in, the tag.
    pub(crate) fn own(&self, start: usize, end: usize) -> Span {
        let last = self.parts.partition_point(|part| part.at <= start).saturating_sub(1);
        let Some(part) = self.parts.get(last) else { return Span::default() };
        if !part.verbatim {
            return part.own;
        }
        let place = |at: usize| (part.own.start + at.saturating_sub(part.at)).min(part.own.end);
        Span::new(place(start), place(end.max(start)))
    }
}

/// Format, name and language of a file's name: `footer.md`, `footer.de-AT.mjml`.
fn named(file: &str) -> Option<(Format, String, Option<Locale>)> {
    let (format, stem) = [Format::Mjml, Format::Markdown]
        .into_iter()
        .find_map(|format| Some((format, file.strip_suffix(format.ending())?)))?;
    let (name, locale) = match stem.split_once('.') {
        Some((name, tag)) => (name, Some(Locale::parse(tag)?)),
        None => (stem, None),
    };
    is_name(name).then(|| (format, name.to_owned(), locale))
}

/// Where a text stands without the white space around it.
fn trimmed(text: &str) -> Span {
    let start = text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}').len();
    Span::new(start, text.trim_end().len().max(start))
}
