//! The frame around every mail: one HTML file, one text file, their words by language.

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{Context, Handlebars};
use rapport_rule::yaml::Fields;
use rapport_rule::{Findings, Source, Span};
use serde_json::{Map, Value as Json};

use crate::front_matter;
use crate::locale::Locale;
use crate::made;
use crate::mail::{Part, registry};
use crate::render::RenderError;
use crate::template::{self, Piece, Use};
use crate::variable;

/// Where the HTML frame stands among the files.
pub const HTML_PATH: &str = "config/layout.mail.html";
/// Where the text frame stands.
pub const TEXT_PATH: &str = "config/layout.mail.txt";

/// What every frame names, the finding where it does not, and what would follow.
pub(crate) const NEEDED: [(&str, &str, &str); 3] = [
    ("unsubscribe_link", "R0502", "law and the big mailbox providers require a way out"),
    ("why_link", "R0452", "everybody may ask why they were written to"),
    ("imprint.company", "R0452", "the sender must be named"),
];

/// The compiled frame.
#[derive(Clone, Debug)]
pub struct Layout {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    words: Words,
    /// The same as templates see them.
    written: BTreeMap<Locale, Json>,
    reasons: Words,
    /// Which kinds of events have a reason, and where that stands.
    kinds: Vec<(String, Span)>,
    program: Locale,
}

impl Layout {
    /// The languages it has words in.
    pub fn languages(&self) -> impl Iterator<Item = &Locale> {
        self.words.keys()
    }

    /// Compiles both files. `program` is the programme's language, which must have words.
    pub fn parse(html: &Source, text: &Source, program: &Locale, findings: &mut Findings) -> Option<Layout> {
        let errors = findings.errors();
        let split = front_matter::split(html, findings)?;
        let fields = Fields::of(split.head.as_ref()?, &html.path, findings)?;
        let node = fields.require_as("words", "R0450", findings)?;
        let reasons = fields.take("reasons");
        fields.finish(&["words", "reasons"], findings);
        let words = read_words(node, html, findings);
        let reasons_by_language = reasons.map(|node| read_words(node, html, findings)).unwrap_or_default();
        let chain = Locale::chain(None, program);
        let Some(known) = chain.iter().find_map(|locale| words.get(locale)) else {
            findings
                .error(
                    "R0450",
                    &html.path,
                    None,
                    format!("the layout has no words in the programme's language ({program})"),
                )
                .hint(format!("Add `{}:` under `words:`.", program.language()));
            return None;
        };
        for (locale, translated) in &words {
            for key in known.keys().filter(|key| !translated.contains_key(*key)) {
                findings.error("R0451", &html.path, None, format!("the layout's words in {locale} lack `{key}`"));
            }
            let all = reasons_by_language.values().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>();
            let told = |kind: &str| reasons_by_language.get(locale).is_some_and(|reasons| reasons.contains_key(kind));
            for kind in all.into_iter().filter(|kind| !told(kind)) {
                let why = format!("the layout's reasons in {locale} lack `{kind}`");
                findings.error("R0451", &html.path, reasons.map(|node| node.span), why);
            }
        }
        let by_language = reasons.and_then(|node| node.as_map()).unwrap_or_default();
        let kinds = by_language.iter().flat_map(|(_, node)| node.as_map().unwrap_or_default());
        let kinds = kinds.map(|(kind, _)| (kind.text.clone(), kind.span)).collect();
        let mut layout = Layout {
            html: registry(made::in_html),
            text: registry(made::in_line),
            words: words.clone(),
            written: words.iter().map(|(locale, texts)| (locale.clone(), written(texts))).collect(),
            reasons: reasons_by_language,
            kinds,
            program: program.clone(),
        };
        let pieces = [
            (
                Piece {
                    source: html,
                    text: html.slice(split.body),
                    span: split.body,
                    frame: true,
                    shelf: None,
                    expanded: None,
                },
                &mut layout.html,
            ),
            (
                Piece {
                    source: text,
                    text: &text.text,
                    span: rapport_rule::Span::new(0, text.text.len()),
                    frame: true,
                    shelf: None,
                    expanded: None,
                },
                &mut layout.text,
            ),
        ];
        for (piece, registry) in pieces {
            let mut names = Vec::new();
            let template = template::compile(&piece, &mut names, findings);
            check_names(&names, known, piece.source, findings);
            let Some(template) = template else { continue };
            registry.register_template(Part::Body.name(), template);
            let content = ("content", "R0452", "the mail itself would be missing");
            for (needed, code, why) in std::iter::once(content).chain(NEEDED) {
                if !mentions(piece.text, needed) {
                    findings
                        .error(code, &piece.source.path, None, format!("the layout lacks {{{{{needed}}}}}"))
                        .hint(format!("Without it {why}."));
                }
            }
        }
        (findings.errors() == errors).then_some(layout)
    }

    /// What a partner who reads this language is told of why a mail was written that this kind of event led to: behind "You
    /// get this mail because". An event's own `summary` is in English, for the people of the programme, and stands in where
    /// the layout has no words of its own and the partner reads English.
    #[must_use]
    pub fn reason(&self, locale: &Locale, kind: Option<&str>, summary: Option<&str>) -> Option<String> {
        let chain = Locale::chain(Some(locale), &self.program);
        let known = chain.iter().find(|locale| self.words.contains_key(locale));
        let own = known.and_then(|locale| self.reasons.get(locale)).zip(kind).and_then(|(all, kind)| all.get(kind));
        let english = known.is_none_or(|locale| locale.language() == Locale::english().language());
        own.map(String::as_str).or(summary.filter(|text| english && !text.is_empty())).map(str::to_owned)
    }

    /// The kinds of events that have a reason in some language, and where it stands in the HTML frame.
    pub fn reason_kinds(&self) -> impl Iterator<Item = (&str, Span)> {
        self.kinds.iter().map(|(kind, span)| (kind.as_str(), *span))
    }

    /// The HTML frame around a context with `content` and `words`.
    pub(crate) fn wrap_html(&self, context: &Context) -> Result<String, RenderError> {
        wrap(&self.html, HTML_PATH, context)
    }

    /// The text frame around one.
    pub(crate) fn wrap_text(&self, context: &Context) -> Result<String, RenderError> {
        wrap(&self.text, TEXT_PATH, context)
    }

    /// What stands as `words` in the context of a mail in this language.
    pub(crate) fn words(&self, locale: &Locale) -> Json {
        let chain = Locale::chain(Some(locale), &self.program);
        chain.iter().find_map(|locale| self.written.get(locale)).cloned().unwrap_or_else(|| Json::Object(Map::new()))
    }
}

fn wrap(registry: &Handlebars<'static>, path: &str, context: &Context) -> Result<String, RenderError> {
    registry
        .render_with_context(Part::Body.name(), context)
        .map_err(|error| RenderError::of_template(path, Part::Body, &error))
}

/// Texts by name, as templates see them.
fn written(texts: &BTreeMap<String, String>) -> Json {
    texts.iter().map(|(key, word)| (key.clone(), Json::String(word.clone()))).collect()
}

type Words = BTreeMap<Locale, BTreeMap<String, String>>;

/// Texts by language and name.
fn read_words(node: &rapport_rule::yaml::Node, source: &Source, findings: &mut Findings) -> Words {
    let mut words = Words::new();
    for (key, node) in node.as_map().unwrap_or_default() {
        let Some(locale) = Locale::parse(&key.text) else {
            findings
                .error("R0453", &source.path, key.span, format!("`{}` is not a language", key.text))
                .hint("For example `en` or `de-AT`.");
            continue;
        };
        let mut translated = BTreeMap::new();
        for (name, node) in node.as_map().unwrap_or_default() {
            match node.as_str() {
                Some(text) => {
                    translated.insert(name.text.clone(), text.to_owned());
                }
                None => {
                    findings.error("R0453", &source.path, node.span, format!("expected a text, found {}", node.kind()));
                }
            }
        }
        words.insert(locale, translated);
    }
    words
}

fn check_names(names: &[Use], words: &BTreeMap<String, String>, source: &Source, findings: &mut Findings) {
    for used in names {
        let known = match used.path.strip_prefix("words.") {
            Some(word) => words.contains_key(word),
            None => variable::lookup(&used.path).is_some_and(|row| !variable::is_planned(row.path)),
        };
        let missing = variable::lookup(&used.path).is_some_and(|row| row.maybe_missing) && !used.may_be_missing;
        if !known {
            let near = variable::GIVEN.iter().map(|row| row.path).filter(|path| !variable::is_planned(path));
            findings
                .error("R0201", &source.path, used.span, format!("the layout has no `{}`", used.path))
                .did_you_mean(rapport_rule::suggest::nearest(&used.path, near));
        } else if missing {
            findings
                .error("R0421", &source.path, used.span, format!("`{}` may be missing", used.path))
                .label(format!("put it inside {{{{#if {0}}}}}…{{{{/if}}}}", used.path));
        }
    }
}

pub(crate) fn mentions(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        text.get(..at).is_some_and(|before| before.trim_end().ends_with("{{") || before.trim_end().ends_with("{{{"))
    })
}
