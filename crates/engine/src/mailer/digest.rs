//! A mail that tells of others, which found no place under a cap beside it (`over_the_cap: digest`).
//!
//! One of them carries the rest: the attempt is its own, and so are Message-ID, topic and way out. What travels along is settled with it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rapport_contact::SuppressReason;
use serde_json::{Map, Value, json};

use super::build::{BuildError, LinkKeys, Scene};
use super::ended;
use crate::{
    ports::{
        rows::MessageState,
        store::{Attempt, DueMessage, EndedMessage, Settlement},
        transport::Letter,
    },
    rulebooks::Applied,
};

/// The reason of mails that a digest told of.
const IN_DIGEST: &str = SuppressReason::InDigest.code();

/// What of the mails that travel along is in the letter. Those that are neither told of nor unreadable wait for the next one.
#[derive(Debug, Default)]
pub struct Told {
    /// Those the letter tells of.
    ids: BTreeSet<String>,
    /// Those that cannot be told of, and why.
    unreadable: BTreeMap<String, String>,
}

impl Told {
    /// Whether the letter tells of this message.
    #[must_use]
    pub fn tells_of(&self, message: &str) -> bool {
        self.ids.contains(message)
    }

    /// Nobody knows how far it came: whatever travelled may have been read.
    pub(super) fn all(attempt: &Attempt) -> Self {
        let ids = attempt.along.iter().map(|due| due.message.id.clone()).collect();
        Self { ids, unreadable: BTreeMap::new() }
    }

    /// The settlement with what becomes of the mails that travelled. With one that was sent, or may have been, they have come to the
    /// partner and never leave by themselves; with any other they are free again.
    pub(super) fn settled(&self, attempt: &Attempt, mut settlement: Settlement, shards: u32) -> Settlement {
        if let Settlement::Ended(carrier) = &mut settlement
            && matches!(carrier.state, MessageState::Sent | MessageState::InDoubt)
        {
            let at = carrier.at;
            carrier.along.extend(attempt.along.iter().filter_map(|due| {
                let (message, tried) = (&due.message, i64::from(due.attempts));
                if self.ids.contains(&message.id) {
                    let told = in_digest(&attempt.due.message.id);
                    let end = ended(message, tried, MessageState::Suppressed, &told, at, shards);
                    // The row names the carrier in a column of its own.
                    return Some(EndedMessage { reason: IN_DIGEST.to_owned(), ..end });
                }
                let reason = self.unreadable.get(&message.id)?;
                Some(ended(message, tried, MessageState::Failed, reason, at, shards))
            }));
        }
        settlement
    }
}

/// What the record of a mail says that a digest told of: which one.
#[must_use]
pub fn in_digest(carrier: &str) -> String {
    format!("{IN_DIGEST}:{carrier}")
}

/// Whether a record says that a digest told of its mail. The partner has it then, as a line of another mail.
#[must_use]
pub fn is_in_digest(reason: &str) -> bool {
    reason.strip_prefix(IN_DIGEST).is_some_and(|rest| rest.starts_with(':'))
}

/// Builds the letter of an attempt, with what of the mails that travel along it tells. `along` has the rulebooks their texts stand in.
/// One that cannot be told of is left out; where the digest itself cannot be made, the mail leaves as it is and the others wait: a
/// mail is worth more than its company.
///
/// # Errors
/// `BuildError`: what the mail that carries the others needs is not there, or a value it names.
pub fn together(
    rulebook: &Applied,
    texts: &Applied,
    along: &[&Applied],
    attempt: &Attempt,
    keys: &LinkKeys,
    at: Timestamp,
) -> Result<(Letter, Told), BuildError> {
    joined(&|due, texts| Scene::of(rulebook, texts, due, &attempt.address, keys), (texts, along), attempt, at)
}

/// The same for a test: its links lead where the author wrote, as with [`sample_letter`](super::sample_letter).
///
/// # Errors
/// As [`together`].
pub fn sample_together(
    rulebook: &Applied,
    texts: &Applied,
    along: &[&Applied],
    attempt: &Attempt,
    keys: &LinkKeys,
    at: Timestamp,
) -> Result<(Letter, Told), BuildError> {
    let scene = |due, texts| Scene::of(rulebook, texts, due, &attempt.address, keys).map(Scene::uncounted);
    joined(&scene, (texts, along), attempt, at)
}

/// How a mail and the rulebook its text stands in become a scene.
type SceneOf<'s, 'a> = &'s dyn Fn(&'a DueMessage, &'a Applied) -> Result<Scene<'a>, BuildError>;

fn joined<'a>(
    scene: SceneOf<'_, 'a>,
    (texts, along): (&'a Applied, &[&'a Applied]),
    attempt: &'a Attempt,
    at: Timestamp,
) -> Result<(Letter, Told), BuildError> {
    let carrier = || scene(&attempt.due, texts);
    let mut told = Told::default();
    if attempt.along.is_empty() {
        return Ok((carrier()?.letter(at)?, told));
    }
    let mut mails = vec![line_of(&carrier()?)?];
    for (due, texts) in attempt.along.iter().zip(along.iter().copied()) {
        let line = scene(due, texts).and_then(|scene| line_of(&scene));
        match line {
            Ok(line) => {
                mails.push(line);
                told.ids.insert(due.message.id.clone());
            }
            Err(problem) => {
                told.unreadable.insert(due.message.id.clone(), format!("render: {problem}"));
            }
        }
    }
    if told.ids.is_empty() {
        return Ok((carrier()?.letter(at)?, told));
    }
    let digest = carrier()?.into_digest(json!({ "digest": { "mails": mails } })).and_then(|digest| digest.letter(at));
    match digest {
        Ok(letter) => Ok((letter, told)),
        Err(problem) => {
            tracing::warn!(message = %attempt.due.message.id, %problem, "the digest cannot be rendered");
            told.ids.clear();
            Ok((carrier()?.letter(at)?, told))
        }
    }
}

/// What the digest has of a mail: its subject, its preheader, and where its first link leads.
fn line_of(scene: &Scene<'_>) -> Result<Value, BuildError> {
    let mut url: Option<String> = None;
    let rendered = scene.rendered(&mut |to: &str| {
        if url.is_none() && (to.starts_with("https://") || to.starts_with("http://")) {
            url = Some(to.to_owned());
        }
        None
    })?;
    let mut line = Map::new();
    line.insert("subject".to_owned(), Value::from(rendered.subject));
    if !rendered.preheader.is_empty() {
        line.insert("preheader".to_owned(), Value::from(rendered.preheader));
    }
    line.extend(url.map(|url| ("url".to_owned(), Value::from(url))));
    Ok(Value::Object(line))
}
