//! The ways out of a play: no mail leaves and nobody is called. Answers are those of the record where there are any.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use rapport_engine::ports::caller::{CallRequest, Called, Caller, Recalled};
use rapport_engine::ports::transport::{
    Connection, Deadline, Delivery, Envelope, Letter, RefusalClass, Transport, TransportError,
};

use super::outcomes::{Answer, Outcomes};

/// Answers as the mail server did, and otherwise accepts; keeps nothing.
pub struct NoWayOut {
    /// What became of recorded mails.
    pub outcomes: Arc<Outcomes>,
}

#[async_trait]
impl Transport for NoWayOut {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        Ok(Box::new(Answering { outcomes: self.outcomes.clone() }))
    }

    /// The message's id is all that is needed to answer.
    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        let id = letter.message_id.split('@').next().unwrap_or_default();
        Ok(id.as_bytes().to_vec())
    }

    /// Nothing takes time on this way, so that a second worker would only be woken to find nothing.
    fn connections_max(&self) -> usize {
        1
    }

    fn delivers(&self) -> bool {
        false
    }

    fn waited(&self, message: &str, due: Timestamp) -> Option<Timestamp> {
        self.outcomes.mail(message)?.waited(due)
    }

    fn is_told_after(&self, message: &str, present: Timestamp) -> bool {
        self.outcomes.mail(message).is_some_and(|end| end.told > present)
    }
}

struct Answering {
    outcomes: Arc<Outcomes>,
}

#[async_trait]
impl Connection for Answering {
    async fn send(&mut self, _: &Envelope, bytes: &[u8], _: &Deadline) -> Delivery {
        let end = std::str::from_utf8(bytes).ok().and_then(|id| self.outcomes.mail(id));
        match end.map_or(Answer::Accepted, |end| end.answer.clone()) {
            Answer::Accepted => Delivery::Accepted { reply: "250 recorded".to_owned(), relay: "backtest".to_owned() },
            Answer::Refused { code, text, is_closing } => {
                // Whether it closes the address was known then from what the server said before, too.
                let class = if is_closing { RefusalClass::Permanent } else { RefusalClass::Policy };
                Delivery::Refused { code, enhanced: None, text, class }
            }
            Answer::Lost(reason) => Delivery::InDoubt { reason },
        }
    }
}

/// Calls nobody, and knows how calls ended.
pub struct NoCalls {
    /// What became of recorded calls.
    pub outcomes: Arc<Outcomes>,
}

#[async_trait]
impl Caller for NoCalls {
    async fn call(&self, _: &CallRequest) -> Called {
        Called::Delivered
    }

    fn calls_max(&self) -> usize {
        1
    }

    fn recalled(&self, call: &str) -> Option<Recalled> {
        self.outcomes.call(call).cloned()
    }
}
