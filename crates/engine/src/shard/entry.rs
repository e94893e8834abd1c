//! The partners of a shard in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::civil::Date;
use rapport_event::id::PartnerKey;
use rapport_journey::Journey;
use rapport_partner::PartnerState;

use super::{ShardError, facts::marks};
use crate::{
    ownership::EngineParts,
    ports::{
        rows::{JourneyRow, PartnerRow, ShardCommit},
        store::StoreError,
    },
    rulebooks::Rulebooks,
};

/// Partners kept in memory per shard; beyond, those untouched since the last commit are dropped.
const KEPT: usize = 100_000;
/// With more partners than this, what was read of their marks is let go of after each commit and each page. It takes about as much as
/// all else that is kept of a partner, and what many partners save by it is one reading a night.
const READ_KEPT: usize = 1_000;

/// One partner with its journeys.
#[derive(Debug)]
pub struct Entry {
    /// Which partner.
    pub key: PartnerKey,
    /// Everything known.
    pub state: PartnerState,
    /// All journeys, ended ones too: entry rules ask for them.
    pub journeys: Vec<Journey>,
    /// Refusals told lately, by workflow: the code and the day, so that a partner who is refused a thousand times a day
    /// costs one row.
    pub refused: Vec<(Arc<str>, &'static str, Date)>,
    /// Stored, or to be stored: not only looked for.
    exists: bool,
    touched: bool,
    days_touched: bool,
    journeys_touched: BTreeSet<usize>,
}

impl Entry {
    /// A partner of whom nothing is known yet.
    #[must_use]
    pub fn new(key: PartnerKey) -> Self {
        Self {
            key,
            state: PartnerState::default(),
            journeys: Vec::new(),
            refused: Vec::new(),
            exists: false,
            touched: false,
            days_touched: false,
            journeys_touched: BTreeSet::new(),
        }
    }

    /// Why the partner's records wait, if they do.
    pub fn quarantined(&self) -> Option<String> {
        self.state.mark(marks::QUARANTINED).map(|why| String::from_utf8_lossy(why).into_owned())
    }

    /// The closed days changed and must be stored too.
    pub fn touch_days(&mut self) {
        self.days_touched = true;
    }

    /// This journey must be stored.
    pub fn touch_journey(&mut self, index: usize) {
        self.journeys_touched.insert(index);
    }
}

/// The partners in memory.
pub struct Partners {
    shard: u32,
    entries: HashMap<PartnerKey, Entry>,
    touched: Vec<PartnerKey>,
    /// The page handed out last, where there are many partners.
    paged: Vec<PartnerKey>,
    /// Every partner of the shard is in `entries`.
    complete: bool,
}

impl Partners {
    /// None loaded.
    pub fn new(shard: u32) -> Self {
        Self { shard, entries: HashMap::new(), touched: Vec::new(), paged: Vec::new(), complete: false }
    }

    /// Whether the partner is in memory, be it as one who does not exist yet.
    pub fn has(&self, key: &PartnerKey) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether a partner was changed since the last commit.
    pub fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Brings partners into memory; those not stored begin empty.
    pub async fn load(&mut self, parts: &EngineParts, mut keys: Vec<PartnerKey>) -> Result<(), ShardError> {
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| !self.entries.contains_key(key));
        if keys.is_empty() {
            return Ok(());
        }
        if !self.complete {
            for bundle in parts.store.load_partners(self.shard, &keys).await? {
                let entry = stored(&parts.rulebooks, bundle).await?;
                self.entries.insert(entry.key.clone(), entry);
            }
        }
        for key in keys {
            self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key));
        }
        Ok(())
    }

    /// The keys of the next partners in order, after the given one; brings them into memory. Empty: there are no more.
    pub async fn page(
        &mut self,
        parts: &EngineParts,
        after: Option<&PartnerKey>,
        limit: usize,
    ) -> Result<Vec<PartnerKey>, ShardError> {
        self.forget_page();
        if self.complete {
            let there = self.entries.values().filter(|entry| entry.exists).map(|entry| &entry.key);
            let mut keys: Vec<PartnerKey> =
                there.filter(|key| after.is_none_or(|after| *key > after)).cloned().collect();
            if keys.len() > limit {
                keys.select_nth_unstable(limit);
                keys.truncate(limit);
            }
            keys.sort_unstable();
            self.note_page(&keys);
            return Ok(keys);
        }
        let bundles = parts.store.page_partners(self.shard, after, limit).await?;
        let last_page = bundles.len() < limit;
        let mut keys = Vec::with_capacity(bundles.len());
        for bundle in bundles {
            keys.push(bundle.partner.key.clone());
            if !self.entries.contains_key(&bundle.partner.key) {
                let entry = stored(&parts.rulebooks, bundle).await?;
                self.entries.insert(entry.key.clone(), entry);
            }
        }
        // Only a walk that saw every page in one go proves that all are here; `trim` ends it.
        if last_page && after.is_none() {
            self.complete = true;
        }
        self.note_page(&keys);
        Ok(keys)
    }

    fn has_many(&self) -> bool {
        self.entries.len() > READ_KEPT
    }

    fn note_page(&mut self, keys: &[PartnerKey]) {
        if self.has_many() {
            self.paged = keys.to_vec();
        }
    }

    /// Whoever was looked at on a page is not looked at again before the next night.
    fn forget_page(&mut self) {
        for key in std::mem::take(&mut self.paged) {
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.state.forget_read_marks();
            }
        }
    }

    /// The partner, to be changed: it will be stored with the next commit.
    pub fn entry(&mut self, key: &PartnerKey) -> &mut Entry {
        let entry = self.entries.entry(key.clone()).or_insert_with(|| Entry::new(key.clone()));
        if !entry.touched {
            (entry.touched, entry.exists) = (true, true);
            self.touched.push(key.clone());
        }
        entry
    }

    /// The partner, only to be looked at.
    pub fn look(&self, key: &PartnerKey) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// Looks once more for the versions of a partner's journeys among all that was ever applied: those that run, and those
    /// that are over but named. Loading looks for the former only.
    pub async fn ensure_versions(
        &self,
        parts: &EngineParts,
        key: &PartnerKey,
        named: Option<&str>,
    ) -> Result<(), ShardError> {
        let all = self.look(key).into_iter().flat_map(|entry| &entry.journeys);
        for journey in all.filter(|journey| !journey.is_exited() || named == Some(journey.id.as_str())) {
            parts.rulebooks.ensure(&journey.workflow, &journey.version).await?;
        }
        Ok(())
    }

    /// Adds the touched partners and journeys to the commit, in key order.
    pub fn take_touched(&mut self, commit: &mut ShardCommit) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let has_many = self.has_many();
        for key in touched {
            let Some(entry) = self.entries.get_mut(&key) else { continue };
            entry.touched = false;
            if has_many {
                entry.state.forget_read_marks();
            }
            let days = std::mem::take(&mut entry.days_touched).then(|| entry.state.encode_days());
            commit.partners.push(PartnerRow { key, hot: entry.state.encode_hot(), days });
            for index in std::mem::take(&mut entry.journeys_touched) {
                if let Some(journey) = entry.journeys.get(index) {
                    commit.journeys.push(journey_row(journey));
                }
            }
        }
    }

    /// After a commit: keeps memory bounded.
    pub fn trim(&mut self) {
        self.forget_page();
        if self.entries.len() > KEPT {
            self.entries.clear();
            self.complete = false;
        }
    }
}

/// A partner as stored, for looking; journeys that run have their version at hand afterwards.
///
/// # Errors
/// When the store cannot be read or what it holds is damaged.
pub async fn stored(rulebooks: &Rulebooks, bundle: crate::ports::rows::PartnerBundle) -> Result<Entry, ShardError> {
    let key = bundle.partner.key;
    let damaged = |what: &str, why: String| StoreError::Damaged(format!("{what} of partner {key}: {why}"));
    let state = PartnerState::decode(&bundle.partner.hot, bundle.partner.days.as_deref())
        .map_err(|error| damaged("state", error.to_string()))?;
    let mut journeys = Vec::with_capacity(bundle.journeys.len());
    let mut versions = BTreeSet::new();
    for row in bundle.journeys {
        let journey: Journey =
            serde_json::from_str(&row.body).map_err(|error| damaged("a journey", error.to_string()))?;
        if !journey.is_exited() {
            versions.insert((row.workflow, row.version));
            if let Some(texts) = &journey.texts {
                // Files of an older release that do not compile here are told of where a version is looked up.
                let _ = rulebooks.by_hash(texts).await;
            }
        }
        journeys.push(journey);
    }
    for (workflow, version) in versions {
        rulebooks.ensure(&workflow, &version).await?;
    }
    Ok(Entry { state, journeys, exists: true, ..Entry::new(key) })
}

fn journey_row(journey: &Journey) -> JourneyRow {
    let exited = match &journey.state {
        rapport_journey::State::Exited { at, reason } => Some((*at, reason.code().to_owned())),
        _ => None,
    };
    JourneyRow {
        id: journey.id.to_string(),
        key: journey.partner.clone(),
        workflow: journey.workflow.to_string(),
        version: journey.version.to_string(),
        started_at: journey.started_at,
        exited,
        held_out: journey.held_out,
        // Plain structs of texts, numbers and maps with text keys always serialise.
        body: serde_json::to_string(journey).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "told";

    fn key(number: usize) -> PartnerKey {
        PartnerKey::new("default", &format!("p{number}")).unwrap()
    }

    /// So many partners of whom one was read a mark, as after a commit.
    fn partners(count: usize) -> (Partners, Arc<Vec<u8>>) {
        let mut partners = Partners::new(0);
        for number in 0..count {
            partners.entry(&key(number)).state.set_mark(MARK, b"[7]".to_vec());
        }
        let read = read(&partners);
        partners.take_touched(&mut ShardCommit::default());
        (partners, read)
    }

    fn read(partners: &Partners) -> Arc<Vec<u8>> {
        partners.look(&key(0)).unwrap().state.mark_as(MARK).unwrap()
    }

    #[test]
    fn what_was_read_is_kept_of_few_partners_and_let_go_of_where_there_are_many() {
        for (count, is_kept) in [(READ_KEPT, true), (READ_KEPT + 1, false)] {
            let (mut partners, before) = partners(count);
            let committed = read(&partners);
            assert_eq!(Arc::ptr_eq(&before, &committed), is_kept, "{count}");
            partners.note_page(&[key(0)]);
            partners.trim();
            let looked_at = read(&partners);
            assert_eq!(Arc::ptr_eq(&committed, &looked_at), is_kept, "{count}");
            assert_eq!(before, looked_at);
        }
    }
}
