//! What a word means: a key, a name, a kind of event.

use rapport_rule::Span;
use rapport_workflow::Vocabulary;
use rapport_workflow::schema;
use rapport_workflow::vocabulary::{Place, Word};

use crate::complete::mail_words;
use crate::cursor;

/// Markdown about the word at a byte, and the word's place.
pub fn hover(
    path: &str,
    text: &str,
    offset: usize,
    vocabulary: &Vocabulary,
    workflow: Option<&str>,
) -> Option<(Span, String)> {
    let span = cursor::word_at(text, offset);
    let word = text.get(span.start..span.end).filter(|word| !word.is_empty())?;
    if rapport_message::Mail::is_path(path) || rapport_message::Partials::is_path(path) {
        if let Some((_, example)) = rapport_message::helpers().find(|(name, _)| *name == word) {
            return Some((span, format!("**{word}**\n\n`{example}`")));
        }
        let known = mail_words(vocabulary, workflow).into_iter().find(|known| known.name == word);
        return known.map(|known| (span, told(&known)));
    }
    let file = schema::of_path(path)?;
    let cursor = cursor::find(text, offset)?;
    if cursor.key {
        let mut present: Vec<&str> = cursor.present.iter().map(String::as_str).collect();
        present.push(word);
        let keys = schema::keys(&schema::shapes_at(file, &cursor.shape_way()), &present);
        if let Some(known) = keys.into_iter().find(|known| known.key == word) {
            let required = if known.required { " (required)" } else { "" };
            return Some((span, format!("**{word}**{required}\n\n{}", known.about)));
        }
    }
    let place = if path.ends_with("/workflow.yaml") { vocabulary.place(text) } else { Place::default() };
    if let Some(known) = vocabulary.word(word, &place) {
        return Some((span, told(&known)));
    }
    let (kind, about) = vocabulary.kinds(false).into_iter().find(|(kind, _)| kind == word)?;
    let fields: Vec<String> =
        vocabulary.fields(&kind).unwrap_or_default().iter().map(|word| format!("`{}`", word.name)).collect();
    Some((span, format!("**{kind}**\n\n{about}\n\nFields: {}", fields.join(", "))))
}

fn told(word: &Word) -> String {
    let missing = if word.maybe_missing { ", may be missing" } else { "" };
    let mut text = format!("**{}**: {}{missing}", word.name, word.ty.described());
    if !word.about.is_empty() {
        text += &format!("\n\n{}", word.about);
    }
    if !word.values.is_empty() {
        text += &format!("\n\nOne of: {}", word.values.join(", "));
    }
    text
}
