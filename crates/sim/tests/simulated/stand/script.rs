//! A way out for mail that a test decides about.

use std::sync::Arc;

use async_trait::async_trait;
use rapport_engine::ports::transport::{Connection, Deadline, Delivery, Envelope, Letter, Transport, TransportError};

/// What a test wants of mails on their way.
#[async_trait]
pub trait Script: Send + Sync {
    /// Whether mail leaves the house, so that limits over many people hold.
    fn delivers(&self) -> bool {
        false
    }

    /// Sees that a connection is asked for.
    async fn ready(&self) {}

    /// Sees a letter before it is made bytes.
    fn compose(&self, _letter: &Letter) {}

    /// Sees a mail before the server does; an answer is given in the server's stead.
    async fn send(&self, _envelope: &Envelope, _deadline: &Deadline) -> Option<Delivery> {
        None
    }
}

/// The usual way, and what the script makes of it.
pub struct Scripted {
    pub usual: Arc<dyn Transport>,
    pub script: Arc<dyn Script>,
}

#[async_trait]
impl Transport for Scripted {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        self.script.ready().await;
        let usual = self.usual.ready().await?;
        Ok(Box::new(ScriptedConnection { usual, script: self.script.clone() }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        self.script.compose(letter);
        self.usual.compose(letter)
    }

    fn connections_max(&self) -> usize {
        self.usual.connections_max()
    }

    fn in_flight(&self) -> usize {
        self.usual.in_flight()
    }

    fn delivers(&self) -> bool {
        self.usual.delivers() || self.script.delivers()
    }
}

struct ScriptedConnection {
    usual: Box<dyn Connection>,
    script: Arc<dyn Script>,
}

#[async_trait]
impl Connection for ScriptedConnection {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        match self.script.send(envelope, deadline).await {
            Some(answer) => answer,
            None => self.usual.send(envelope, bytes, deadline).await,
        }
    }
}
