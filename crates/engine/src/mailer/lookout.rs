//! One worker at a time looks out for mail that is due. The others wait for their turn, not for the clock: a hundred idle connections
//! ask the database no more often than one.

use tokio_util::sync::CancellationToken;

use super::{IDLE, Mailer, MailerError};
use crate::{
    ports::{clock::Clock, store::Store},
    stillness::Stillness,
};

/// What the worker on the lookout knows; held by one at a time.
pub(super) struct Lookout {
    stillness: Stillness,
    /// Grows whenever it was waited.
    round: u64,
}

impl Lookout {
    pub(super) fn new(store: &dyn Store, clock: &dyn Clock) -> Self {
        Self { stillness: Stillness::new(store, clock, IDLE, |written| written.arrived), round: 0 }
    }

    /// Waits until mail is due in a round in which this worker has not looked yet; false when told to stop. Mail that others have in
    /// hand, or that nobody can take, is due as well: a second look without a wait would find it again and again.
    pub(super) async fn wait(
        &mut self,
        mailer: &Mailer,
        looked: &mut Option<u64>,
        stop: &CancellationToken,
    ) -> Result<bool, MailerError> {
        let (store, clock) = (mailer.store.as_ref(), mailer.clock.as_ref());
        while !stop.is_cancelled() {
            if *looked == Some(self.round) {
                self.stillness.wait(clock, stop).await;
                self.round += 1;
            }
            *looked = Some(self.round);
            if self.stillness.look(store, clock, false, async || mailer.is_due().await).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
