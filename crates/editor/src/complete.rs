//! What may be written at a place: keys, words, kinds, ids, fields and figures, mails, names in mails.

use lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, Documentation, InsertTextFormat, TextEdit};
use rapport_rule::Span;
use rapport_workflow::Vocabulary;
use rapport_workflow::schema::{self, Shape};
use rapport_workflow::vocabulary::{Place, Word};

use crate::cursor::{self, Cursor, Part};
use crate::place::range;

/// Proposals at a byte of a file.
pub fn complete(
    path: &str,
    text: &str,
    offset: usize,
    vocabulary: &Vocabulary,
    workflow: Option<&str>,
) -> Vec<CompletionItem> {
    let found = if rapport_message::Mail::is_path(path) || rapport_message::Partials::is_path(path) {
        in_mail(text, offset, vocabulary, workflow)
    } else {
        in_yaml(path, text, offset, vocabulary)
    };
    let Some((span, proposals)) = found else { return Vec::new() };
    let range = range(text, span);
    let item = |proposal: Proposal| {
        let edit = TextEdit { range, new_text: proposal.insert.unwrap_or_else(|| proposal.label.clone()) };
        CompletionItem {
            label: proposal.label,
            kind: Some(proposal.kind),
            detail: (!proposal.detail.is_empty()).then_some(proposal.detail),
            documentation: (!proposal.about.is_empty()).then_some(Documentation::String(proposal.about)),
            sort_text: Some(proposal.order),
            insert_text_format: Some(InsertTextFormat::PLAIN_TEXT),
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            ..CompletionItem::default()
        }
    };
    proposals.into_iter().map(item).collect()
}

struct Proposal {
    label: String,
    kind: CompletionItemKind,
    detail: String,
    about: String,
    insert: Option<String>,
    order: String,
}

fn plain(label: impl Into<String>, kind: CompletionItemKind, about: impl Into<String>) -> Proposal {
    let label = label.into();
    Proposal { order: format!("5{label}"), label, kind, detail: String::new(), about: about.into(), insert: None }
}

fn named(word: Word) -> Proposal {
    let missing = if word.maybe_missing { ", may be missing" } else { "" };
    let values = if word.values.is_empty() { String::new() } else { format!(": {}", word.values.join(", ")) };
    let detail = format!("{}{missing}{values}", word.ty.described());
    Proposal { detail, ..plain(word.name, CompletionItemKind::FIELD, word.about) }
}

/// Keys under which a condition stands.
const CONDITIONS: [&str; 8] = ["if", "unless", "any", "not", "send_to", "except", "reach", "stop_when"];

fn in_yaml(path: &str, text: &str, offset: usize, vocabulary: &Vocabulary) -> Option<(Span, Vec<Proposal>)> {
    let file = schema::of_path(path)?;
    let cursor = cursor::find(text, offset)?;
    let shapes = schema::shapes_at(file, &cursor.shape_way());
    let mut all = Vec::new();
    if cursor.key {
        let present: Vec<&str> = cursor.present.iter().map(String::as_str).collect();
        let followed = text.get(cursor.word.end..).is_some_and(|rest| rest.trim_start_matches(' ').starts_with(':'));
        let keys = schema::keys(&shapes, &present).into_iter().filter(|known| !present.contains(&known.key));
        all.extend(keys.map(|known| Proposal {
            insert: (!followed).then(|| format!("{}: ", known.key)),
            order: format!("{}{}", if known.required { 0 } else { 1 }, known.key),
            detail: if known.required { "required".into() } else { String::new() },
            ..plain(known.key, CompletionItemKind::PROPERTY, known.about)
        }));
    }
    if cursor.value {
        all.extend(values(path, text, &cursor, &shapes, vocabulary));
    }
    Some((cursor.word, all))
}

fn values(
    path: &str,
    text: &str,
    cursor: &Cursor,
    shapes: &[&'static Shape],
    vocabulary: &Vocabulary,
) -> Vec<Proposal> {
    let keys: Vec<&str> = cursor
        .way
        .iter()
        .filter_map(|part| if let Part::Key(key) = part { Some(key.as_str()) } else { None })
        .collect();
    let last = keys.last().copied().unwrap_or_default();
    let place = if path.ends_with("/workflow.yaml") { vocabulary.place(text) } else { Place::default() };
    let ids = |ids: &[std::sync::Arc<str>], about: &str| -> Vec<Proposal> {
        ids.iter().map(|id| plain(&**id, CompletionItemKind::VALUE, about)).collect()
    };
    // Within `{{…}}`, or in a condition: names.
    let open = cursor.before.rfind("{{").is_some_and(|at| !cursor.before.get(at..).unwrap_or_default().contains("}}"));
    let in_condition = CONDITIONS.contains(&last) || (last == "once" && cursor.before.trim() == "per");
    if open || in_condition {
        if let Some(values) = values_of(&cursor.before, vocabulary, &place) {
            return values;
        }
        let mut all: Vec<Proposal> = vocabulary.words(&place).into_iter().map(named).collect();
        if last == "stop_when" {
            all.extend(kinds(vocabulary, false));
        }
        if last == "once" {
            all.extend(["partner", "event"].map(|word| plain(word, CompletionItemKind::KEYWORD, "")));
        }
        return all;
    }
    let workflow = path.strip_prefix("workflows/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let mails = || -> Vec<Proposal> {
        let of = vocabulary.mails.get(workflow);
        of.into_iter().flatten().map(|mail| plain(mail, CompletionItemKind::FILE, format!("{mail}.mail.md"))).collect()
    };
    match last {
        "when" | "wait_for" | "emit" | "signals" | "emitted" => kinds(vocabulary, last == "when"),
        "topic" => ids(&vocabulary.topics, "topic of config/rapport.yaml"),
        "from" | "or" | "to" => {
            let mut all = ids(&vocabulary.senders, "sender of config/rapport.yaml");
            if last != "or" {
                all.push(plain("manager", CompletionItemKind::KEYWORD, "the partner's own; needs `or`"));
            }
            all
        }
        "mail" | "email" | "or_else" | "mails" | "includes" => mails(),
        "survey" => ids(&vocabulary.surveys(), "survey of config/surveys.yaml"),
        "award" => ids(vocabulary.awards(), "award of config/awards.yaml"),
        "offer" | "grant" => ids(&vocabulary.offers, "offer of config/offers.yaml"),
        "feed" => ids(&vocabulary.feeds, "feed of config/feeds.yaml"),
        "start" | "workflows" => ids(&vocabulary.workflows, "workflow"),
        "entered" | "left" => ids(vocabulary.segments(), "segment of config/segments.yaml"),
        "each" => {
            let mut all = ids(vocabulary.segments(), "segment of config/segments.yaml");
            all.push(plain("everyone", CompletionItemKind::KEYWORD, "everybody"));
            all
        }
        // Elsewhere `for` is a length of time, or a word and a name.
        "for" if matches!(path, "config/offers.yaml" | "config/resources.yaml") => {
            ids(vocabulary.segments(), "segment of config/segments.yaml")
        }
        "dropped_to" => ids(vocabulary.bands(), "band of config/health.yaml"),
        "programs" => ids(vocabulary.programs(), "programme of config/rapport.yaml"),
        "once" => ["per partner", "per event", "every 90 days", "per "]
            .map(|word| plain(word, CompletionItemKind::KEYWORD, ""))
            .into(),
        _ => schema::words(shapes).into_iter().map(|word| plain(word, CompletionItemKind::ENUM_MEMBER, "")).collect(),
    }
}

/// Behind `name == "`: the values of its closed set.
fn values_of(before: &str, vocabulary: &Vocabulary, place: &Place) -> Option<Vec<Proposal>> {
    let before = before.strip_suffix(['"', '\''])?;
    let before = before.trim_end().strip_suffix("==").or_else(|| before.trim_end().strip_suffix("!="))?;
    let name = before.trim_end().rsplit(|c: char| !(c.is_ascii_alphanumeric() || "_.".contains(c))).next()?;
    let word = vocabulary.word(name, place)?;
    let about = format!("a value of {name}");
    Some(word.values.into_iter().map(|value| plain(value, CompletionItemKind::VALUE, about.as_str())).collect())
}

fn kinds(vocabulary: &Vocabulary, starting: bool) -> Vec<Proposal> {
    let kinds = vocabulary.kinds(starting).into_iter();
    kinds.map(|(kind, about)| plain(kind, CompletionItemKind::EVENT, about)).collect()
}

fn in_mail(
    text: &str,
    offset: usize,
    vocabulary: &Vocabulary,
    workflow: Option<&str>,
) -> Option<(Span, Vec<Proposal>)> {
    let word = cursor::word_at(text, offset);
    let before = text.get(..word.start)?;
    let opened = before.rfind("{{").filter(|at| !before.get(*at..).unwrap_or_default().contains("}}"));
    if opened.is_none() {
        let line = before.rsplit('\n').next().unwrap_or_default();
        let in_front = before.starts_with("---\n") && before.matches("\n---").count() == 0 && line.is_empty();
        return in_front.then(|| {
            let about =
                [("subject", "The line in the list of mails."), ("preheader", "What the list shows behind it.")];
            let key = |(key, about): (&str, &str)| Proposal {
                insert: Some(format!("{key}: ")),
                ..plain(key, CompletionItemKind::PROPERTY, about)
            };
            (word, about.into_iter().map(key).collect())
        });
    }
    let mut all: Vec<Proposal> = mail_words(vocabulary, workflow).into_iter().map(named).collect();
    all.extend(
        rapport_message::helpers()
            .map(|(name, example)| plain(name, CompletionItemKind::FUNCTION, format!("`{example}`"))),
    );
    Some((word, all))
}

/// The names of a workflow's mails.
pub(crate) fn mail_words(vocabulary: &Vocabulary, workflow: Option<&str>) -> Vec<Word> {
    let place = workflow.map(|text| vocabulary.place(text)).unwrap_or_default();
    let mut all = vocabulary.words(&place);
    for given in rapport_message::variable::GIVEN {
        let rapport_message::variable::Shape::One(ty) = given.shape else { continue };
        if given.provider == rapport_message::variable::Provider::Layout
            || all.iter().any(|word| word.name == given.path)
        {
            continue;
        }
        all.push(Word {
            name: given.path.to_owned(),
            ty,
            maybe_missing: given.maybe_missing,
            values: Vec::new(),
            about: given.about.to_owned(),
        });
    }
    all
}
