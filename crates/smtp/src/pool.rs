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
use crate::session::{Session, Tried};
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

    /// Waits for the right to one of the connections.
    pub(crate) async fn permit(&self) -> Result<OwnedSemaphorePermit, TransportError> {
        let permit = Arc::clone(&self.pool.permits).acquire_owned().await;
        permit.map_err(|_| TransportError::Unreachable("the transport is closed".into()))
    }

    /// A connection that is ready, an idle one if there is a good one.
    pub(crate) async fn connect(&self, permit: OwnedSemaphorePermit) -> Result<Pooled, TransportError> {
        let pool = &self.pool;
        let session = match pool.reuse().await {
            Some(session) => session,
            None => Session::open(&pool.settings, &pool.hello, pool.tls.as_ref()).await?,
        };
        Ok(Pooled { session: Some(session), pool: Arc::clone(pool), _permit: permit })
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
        let permit = self.permit().await?;
        Ok(Box::new(self.connect(permit).await?))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        mime::signed(letter, &self.signer)
    }

    fn connections_max(&self) -> usize {
        self.pool.settings.connections
    }

    fn in_flight(&self) -> usize {
        self.pool.settings.in_flight
    }

    fn delivers(&self) -> bool {
        true
    }
}

/// A session on loan. Goes back when dropped, if it is in step.
pub(crate) struct Pooled {
    session: Option<Session>,
    pool: Arc<Pool>,
    /// Dropped after `Drop::drop` has put the session back or closed it: fields go in order, this one last.
    _permit: OwnedSemaphorePermit,
}

impl Pooled {
    /// Sends one mail, and tells what that says of the relay.
    pub(crate) async fn try_send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Tried {
        let Some(session) = &mut self.session else { return Tried::unsent("the connection is closed") };
        let tried = session.send(envelope, bytes, deadline, &self.pool.settings).await;
        if !session.is_reusable(u32::MAX) {
            self.session = None;
        }
        tried
    }

    /// Whether it can take another mail.
    pub(crate) fn is_open(&self) -> bool {
        self.session.is_some()
    }
}

#[async_trait]
impl Connection for Pooled {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        self.try_send(envelope, bytes, deadline).await.delivery
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if let Some(session) = self.session.take().filter(|s| s.is_reusable(self.pool.settings.limits.mails)) {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}
