//! Partners as the engine sees them now: the stored state under the rulebook in force, for commands that look.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rapport_engine::clocks;
use rapport_engine::ports::rows::PartnerRow;
use rapport_engine::ports::store::Store as _;
use rapport_engine::rulebooks::{Applied, Rulebooks};
use rapport_engine::shard::{
    beginning,
    day_close::Cursor,
    facts::{PartnerFacts, ProgramFigures},
    foresight::Expectations,
};
use rapport_event::PartnerKey;
use rapport_partner::PartnerState;
use rapport_store::SqlStore;

use crate::exit::{Doing, Failure};

/// Partners read at a time.
const PAGE: usize = 1_000;

/// The rulebook in force, the moment, and when programmes began.
pub struct Picture {
    /// The rulebook in force.
    pub applied: Arc<Applied>,
    /// The moment partners are looked at.
    pub now: Timestamp,
    began: BTreeMap<String, Timestamp>,
    fits: BTreeMap<String, Expectations>,
    figures: BTreeMap<String, ProgramFigures>,
}

impl Picture {
    /// The rulebook in force, and the present.
    pub async fn of(store: &SqlStore) -> Result<Self, Failure> {
        let rulebooks = Rulebooks::new(Arc::new(store.clone()));
        let applied = rulebooks.current().await.doing("reading the rulebook in force")?;
        let applied =
            applied.ok_or_else(|| Failure::new("nothing is in force yet").help("run `rapport apply` first"))?;
        let now = clocks::present(store).await.doing("asking for the time")?;
        let (mut began, mut fits) = (BTreeMap::new(), BTreeMap::new());
        for id in applied.rulebook.config.programs.keys() {
            let Ok(program) = rapport_event::id::ProgramId::new(id) else { continue };
            let noted = store.meta(&beginning(&program)).await.doing("reading when the programme began")?;
            let at = noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok());
            began.extend(at.map(|at| (id.to_string(), at)));
            let last = store.last_day_close(&program).await.doing("reading the programme's last day")?;
            fits.extend(last.and_then(|close| close.expectations()).map(|fit| (id.to_string(), fit)));
        }
        // Every shard is told of a closed day; one that lags knows less, so the one furthest on speaks.
        let mut figures = BTreeMap::new();
        let mut shards = store.shard_rows().await.doing("reading the shards")?;
        shards.sort_by_key(|row| row.clock);
        for row in &shards {
            let cursor = Cursor::from_row(&row.cursor).doing("reading how far a shard is")?;
            for id in applied.rulebook.config.programs.keys() {
                figures.extend(cursor.figures(id).map(|known| (id.to_string(), known.clone())));
            }
        }
        Ok(Self { applied, now, began, fits, figures })
    }

    /// The newest fit of the partner's programme.
    pub fn expectations(&self, key: &PartnerKey) -> Option<&Expectations> {
        self.fits.get(key.program.as_str())
    }

    /// The figures of the partner's programme, as of its last closed day.
    pub fn figures(&self, key: &PartnerKey) -> Option<&ProgramFigures> {
        self.figures.get(key.program.as_str())
    }

    /// Looks at a partner; `None` for one of a programme that is not declared any more.
    pub fn look<T>(
        &self,
        key: &PartnerKey,
        state: &PartnerState,
        with: impl FnOnce(&PartnerFacts<'_>) -> T,
    ) -> Option<T> {
        let program = self.applied.rulebook.config.program(key.program.as_str())?;
        let facts = PartnerFacts {
            state,
            rulebook: &self.applied,
            program,
            now: self.now,
            began: self.began.get(key.program.as_str()).copied(),
            reversed: None,
            figures: self.figures.get(key.program.as_str()),
            expectations: self.fits.get(key.program.as_str()),
        };
        Some(with(&facts))
    }

    /// One partner's state; `None` when there is none.
    pub async fn state(store: &SqlStore, key: &PartnerKey) -> Result<Option<PartnerState>, Failure> {
        // Where a partner is kept does not depend on the shard asked.
        let rows = store.load_partners(0, std::slice::from_ref(key)).await.doing("reading the partner's state")?;
        rows.first().map(|bundle| decoded(&bundle.partner)).transpose()
    }

    /// Shows every partner of the store to a visitor, page by page.
    pub async fn each(
        store: &SqlStore,
        mut visit: impl FnMut(&PartnerKey, &PartnerState) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let rows = store.shard_rows().await.doing("reading the shards")?;
        for shard in rows.into_iter().filter_map(|row| u32::try_from(row.shard).ok()) {
            let mut after: Option<PartnerKey> = None;
            loop {
                let page = store.page_partners(shard, after.as_ref(), PAGE).await.doing("reading partners")?;
                let Some(last) = page.last() else { break };
                after = Some(last.partner.key.clone());
                for bundle in &page {
                    visit(&bundle.partner.key, &decoded(&bundle.partner)?)?;
                }
            }
        }
        Ok(())
    }
}

/// The state in a row.
pub fn decoded(row: &PartnerRow) -> Result<PartnerState, Failure> {
    PartnerState::decode(&row.hot, row.days.as_deref())
        .map_err(|error| Failure::new(format!("the state of {} cannot be read: {error}", row.key)))
}
