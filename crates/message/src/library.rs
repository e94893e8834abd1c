//! The mails of one folder, by name and language.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_rule::suggest::nearest;
use rapport_rule::{Findings, Source};

use crate::locale::Locale;
use crate::mail::Mail;
use crate::partial::Partials;

/// The mails of a workflow's folder.
#[derive(Clone, Debug, Default)]
pub struct Library {
    by_name: BTreeMap<String, Variants>,
    /// Names of files with errors, and what could be read of those.
    broken: BTreeMap<String, Vec<Mail>>,
}

#[derive(Clone, Debug, Default)]
struct Variants {
    plain: Option<Mail>,
    by_locale: BTreeMap<Locale, Mail>,
}

impl Library {
    /// Compiles all mail files among the sources of one folder; other files are passed over. A file with errors is a
    /// finding and is left out, the others are still there.
    pub fn parse<'a>(
        sources: impl IntoIterator<Item = &'a Source>,
        program: &Locale,
        partials: &Partials,
        findings: &mut Findings,
    ) -> Library {
        let mut library = Library::default();
        for source in sources.into_iter().filter(|source| Mail::is_path(&source.path)) {
            match Mail::read(source, partials, findings) {
                Some((mail, true)) => library.add(mail, findings),
                Some((mail, false)) => library.broken.entry(mail.name().to_owned()).or_default().push(mail),
                None => {
                    if let Some((name, _)) = Mail::name_of(&source.path) {
                        library.broken.entry(name).or_default();
                    }
                }
            }
        }
        for (name, variants) in &library.by_name {
            // Here and not while adding: in the order of files, `hello.en.mail.md` comes before `hello.mail.md`.
            if let (Some(_), Some(named)) = (&variants.plain, variants.by_locale.get(program)) {
                findings
                    .warning("R0415", named.path(), None, format!("`{name}` exists twice in {program}"))
                    .hint("The file without a language is the one in the programme's; this one is used instead.");
            }
            let Some(translated) = variants.by_locale.values().next() else { continue };
            let reachable = variants.plain.is_some()
                || Locale::chain(None, program).iter().any(|l| variants.by_locale.contains_key(l));
            if !reachable && !library.broken.contains_key(name) {
                findings
                    .error(
                        "R0414",
                        translated.path(),
                        None,
                        format!("`{name}` has no text in the programme's language ({program})"),
                    )
                    .hint(format!("Partners of other languages would get nothing. Write `{name}.mail.md`."));
            }
        }
        library
    }

    fn add(&mut self, mail: Mail, findings: &mut Findings) {
        let variants = self.by_name.entry(mail.name().to_owned()).or_default();
        let same = match mail.locale() {
            None => variants.plain.as_ref(),
            Some(locale) => variants.by_locale.get(locale),
        };
        if let Some(same) = same {
            findings
                .error("R0411", mail.path(), None, format!("`{}` is written twice", mail.name()))
                .hint(format!("There is {} too: keep one of them.", same.path()));
        }
        match mail.locale().cloned() {
            None => variants.plain = Some(mail),
            Some(locale) => drop(variants.by_locale.insert(locale, mail)),
        }
    }

    /// The mail of a name for a partner: in their language, its base, the programme's.
    pub fn choose(&self, name: &str, partner: Option<&Locale>, program: &Locale) -> Option<(&Mail, Locale)> {
        let variants = self.by_name.get(name)?;
        for locale in Locale::chain(partner, program) {
            if let Some(mail) = variants.by_locale.get(&locale) {
                return Some((mail, locale));
            }
            // The file without a tag is in the programme's language, or in its base.
            if (locale == *program || locale.tag() == program.language())
                && let Some(mail) = &variants.plain
            {
                return Some((mail, program.clone()));
            }
        }
        None
    }

    /// Whether there is a mail of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Whether any file has errors.
    pub fn has_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// The files of the partials its mails are made of.
    pub fn partials(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names().flat_map(|name| self.variants(name)).flat_map(Mail::partials)
    }

    /// Whether a file of this name is there that has errors: they are told already.
    pub fn is_broken(&self, name: &str) -> bool {
        self.broken.contains_key(name)
    }

    /// The names of files with errors, in order.
    pub fn broken_names(&self) -> impl Iterator<Item = &str> {
        self.broken.keys().map(String::as_str)
    }

    /// What could be read of the files of a name that have errors: for what is wrong with their names besides, not to be rendered.
    pub fn broken(&self, name: &str) -> impl Iterator<Item = &Mail> {
        self.broken.get(name).into_iter().flatten()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The name most like a word, for "did you mean".
    pub fn nearest(&self, word: &str) -> Option<&str> {
        nearest(word, self.names())
    }

    /// All languages of a mail, the one without a tag first.
    pub fn variants(&self, name: &str) -> impl Iterator<Item = &Mail> {
        self.by_name.get(name).into_iter().flat_map(|variants| variants.plain.iter().chain(variants.by_locale.values()))
    }

    /// The paths planning has to evaluate for a mail, over all its languages, each once: one planned context then serves
    /// whichever language the mailer chooses.
    pub fn planned(&self, name: &str) -> Vec<String> {
        let mut paths: Vec<String> = self.variants(name).flat_map(Mail::planned).map(str::to_owned).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(files: &[&str], program: &str) -> (Library, Vec<String>) {
        let sources: Vec<Source> = files
            .iter()
            .map(|file| {
                Source::new(
                    format!("workflows/w/{file}.mail.md"),
                    format!("---\nsubject: {file}\n---\n{{{{conversions_90d}}}}\n"),
                )
            })
            .collect();
        let mut findings = Findings::new();
        let program = Locale::parse(program).unwrap();
        let library = Library::parse(&sources, &program, &Partials::none(&program), &mut findings);
        (library, findings.iter().map(|f| f.code.to_owned()).collect())
    }

    #[track_caller]
    fn chosen(library: &Library, partner: &str, program: &str) -> String {
        let (partner, program) = (Locale::parse(partner), Locale::parse(program).unwrap());
        library
            .choose("hello", partner.as_ref(), &program)
            .map(|(mail, locale)| format!("{} as {locale}", mail.path()))
            .unwrap_or_default()
    }

    #[test]
    fn a_partner_reads_the_nearest_language() {
        let (library, findings) = library(&["hello", "hello.de", "hello.de-AT"], "en");
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(chosen(&library, "de-AT", "en"), "workflows/w/hello.de-AT.mail.md as de-AT");
        assert_eq!(chosen(&library, "de-CH", "en"), "workflows/w/hello.de.mail.md as de");
        assert_eq!(chosen(&library, "fr", "en"), "workflows/w/hello.mail.md as en");
        assert_eq!(chosen(&library, "en-GB", "en"), "workflows/w/hello.mail.md as en");
        assert_eq!(chosen(&library, "", "en-GB"), "workflows/w/hello.mail.md as en-GB");
        assert_eq!(library.planned("hello"), ["conversions_90d"]);
    }

    #[test]
    fn a_mail_that_only_some_could_read_is_found() {
        assert_eq!(library(&["hello.de"], "en").1, ["R0414"]);
        assert_eq!(library(&["hello.en"], "en-GB").1, [""; 0]);
    }
}
