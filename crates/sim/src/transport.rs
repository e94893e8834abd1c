//! A mail server that keeps a list of what it accepted.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rapport_engine::ports::transport::{
    Connection, Deadline, Delivery, Envelope, Letter, RefusalClass, Transport, TransportError,
};

use crate::{
    faults::{Faults, MailFault},
    process::Process,
};

/// One mail the server took.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    /// Message-ID.
    pub message_id: String,
    /// Recipient.
    pub to: String,
    /// Date of the letter.
    pub date: String,
    /// Subject and text.
    pub text: String,
}

/// The mail server of a run; clones share it.
#[derive(Clone, Default)]
pub struct MailServer {
    accepted: Arc<Mutex<Vec<Accepted>>>,
    tried: Arc<Mutex<std::collections::BTreeMap<String, u64>>>,
}

impl MailServer {
    /// What was accepted, in order.
    #[must_use]
    pub fn accepted(&self) -> Vec<Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn try_no(&self, message_id: &str) -> u64 {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let number = tried.entry(message_id.to_owned()).or_default();
        *number += 1;
        *number
    }

    fn receive(&self, envelope: &Envelope, bytes: &[u8], faults: &Faults) -> Delivery {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::to_owned);
        let (message_id, date) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let words = lines.collect::<Vec<_>>().join("\n");
        let fault = faults.mail(&message_id, self.try_no(&message_id));
        let accept = || {
            let mail = Accepted {
                message_id: message_id.clone(),
                to: envelope.to.clone(),
                date: date.clone(),
                text: words.clone(),
            };
            self.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
        };
        match fault {
            MailFault::None => {
                accept();
                Delivery::Accepted { reply: "250 2.0.0 ok".into(), relay: "relay.sim".into() }
            }
            MailFault::LostAccepted => {
                accept();
                Delivery::InDoubt { reason: "connection lost after the dot".into() }
            }
            MailFault::LostUnaccepted => Delivery::InDoubt { reason: "connection lost after the dot".into() },
            MailFault::Greylisted => Delivery::Refused {
                code: 451,
                enhanced: Some("4.7.1".into()),
                text: "try again later".into(),
                class: RefusalClass::Transient,
            },
            MailFault::LostBeforeDot => Delivery::NotSent { reason: "connection lost before the dot".into() },
        }
    }
}

/// A process's way to the server.
pub struct SimTransport {
    /// The server.
    pub server: MailServer,
    /// Whose way.
    pub process: Arc<Process>,
}

#[async_trait]
impl Transport for SimTransport {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let connection = SimConnection { server: self.server.clone(), process: self.process.clone() };
        let ready: Result<Box<dyn Connection>, TransportError> = Ok(Box::new(connection));
        self.process.call("ready", false, async { ready }, |_| TransportError::Unreachable("injected".into())).await
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        // Only what the properties look at; MIME is proved in its own crate.
        Ok(format!("{}\n{}\n{}\n{}", letter.message_id, letter.date, letter.subject, letter.text).into_bytes())
    }

    fn connections_max(&self) -> usize {
        2
    }

    fn delivers(&self) -> bool {
        false
    }
}

struct SimConnection {
    server: MailServer,
    process: Arc<Process>,
}

#[async_trait]
impl Connection for SimConnection {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], _deadline: &Deadline) -> Delivery {
        let deliver = async { Ok::<_, Delivery>(self.server.receive(envelope, bytes, self.process.faults())) };
        // An error before the dot is provable, one after it is not.
        let fails = |late| {
            if late {
                Delivery::InDoubt { reason: "injected".into() }
            } else {
                Delivery::NotSent { reason: "injected".into() }
            }
        };
        self.process.call("send", true, deliver, fails).await.unwrap_or_else(|delivery| delivery)
    }
}
