//! What an owner reads when it takes a shard or meets a partner it does not hold in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_engine::ports::rows::{ConversionRow, Ids, JourneyRow, PartnerBundle, PartnerRow, QuarantineRow, TimerRow};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;
use rapport_event::wire::SourcePosition;

use crate::sql::queries::load as sql;
use crate::sql::{Row, Rows, Session, cells};
use crate::{SqlStore, packed_ids};

impl SqlStore {
    pub(crate) async fn read_partners(&self, keys: &[PartnerKey]) -> Result<Vec<PartnerBundle>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut session = self.reader().await?;
        let partners = session.fetch_rows(&sql::PARTNERS, &[], &key_rows(keys)).await?;
        bundle(&mut session, &partners).await
    }

    pub(crate) async fn read_page(
        &self,
        shard: u32,
        after: Option<&PartnerKey>,
        limit: usize,
    ) -> Result<Vec<PartnerBundle>, StoreError> {
        let (program, partner) = after.map_or(("", ""), |key| (key.program.as_str(), key.partner.as_str()));
        let mut session = self.reader().await?;
        let partners = session.fetch(&sql::PAGE, &cells![shard, program, partner, limit]).await?;
        bundle(&mut session, &partners).await
    }

    pub(crate) async fn read_conversions(
        &self,
        ids: &[(PartnerKey, String)],
    ) -> Result<Vec<ConversionRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Rows::last_of(
            ids.iter().map(|(key, id)| ((key, id), cells![key.program.as_str(), key.partner.as_str(), id])),
        );
        let found = self.reader().await?.fetch_rows(&sql::CONVERSIONS, &[], &rows).await?;
        found
            .iter()
            .map(|row| {
                Ok(ConversionRow {
                    key: row.key(0)?,
                    conversion_id: row.text(2)?,
                    occurred_at: row.instant(3)?,
                    status: row.text(4)?,
                    amount_minor: row.int(5)?,
                    currency: row.text(6)?,
                    body: row.bytes(7)?,
                })
            })
            .collect()
    }

    pub(crate) async fn read_recent_ids(&self, shard: u32, since: Timestamp) -> Result<Ids, StoreError> {
        let rows = self.reader().await?.fetch(&sql::RECENT_IDS, &cells![shard, since]).await?;
        let mut ids = Ids::new();
        for row in &rows {
            ids.extend(packed_ids::unpack(&row.bytes(0)?)?);
        }
        Ok(ids)
    }

    pub(crate) async fn read_seen(&self, shard: Option<u32>) -> Result<Vec<SourcePosition>, StoreError> {
        let mut session = self.reader().await?;
        let rows = match shard {
            Some(shard) => session.fetch(&sql::SEEN, &cells![shard]).await?,
            None => session.fetch(&sql::ALL_SEEN, &[]).await?,
        };
        rows.iter()
            .map(|row| {
                Ok(SourcePosition {
                    source: row.int(0)?.cast_unsigned(),
                    incarnation: row.number(1)?,
                    partition: row.number(2)?,
                    offset: row.int(3)?,
                    index: row.number(4)?,
                })
            })
            .collect()
    }

    pub(crate) async fn read_clock_marks(&self, shard: u32) -> Result<Vec<(i64, Timestamp)>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::CLOCK_MARKS, &cells![shard]).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.instant(1)?))).collect()
    }

    pub(crate) async fn read_timers(
        &self,
        shard: u32,
        after: Option<&TimerRow>,
        limit: usize,
    ) -> Result<Vec<TimerRow>, StoreError> {
        let (due, program, partner, subject) = after.map_or((i64::MIN, "", "", ""), |timer| {
            (timer.due.as_millisecond(), timer.key.program.as_str(), timer.key.partner.as_str(), timer.subject.as_str())
        });
        let cells = cells![shard, due, program, partner, subject, limit];
        let rows = self.reader().await?.fetch(&sql::TIMERS, &cells).await?;
        rows.iter()
            .map(|row| {
                Ok(TimerRow { due: row.instant(0)?, key: row.key(1)?, subject: row.text(3)?, seq: row.number(4)? })
            })
            .collect()
    }

    pub(crate) async fn read_parked(&self, key: &PartnerKey) -> Result<Vec<(i64, String)>, StoreError> {
        let cells = cells![key.program.as_str(), key.partner.as_str()];
        let rows = self.reader().await?.fetch(&sql::PARKED, &cells).await?;
        rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
    }

    pub(crate) async fn read_quarantines(&self) -> Result<Vec<QuarantineRow>, StoreError> {
        let rows = self.reader().await?.fetch(&sql::QUARANTINES, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(QuarantineRow { key: row.key(0)?, reason: row.text(2)?, at: row.instant(3)?, parked: row.int(4)? })
            })
            .collect()
    }
}

/// Keys as a batch, each once.
pub(crate) fn key_rows(keys: &[PartnerKey]) -> Rows<'_, 2> {
    Rows::last_of(keys.iter().map(|key| (key, cells![key.program.as_str(), key.partner.as_str()])))
}

async fn bundle(session: &mut Session, partners: &[Row]) -> Result<Vec<PartnerBundle>, StoreError> {
    let partners = partners.iter().map(partner_row).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<PartnerKey> = partners.iter().map(|partner| partner.key.clone()).collect();
    let mut journeys: BTreeMap<PartnerKey, Vec<JourneyRow>> = BTreeMap::new();
    for row in session.fetch_rows(&sql::JOURNEYS, &[], &key_rows(&keys)).await? {
        let journey = journey_row(&row)?;
        journeys.entry(journey.key.clone()).or_default().push(journey);
    }
    Ok(partners
        .into_iter()
        .map(|partner| {
            let mut journeys = journeys.remove(&partner.key).unwrap_or_default();
            journeys.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
            PartnerBundle { partner, journeys }
        })
        .collect())
}

/// program, partner, hot, days
pub(crate) fn partner_row(row: &Row) -> Result<PartnerRow, StoreError> {
    Ok(PartnerRow { key: row.key(0)?, hot: row.bytes(2)?, days: row.opt_bytes(3)? })
}

/// id, program, partner, workflow, version, started_at, exited_at, exit_code, held_out, body
pub(crate) fn journey_row(row: &Row) -> Result<JourneyRow, StoreError> {
    Ok(JourneyRow {
        id: row.text(0)?,
        key: row.key(1)?,
        workflow: row.text(3)?,
        version: row.text(4)?,
        started_at: row.instant(5)?,
        exited: row.opt_instant(6)?.zip(row.opt_text(7)?),
        held_out: row.flag(8)?,
        body: row.text(9)?,
    })
}
