//! Several relays in order: the first that takes mail gets it, the next when that one cannot be reached or refuses the session.
//!
//! Another relay is asked only as long as no octet of the final dot has left ([`Tried::elsewhere`](crate::session::Tried)).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use tracing::{info, warn};

use crate::dkim::Signer;
use crate::mime;
use crate::pool::{Pooled, SmtpTransport};
use crate::session::Tried;
use crate::settings::SmtpSettings;
use crate::standing::Standing;
use rapport_engine::ports::transport::{
    Connection, Deadline, Delivery, Envelope, IN_FLIGHT, Letter, RefusalClass, RelayStanding, Transport, TransportError,
};

/// Mail over SMTP to the first of several relays that takes it.
pub struct Relays {
    ring: Arc<Ring>,
    signer: Arc<Signer>,
    connections_max: usize,
    in_flight: usize,
}

/// The relays in order.
struct Ring(Vec<Relay>);

struct Relay {
    name: Arc<str>,
    transport: SmtpTransport,
    standing: Mutex<Standing>,
}

impl Relays {
    /// Prepares the relays; connects to nobody yet. Two at one host and port are told apart by their number in the list.
    ///
    /// # Errors
    /// [`TransportError::Config`] when there is none, or certificates to trust cannot be read.
    pub fn new(settings: Vec<SmtpSettings>) -> Result<Self, TransportError> {
        let connections_max = settings.iter().map(|relay| relay.connections).max();
        let connections_max = connections_max.ok_or_else(|| TransportError::Config("there is no relay".into()))?;
        let in_flight = settings.iter().map(|relay| relay.in_flight).min().unwrap_or(IN_FLIGHT);
        let mut relays: Vec<Relay> = Vec::with_capacity(settings.len());
        for settings in settings {
            let place = format!("{}:{}", settings.host, settings.port);
            let name = match relays.iter().any(|relay| *relay.name == *place) {
                true => format!("{place} ({})", relays.len() + 1),
                false => place,
            };
            let transport = SmtpTransport::new(settings)?;
            relays.push(Relay { name: name.into(), transport, standing: Mutex::default() });
        }
        Ok(Self { ring: Arc::new(Ring(relays)), signer: Arc::default(), connections_max, in_flight })
    }

    /// The same, signing every mail it makes.
    #[must_use]
    pub fn signing(self, signer: Arc<Signer>) -> Self {
        Self { signer, ..self }
    }

    /// Says good-bye on every idle connection. Those in use close when dropped.
    pub async fn close(&self) {
        for relay in &self.ring.0 {
            relay.transport.close().await;
        }
    }
}

impl Relay {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, asked_at: u32, why: &str) {
        if let Some(alone) = self.standing().failed(asked_at, why, Instant::now()) {
            warn!(relay = %self.name, why, seconds = alone.as_secs(), "a relay does not take mail and is left alone");
        }
    }

    fn answered(&self) {
        if self.standing().answered() {
            info!(relay = %self.name, "a relay takes mail again");
        }
    }
}

/// A connection to one of the relays.
struct On {
    place: usize,
    /// The failures its relay had when it was asked.
    asked_at: u32,
    pooled: Pooled,
}

impl Ring {
    /// A connection to the first relay that greets us, of those not tried yet. If each of them is left alone and none was tried,
    /// the one whose time is over first is asked all the same: mail that has nowhere else to go does not wait for a relay's rest.
    async fn connect(&self, tried: &[usize]) -> Result<On, TransportError> {
        let mut troubles = Vec::new();
        let mut asked_any = false;
        for (place, relay) in self.0.iter().enumerate().filter(|(place, _)| !tried.contains(place)) {
            let asked = relay.standing().ask(Instant::now());
            let Some(asked_at) = asked else { continue };
            asked_any = true;
            match self.open(place, asked_at).await {
                Ok(Some(on)) => return Ok(on),
                Ok(None) => {}
                Err(error) => troubles.push(error),
            }
        }
        if !asked_any && tried.is_empty() {
            let now = Instant::now();
            let soonest = self.0.iter().enumerate().min_by_key(|(_, relay)| relay.standing().back_at(now));
            if let Some((place, relay)) = soonest {
                let asked_at = relay.standing().failures();
                match self.open(place, asked_at).await {
                    Ok(Some(on)) => return Ok(on),
                    Ok(None) => {}
                    Err(error) => troubles.push(error),
                }
            }
        }
        // Of one alone the error itself is told: whether it is the password or the line makes a difference to people.
        match troubles.len() {
            0 => Err(TransportError::Unreachable("no relay takes mail for now".into())),
            1 => Err(troubles.remove(0)),
            _ => {
                let told: Vec<String> = troubles.iter().map(ToString::to_string).collect();
                Err(TransportError::Unreachable(told.join("; ")))
            }
        }
    }

    /// A connection to this relay; none when others found it failing while this one waited for its turn.
    async fn open(&self, place: usize, asked_at: u32) -> Result<Option<On>, TransportError> {
        let Some(relay) = self.0.get(place) else { return Ok(None) };
        let permit = relay.transport.permit().await?;
        let still = relay.standing().still(asked_at, Instant::now());
        // Mail that has nowhere else to go asks all the same.
        let asked_at = match still {
            Some(asked_at) => asked_at,
            None if self.0.len() > 1 => return Ok(None),
            None => asked_at,
        };
        match relay.transport.connect(permit).await {
            Ok(pooled) => {
                relay.standing().greeted();
                Ok(Some(On { place, asked_at, pooled }))
            }
            Err(error) => {
                relay.failed(asked_at, &error.to_string());
                Err(error)
            }
        }
    }
}

#[async_trait]
impl Transport for Relays {
    async fn ready(&self) -> Result<Box<dyn Connection>, TransportError> {
        let on = self.ring.connect(&[]).await?;
        Ok(Box::new(Way { ring: Arc::clone(&self.ring), on: Some(on), last: None }))
    }

    fn compose(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        mime::signed(letter, &self.signer)
    }

    /// As many as the largest relay takes: all mail goes to one relay as long as that one is well, and each keeps to its own cap.
    fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// As few as any of them wants: which one a mail goes to is known only when it leaves.
    fn in_flight(&self) -> usize {
        self.in_flight
    }

    fn delivers(&self) -> bool {
        true
    }

    fn relays(&self) -> Vec<RelayStanding> {
        let now = Instant::now();
        let standing = |relay: &Relay| RelayStanding {
            name: relay.name.to_string(),
            trouble: relay.standing().trouble(now).map(str::to_owned),
        };
        self.ring.0.iter().map(standing).collect()
    }
}

/// A way to the relays for one mail at a time: a connection to one of them, another when that one is of no use any more.
struct Way {
    ring: Arc<Ring>,
    on: Option<On>,
    last: Option<Arc<str>>,
}

impl Way {
    /// The connection at hand while it is open, else one to a relay not tried yet, within the mail's time.
    async fn on(&mut self, tried: &[usize], deadline: &Deadline) -> Result<&mut On, String> {
        let is_open = self.on.as_ref().is_some_and(|on| on.pooled.is_open() && !tried.contains(&on.place));
        if !is_open {
            // The permit goes back before another one is waited for.
            self.on = None;
            let connecting = tokio::time::timeout_at(deadline.at.into(), self.ring.connect(tried));
            let connected = tokio::select! {
                biased;
                () = deadline.stop.cancelled() => return Err("stopped before the final dot".into()),
                connected = connecting => connected,
            };
            let connected = connected.map_err(|_| "timed out before the final dot".to_owned())?;
            self.on = Some(connected.map_err(|error| error.to_string())?);
        }
        self.on.as_mut().ok_or_else(|| "the connection is closed".to_owned())
    }
}

#[async_trait]
impl Connection for Way {
    async fn send(&mut self, envelope: &Envelope, bytes: &[u8], deadline: &Deadline) -> Delivery {
        let mut done_with = Vec::new();
        // What a relay said that may be otherwise another time. What one cannot do at all is final only when none can.
        let mut for_now: Option<Delivery> = None;
        let mut was_afresh = false;
        self.last = None;
        loop {
            let (place, asked_at, tried) = match self.on(&done_with, deadline).await {
                Ok(on) => (on.place, on.asked_at, on.pooled.try_send(envelope, bytes, deadline).await),
                Err(reason) => return for_now.unwrap_or(Delivery::NotSent { reason }),
            };
            let Some(relay) = self.ring.0.get(place) else { return tried.delivery };
            self.last = Some(Arc::clone(&relay.name));
            let Tried { delivery, elsewhere, failed, afresh } = tried;
            if !elsewhere {
                match failed {
                    Some(why) => relay.failed(asked_at, &why),
                    None if matches!(delivery, Delivery::NotSent { .. }) => {}
                    None => {
                        relay.answered();
                        if let Some(on) = &mut self.on {
                            on.asked_at = 0;
                        }
                    }
                }
                return delivery;
            }
            // A mail whose own time is over says nothing of the relay that was to have it.
            if deadline.is_over(Instant::now()) {
                return delivery;
            }
            if afresh && !was_afresh {
                was_afresh = true;
                self.on = None;
                continue;
            }
            if let Some(why) = failed {
                relay.failed(asked_at, &why);
            }
            done_with.push(place);
            let is_final = matches!(delivery, Delivery::Refused { class: RefusalClass::Policy, .. });
            if !is_final {
                for_now.get_or_insert_with(|| delivery.clone());
            }
            if done_with.len() >= self.ring.0.len() {
                return for_now.unwrap_or(delivery);
            }
        }
    }

    fn relay(&self) -> Option<&str> {
        self.last.as_deref()
    }
}
