//! Connections to one relay, never more than agreed, never one out of step.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use lettre::transport::smtp::extension::ClientId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsConnector;
use tracing::debug;

use crate::dkim::Signer;
use crate::mime;
use crate::session::Session;
use crate::settings::{SmtpSettings, Tls};
use crate::wire;
use rapport_engine::ports::transport::{Connection, Deadline, Delivery, Envelope, Letter, Transport, TransportError};

/// Mail over SMTP to one relay.
pub struct SmtpTransport {
    pool: Arc<Pool>,
    signer: Arc<Signer>,
}

struct Pool {
    settings: SmtpSettings,
    hello: ClientId,
    tls: Option<TlsConnector>,
    /// One permit per connection in use. A new one is opened only when none is idle, so in use plus idle never exceeds the permits.
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Session>>,
}

impl SmtpTransport {
    /// Prepares a transport; connects to nobody yet.
    ///
    /// # Errors
    /// [`TransportError::Config`] when the certificates to trust cannot be read.
    pub fn new(settings: SmtpSettings) -> Result<Self, TransportError> {
        let tls = match settings.tls {
            Tls::None => None,
            // A relay on this machine seldom has a certificate that names it; nobody listens in between.
            Tls::Auto if settings.is_loopback() => None,
            Tls::Auto | Tls::StartTls | Tls::Implicit => Some(wire::tls_connector(settings.ca.as_deref())?),
        };
        let hello = settings.hello.clone().map_or_else(ClientId::default, ClientId::Domain);
        let permits = Arc::new(Semaphore::new(settings.connections));
        let pool = Arc::new(Pool { settings, hello, tls, permits, idle: Mutex::default() });
        Ok(Self { pool, signer: Arc::default() })
    }

    /// The same, signing every mail it makes.
    #[must_use]
    pub fn signing(self, signer: Arc<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Says good-bye on every idle connection. Those in use close when dropped.
    pub async fn close(&self) {
        for session in self.pool.take_idle(|_| true) {
            session.quit(self.pool.settings.limits.command).await;
        }
    }
}

impl Pool {
    /// Takes the idle sessions that match out of the pool.
    fn take_idle(&self, matches: impl Fn(&Session) -> bool) -> Vec<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extract_if(.., |session| matches(session)).collect()
    }

    fn pop_idle(&self) -> Option<Session> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// An idle session that is still good.
    async fn reuse(&self) -> Option<Session> {
        let limits = &self.settings.limits;
        let now = Instant::now();
        drop(self.take_idle(|session| session.idle_for(now) > limits.idle));
        while let Some(mut session) = self.pop_idle() {
            if !session.is_quiet() {
                debug!("an idle connection was closed by the relay");
                continue;
            }
            if session.idle_for(now) <= limits.probe_after || session.probe(limits.command).await {
                return Some(session);
            }
        }
        None
    }
}

#[async_trait]
impl Transport for SmtpTransport {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let pool = &self.pool;
        let permit = Arc::clone(&pool.permits).acquire_owned().await;
        let permit = permit.map_err(|_| TransportError::Unreachable("the transport is closed".into()))?;
        let session = match pool.reuse().await {
            Some(session) => session,
            None => Session::open(&pool.settings, &pool.hello, pool.tls.as_ref()).await?,
        };
        Ok(Box::new(Pooled { session: Some(session), pool: Arc::clone(pool), _permit: permit }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        mime::signed(letter, &self.signer)
    }

    fn connections_max(&self) -> usize {
        self.pool.settings.connections
    }

    fn delivers(&self) -> bool {
        true
    }
}

/// A session on loan. Goes back when dropped, if it is in step.
struct Pooled {
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Dropped after `Drop::drop` has put the session back or closed it: fields go in order, this one last.
    _permit: OwnedSemaphorePermit,
}

#[async_trait]
impl Connection for Pooled {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        let Some(session) = &mut self.session else {
            return Delivery::NotSent { reason: "the connection is closed".into() };
        };
        let delivery = session.send(envelope, bytes, deadline, &self.pool.settings).await;
        if !session.is_reusable(u32::MAX) {
            self.session = None;
        }
        delivery
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(session) = self.session.take().filter(|s| s.is_reusable(self.pool.settings.limits.mails)) {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}
