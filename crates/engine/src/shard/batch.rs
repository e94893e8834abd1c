//! What has happened in memory since the last commit and is still to be written.

use std::collections::HashMap;

use rapport_event::id::PartnerKey;
use rapport_partner::ConversionState;
use rapport_rule::Currency;

use super::ShardError;
use crate::ports::{
    rows::{
        CallRow, ConversionRow, DayPartRow, HoldRow, MessageRow, OutboxRow, Rebuilt, RefusalRow, RequestRow,
        ResponseRow, ShardCommit, SignalRow, TaskClosed, TaskRow,
    },
    store::{Store, StoreError},
};
use crate::signals::Told;

/// Rows beyond which a batch is committed although more records are at hand: memory and the transaction stay bounded.
const LARGE: usize = 20_000;

/// A conversion in memory: as stored, or as told in this batch.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldConversion {
    /// Its state.
    pub state: ConversionState,
    /// The currency it was told in; none as long as it is only as stored.
    pub currency: Option<Currency>,
    /// Told in this batch: to be written.
    pub changed: bool,
}

/// Everything of a commit that is not derived from partners, timers and ids.
#[derive(Debug, Default)]
pub struct Batch {
    conversions: HashMap<(PartnerKey, String), HeldConversion>,
    /// Signals raised or ended; a later row of the same id replaces an earlier one.
    pub signals: Vec<SignalRow>,
    /// The last refusal per partner and workflow.
    pub refusals: Vec<RefusalRow>,
    /// What partners did about mails.
    pub responses: Vec<ResponseRow>,
    /// Messages planned.
    pub messages: Vec<MessageRow>,
    /// Messages taken back: id and reason.
    pub cancels: Vec<(String, String)>,
    /// Partners whose address may have changed.
    pub readdressed: Vec<PartnerKey>,
    /// Holds set or moved.
    pub holds: Vec<HoldRow>,
    /// Tasks opened.
    pub tasks: Vec<TaskRow>,
    /// Tasks nobody has to do any more.
    pub closed_tasks: Vec<TaskClosed>,
    /// Calls planned.
    pub calls: Vec<CallRow>,
    /// Calls taken back: id and reason.
    pub call_cancels: Vec<(String, String)>,
    /// Requests to the coordinator.
    pub requests: Vec<RequestRow>,
    /// Records to append.
    pub outbox: Vec<OutboxRow>,
    /// What other systems hear of.
    pub told: Vec<Told>,
    /// Day parts.
    pub day_parts: Vec<DayPartRow>,
    /// Records of quarantined partners.
    pub parked: Vec<(PartnerKey, i64, String)>,
    /// Partners quarantined, with the reason.
    pub quarantined: Vec<(PartnerKey, String)>,
    /// Parked records that are folded now.
    pub unparked: Vec<(PartnerKey, i64)>,
    /// Partners released from quarantine.
    pub released: Vec<PartnerKey>,
    /// Records that cannot be read: offset, code, detail, bytes.
    pub unreadable: Vec<(i64, String, String, Vec<u8>)>,
    /// Rows made again after a restored database was accepted.
    pub rebuilt: Vec<Rebuilt>,
    /// Time passed without a record, and something fired.
    pub clock_mark: bool,
    touched: usize,
}

impl Batch {
    /// Makes the stored states of these conversions available to [`Batch::conversion`].
    pub async fn load_conversions(
        &mut self,
        store: &dyn Store,
        mut wanted: Vec<(PartnerKey, String)>,
    ) -> Result<(), ShardError> {
        wanted.sort();
        wanted.dedup();
        wanted.retain(|id| !self.conversions.contains_key(id));
        if wanted.is_empty() {
            return Ok(());
        }
        for row in store.load_conversions(&wanted).await? {
            let state = ConversionState::decode(&row.body).map_err(|error| {
                StoreError::Damaged(format!("conversion {}/{}: {error}", row.key, row.conversion_id))
            })?;
            self.conversions
                .insert((row.key, row.conversion_id), HeldConversion { state, currency: None, changed: false });
        }
        Ok(())
    }

    /// The state of a conversion, if it is known.
    #[must_use]
    pub fn conversion(&self, key: &PartnerKey, id: &str) -> Option<&ConversionState> {
        self.conversions.get(&(key.clone(), id.to_owned())).map(|held| &held.state)
    }

    /// Sets the state of a conversion told in this currency, to be written.
    pub fn put_conversion(&mut self, key: &PartnerKey, id: &str, state: ConversionState, currency: Currency) {
        self.touched += 1;
        self.conversions
            .insert((key.clone(), id.to_owned()), HeldConversion { state, currency: Some(currency), changed: true });
    }

    /// What is to be written, leaving the conversions here as stored: later events of the same batch need them. Of them only those
    /// told since go out.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let changed = self.conversions.iter_mut().filter(|(_, held)| held.changed).map(|(id, held)| {
            let told = (id.clone(), held.clone());
            held.changed = false;
            told
        });
        let told = changed.collect();
        let conversions = std::mem::replace(&mut self.conversions, told);
        std::mem::replace(self, Self { conversions, ..Self::default() })
    }

    /// How much there is to do besides keeping count; grows with every effect.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.signals.len()
            + self.messages.len()
            + self.cancels.len()
            + self.tasks.len()
            + self.closed_tasks.len()
            + self.requests.len()
            + self.calls.len()
            + self.call_cancels.len()
            + self.holds.len()
    }

    /// Whether it should be written before more is folded.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.touched + self.actions() + self.refusals.len() + self.responses.len() > LARGE
    }

    /// The commit without what the owner adds.
    #[must_use]
    pub fn into_commit(self) -> ShardCommit {
        let mut conversions: Vec<ConversionRow> = self
            .conversions
            .into_iter()
            .filter(|(_, held)| held.changed)
            .map(|((key, conversion_id), held)| ConversionRow {
                key,
                conversion_id,
                occurred_at: held.state.sold_at,
                status: held.state.status.as_str().to_owned(),
                amount_minor: held.state.amount,
                currency: held.currency.map_or_else(String::new, |currency| currency.code().to_owned()),
                body: held.state.encode(),
            })
            .collect();
        // A stable order of row locks, and of bytes on the wire.
        conversions.sort_by(|one, other| (&one.key, &one.conversion_id).cmp(&(&other.key, &other.conversion_id)));
        ShardCommit {
            conversions,
            signals: self.signals,
            refusals: self.refusals,
            responses: self.responses,
            messages: self.messages,
            cancels: self.cancels,
            readdressed: self.readdressed,
            holds: self.holds,
            tasks: self.tasks,
            closed_tasks: self.closed_tasks,
            calls: self.calls,
            call_cancels: self.call_cancels,
            requests: self.requests,
            outbox: self.outbox,
            day_parts: self.day_parts,
            parked: self.parked,
            quarantined: self.quarantined,
            unparked: self.unparked,
            released: self.released,
            unreadable: self.unreadable,
            rebuilt: self.rebuilt,
            clock_mark: self.clock_mark,
            ..ShardCommit::default()
        }
    }

    /// Notes a refusal; of several in one batch the last stands.
    pub fn refuse(&mut self, row: RefusalRow) {
        match self
            .refusals
            .iter_mut()
            .rev()
            .take(64)
            .find(|known| known.key == row.key && known.workflow == row.workflow)
        {
            Some(known) => *known = row,
            None => self.refusals.push(row),
        }
    }
}
