//! Partners as stored, made ready for a look ahead: what comes if nothing more happens.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rapport_contact::{Kind as Contact, normalise};
use rapport_engine::ports::rows::{JourneyRow, MessageState, PartnerBundle, TimerRow};
use rapport_engine::ports::store::Store as _;
use rapport_engine::rulebooks::Rulebooks;
use rapport_engine::shard::beginning;
use rapport_engine::shard::entry::stored;
use rapport_engine::story::Story;
use rapport_event::{PartnerKey, shard_of};
use rapport_journey::Journey;
use rapport_store::SqlStore;
use rapport_trial::{Forecast, Known, forecast};
use serde_json::{Map, Value};

use crate::exit::{Doing, Failure};
use crate::picture::Picture;

/// Timers read at once.
const PAGE: usize = 5_000;

/// Looks ahead over one store.
pub struct Ahead {
    /// The rulebook in force, and the present.
    pub picture: Picture,
    store: SqlStore,
    rulebooks: Arc<Rulebooks>,
    timers: HashMap<PartnerKey, Vec<TimerRow>>,
}

impl Ahead {
    /// Reads what all partners have in common, and every timer.
    pub async fn of(store: &SqlStore) -> Result<Self, Failure> {
        Self::with_timers(store, None).await
    }

    /// The same for one partner alone: of the timers only those of its shard are read.
    pub async fn of_one(store: &SqlStore, key: &PartnerKey) -> Result<Self, Failure> {
        Self::with_timers(store, Some(key)).await
    }

    async fn with_timers(store: &SqlStore, only: Option<&PartnerKey>) -> Result<Self, Failure> {
        let picture = Picture::of(store).await?;
        let mut timers: HashMap<PartnerKey, Vec<TimerRow>> = HashMap::new();
        let rows = store.shard_rows().await.doing("reading the shards")?;
        let shards = rows.iter().filter(|row| row.shard >= 0).count() as u32;
        for shard in rows {
            let Ok(shard) = u32::try_from(shard.shard) else { continue };
            if only.is_some_and(|key| shard_of(key, shards) != shard) {
                continue;
            }
            let mut after: Option<TimerRow> = None;
            loop {
                let page = store.next_timers(shard, after.as_ref(), PAGE).await.doing("reading timers")?;
                let Some(last) = page.last().cloned() else { break };
                for timer in page {
                    timers.entry(timer.key.clone()).or_default().push(timer);
                }
                after = Some(last);
            }
        }
        let rulebooks = Arc::new(Rulebooks::new(Arc::new(store.clone())));
        // Its versions are at hand from now on.
        rulebooks.current().await.doing("reading the rulebook in force")?;
        Ok(Self { picture, store: store.clone(), rulebooks, timers })
    }

    /// Whether something may come of a partner by itself: a timer, or a mail that waits.
    pub fn stirs(&self, key: &PartnerKey) -> bool {
        self.timers.contains_key(key)
    }

    /// Everything stored about a partner.
    pub async fn story(&self, key: &PartnerKey) -> Result<Story, Failure> {
        let story = self.store.story(key).await.doing("reading the partner's story")?;
        story.ok_or_else(|| Failure::new(format!("nothing is known of {key}")))
    }

    /// What comes of a partner until then.
    pub async fn forecast(&self, story: Story, until: Timestamp) -> Result<Forecast, Failure> {
        let key = story.partner.key.clone();
        let known = self.known(story).await?;
        forecast(known, &self.picture.applied, &self.rulebooks, self.picture.now, until)
            .map_err(|why| Failure::new(format!("{key}: {why}")))
    }

    async fn known(&self, story: Story) -> Result<Known, Failure> {
        let person: Map<String, Value> =
            story.person.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let address = person.get("email").and_then(Value::as_str).and_then(normalise);
        let suppressions = match &address {
            Some(address) => self.store.suppressions(address.as_str()).await.doing("reading suppressions")?,
            None => Vec::new(),
        };
        let key = story.partner.key.clone();
        let noted = self.store.meta(&beginning(&key.program)).await.doing("reading when the programme began")?;
        let queued = story.messages.iter().filter(|told| told.state == MessageState::Queued);
        let recent = self.picture.now.checked_sub(SignedDuration::from_hours(24 * 9)).unwrap_or(Timestamp::MIN);
        let went = |state: MessageState| matches!(state, MessageState::Sent | MessageState::InDoubt);
        let accepted = story.messages.iter().filter(|told| went(told.state) && told.changed_at >= recent);
        let counted = |kind: &str| if kind == "service" { Contact::Service } else { Contact::Marketing };
        let holds = self.holds(&story.journeys);
        Ok(Known {
            timers: self.timers.get(&key).cloned().unwrap_or_default(),
            queued: queued.map(|told| told.message.clone()).collect(),
            accepted: accepted.map(|told| (told.changed_at, counted(&told.message.kind))).collect(),
            began: noted.and_then(|millis| Timestamp::from_millisecond(millis.parse().ok()?).ok()),
            entry: stored(&self.rulebooks, PartnerBundle { partner: story.partner, journeys: story.journeys })
                .await
                .doing("reading the partner")?,
            person,
            suppressions,
            holds,
            expectations: self.picture.expectations(&key).cloned(),
            figures: self.picture.figures(&key).cloned(),
        })
    }

    /// Which workflows running or lately ended journeys hold: open while they run, else from their last mail on.
    fn holds(&self, journeys: &[JourneyRow]) -> BTreeMap<(String, String), Option<Timestamp>> {
        let mut all = BTreeMap::new();
        for row in journeys {
            let Some(workflow) = self.picture.applied.rulebook.workflow(&row.workflow) else { continue };
            let (Some(holds), Ok(journey)) = (&workflow.holds, serde_json::from_str::<Journey>(&row.body)) else {
                continue;
            };
            let until = match (journey.is_exited(), journey.last_mail_at) {
                (false, _) => None,
                (true, None) => continue,
                (true, Some(at)) => {
                    let length = SignedDuration::from_mins(holds.length.about_minutes());
                    Some(at.checked_add(length).unwrap_or(at))
                }
            };
            for held in &holds.workflows {
                all.insert((held.to_string(), row.id.clone()), until);
            }
        }
        all
    }
}
