//! `config/digest.mail.md`: the mail that tells of what found no place under a cap (`over_the_cap: digest`).

use rapport_message::mail::Shaped;
use rapport_message::rehearsal::Stage;
use rapport_message::{Library, Mail, Partials, Shape};
use rapport_rule::expr::Type;
use rapport_rule::{Findings, Sources};
use serde_json::Map;

use super::{Setting, rehearsal};

/// Its name, in every language.
pub(crate) const NAME: &str = "digest";
/// What each mail it tells of is known by.
const SUBJECTS: &str = "digest.mails[].subject";
/// What it may name beside what every mail may.
const NAMES: [&str; 4] = ["digest.mails", SUBJECTS, "digest.mails[].preheader", "digest.mails[].url"];

/// Whether a file is the digest in some language.
pub(crate) fn is_path(path: &str) -> bool {
    let is_named = |file: &str| Mail::name_of(file).is_some_and(|(name, _)| name == NAME);
    path.strip_prefix("config/").is_some_and(|file| !file.contains('/') && is_named(file))
}

/// The digest in all its languages; empty where there is none.
pub(crate) fn read(sources: &Sources, partials: &Partials, setting: &Setting<'_>, findings: &mut Findings) -> Library {
    let files = sources.under("config/").filter(|source| is_path(&source.path));
    let library = Library::parse(files, setting.program, partials, findings);
    let proposals = NAMES.map(str::to_owned);
    for mail in library.variants(NAME) {
        let errors = findings.errors();
        mail.check(&shape, &proposals, findings);
        if !mail.names().iter().any(|used| used.path == SUBJECTS) {
            findings
                .error("R0590", mail.path(), None, "the digest does not say what is in it")
                .hint("Write {{#each digest.mails}}, with {{subject}} inside it.");
        }
        if let Some(layout) = setting.layout.filter(|_| setting.rehearses && findings.errors() == errors) {
            let locale = mail.locale().unwrap_or(setting.program);
            let stage = Stage { layout, locale, shape: &shape, known: &Map::new(), answers: &[], service: false };
            rehearsal::told(mail, &stage, findings);
        }
    }
    for mail in library.broken(NAME) {
        mail.check(&shape, &proposals, findings);
    }
    library
}

/// What its names are. A mail may be without a preheader, and without a link of its own.
pub(super) fn shape(path: &str) -> Option<Shaped> {
    let [list, subject, preheader, url] = NAMES;
    let text = Shape::One(Type::Text);
    let (shape, maybe_missing) = match path {
        _ if path == list => (Shape::Items, false),
        _ if path == subject => (text, false),
        _ if path == preheader || path == url => (text, true),
        _ => return None,
    };
    Some(Shaped { shape, maybe_missing })
}
