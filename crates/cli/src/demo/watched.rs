//! The capture, watched by the world: who gets a mail may react to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rapport_engine::mailer::LinkKeys;
use rapport_engine::ports::transport::{Connection, Deadline, Delivery, Envelope, Letter, Transport, TransportError};
use rapport_message::link::Claims;
use rapport_workflow::{Rulebook, config::SurveyKind};

use super::world::{Asked, ReceivedMail};

/// Mails on their way and mails that arrived.
#[derive(Default)]
struct Seen {
    composed: HashMap<String, ReceivedMail>,
    arrived: Vec<ReceivedMail>,
}

/// What arrived since it was last asked for. Clones share it.
#[derive(Clone, Default)]
pub struct Inbox(Arc<Mutex<Seen>>);

impl Inbox {
    /// Everything that arrived since the last call.
    pub fn take(&self) -> Vec<ReceivedMail> {
        std::mem::take(&mut self.lock().arrived)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A survey, and the ids of its choices.
type Question = (Asked, Vec<String>);

/// A way out whose mails the world gets to see.
pub struct Watched {
    inner: Arc<dyn Transport>,
    inbox: Inbox,
    keys: Arc<LinkKeys>,
    questions: Vec<Question>,
}

impl Watched {
    /// Watches `inner`.
    pub fn new(inner: Arc<dyn Transport>, inbox: Inbox, keys: Arc<LinkKeys>, rulebook: &Rulebook) -> Self {
        let question = |survey: &rapport_workflow::Survey| {
            // What is answered without a name comes to nobody's figures, and words are not made up.
            let field = survey.answer_field.as_deref().filter(|_| survey.kind != SurveyKind::Text)?.to_owned();
            let out_of = survey.kind.scores().map(|(_, highest)| highest);
            let choices = survey.choices.iter().map(|(id, _)| id.to_string()).collect();
            Some((Asked { survey: survey.id.to_string(), field, out_of }, choices))
        };
        let questions = rulebook.surveys.values().filter_map(question).collect();
        Self { inner, inbox, keys, questions }
    }

    /// What its reader finds in a letter, by its links.
    fn received(&self, letter: &Letter) -> Option<ReceivedMail> {
        let header = |wanted: &str| {
            letter.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
        };
        let mut partner = None;
        let mut choices = Vec::new();
        let is_end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')');
        for link in letter.text.split(is_end).filter(|piece| piece.starts_with("http")) {
            match link.rsplit('/').next().and_then(|token| self.keys.keys.verify(token)) {
                Some(Claims::Answer { partner: whose, choice, .. }) => {
                    partner = Some(whose);
                    choices.push(choice);
                }
                Some(
                    Claims::Why { partner: whose, .. }
                    | Claims::Preferences { partner: whose, .. }
                    | Claims::Goal { partner: whose, .. }
                    | Claims::Certificate { partner: whose, .. }
                    | Claims::Review { partner: whose, .. }
                    | Claims::Unsubscribe { partner: whose, .. },
                ) => partner = Some(whose),
                Some(Claims::Anonymous { .. } | Claims::Click { .. }) | None => {}
            }
        }
        let asks = |(_, all): &&Question| !choices.is_empty() && choices.iter().all(|choice| all.contains(choice));
        // The scores of one survey may all be scores of another: then the one with no others is meant.
        let survey =
            self.questions.iter().filter(asks).min_by_key(|(_, all)| all.len()).map(|(asked, _)| asked.clone());
        Some(ReceivedMail {
            partner: partner?,
            address: letter.to.address.clone(),
            message: letter.message_id.split('@').next().unwrap_or_default().to_owned(),
            at: letter.date,
            survey,
            choices,
            topic: header("Feedback-ID").and_then(|id| id.split(':').nth(1)).unwrap_or_default().to_owned(),
            can_opt_out: header("List-Unsubscribe").is_some(),
        })
    }
}

#[async_trait]
impl Transport for Watched {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let inner = self.inner.ready().await?;
        Ok(Box::new(WatchedConnection { inner, inbox: self.inbox.clone() }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        let bytes = self.inner.compose(letter)?;
        if let Some(received) = self.received(letter) {
            self.inbox.lock().composed.insert(letter.message_id.clone(), received);
        }
        Ok(bytes)
    }

    fn connections_max(&self) -> usize {
        self.inner.connections_max()
    }

    fn in_flight(&self) -> usize {
        self.inner.in_flight()
    }

    fn delivers(&self) -> bool {
        self.inner.delivers()
    }
}

struct WatchedConnection {
    inner: Box<dyn Connection>,
    inbox: Inbox,
}

#[async_trait]
impl Connection for WatchedConnection {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        let delivery = self.inner.send(envelope, bytes, deadline).await;
        let mut seen = self.inbox.lock();
        if let Some(mail) = message_id(bytes).and_then(|id| seen.composed.remove(&id))
            && matches!(delivery, Delivery::Accepted { .. })
        {
            seen.arrived.push(mail);
        }
        delivery
    }
}

/// The Message-ID in a mail's head, without brackets.
fn message_id(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(16_384))?);
    let (_, after) = text.split_once("Message-ID:")?;
    let (id, _) = after.trim_start().strip_prefix('<')?.split_once('>')?;
    Some(id.to_owned())
}
