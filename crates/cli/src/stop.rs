//! SIGTERM and SIGINT: finish what is in hand, then go. A second signal is safe: what runs is made for being killed.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::exit::{Doing, Failure};

/// A token that is cancelled by the first signal; the second ends the process at once.
pub fn on_signal() -> Result<CancellationToken, Failure> {
    let mut terminate = signal(SignalKind::terminate()).doing("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).doing("listening for SIGINT")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("stopping: finishing what is in hand; a second signal ends at once");
        token.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        warn!("stopped at once");
        // Every commit is whole or not there; nothing needs to be tidied.
        std::process::exit(130);
    });
    Ok(stop)
}
