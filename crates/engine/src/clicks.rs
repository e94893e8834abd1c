//! Tells clicks of people from those of machines.
//!
//! Scanners follow the links of a mail before anybody reads it, and mostly all of them. That shows only in what else is followed around
//! the same time, so a click is noted when it comes and judged a minute later. What a person did goes into the outbox as
//! `message.clicked`; what a machine did is counted and told to nobody.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rapport_event::{PartnerKey, shard_of};
use rapport_partner::PartnerState;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    backoff::Backoff,
    ports::{
        clock::Clock,
        rows::{HUMAN, JudgedClick, OpenClick},
        store::{Store, StoreError},
    },
    records,
};

/// Within this time of the mail's leaving nobody has read it.
const EARLY: SignedDuration = SignedDuration::from_secs(30);
/// From so many mails on a visitor is a machine that reads for many, or a network that is not told apart.
const CROWD: i64 = 5;
/// Within this time a link is followed once, however often.
const ONCE: SignedDuration = SignedDuration::from_mins(30);
/// A click is judged when what is followed within a minute of it has come, and been written.
const JUDGED_AFTER: SignedDuration = SignedDuration::from_secs(75);
/// What was judged is remembered for so long: longer than anything above looks back.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// Judged at once.
const BATCH: usize = 500;
/// How often it is looked.
const LOOK: Duration = Duration::from_secs(15);

/// What a click is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A person followed the link.
    Human,
    /// They did so just before.
    Repeated,
    /// The visitor says to be a machine.
    Machine,
    /// It came before anybody could have read the mail.
    Early,
    /// All links of the mail were followed within a minute.
    AllLinks,
    /// The same visitor follows links in mails of many.
    Crowd,
    /// A person followed it who objects to being judged by figures.
    Objects,
}

impl Verdict {
    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Human => HUMAN,
            Self::Repeated => "repeated",
            Self::Machine => "machine",
            Self::Early => "early",
            Self::AllLinks => "all_links",
            Self::Crowd => "crowd",
            Self::Objects => "objects",
        }
    }
}

/// Judges a click. `last` is when a person last followed the same link.
#[must_use]
pub fn judge(click: &OpenClick, last: Option<Timestamp>) -> Verdict {
    let row = &click.row;
    let before =
        |from: Option<Timestamp>, length: SignedDuration| from.is_some_and(|from| row.at.duration_since(from) < length);
    if row.machine {
        Verdict::Machine
    } else if before(click.sent_at, EARLY) {
        Verdict::Early
    } else if row.of > 1 && click.links >= i64::from(row.of) {
        // Of a mail with one link nobody can say so.
        Verdict::AllLinks
    } else if click.mails >= CROWD {
        Verdict::Crowd
    } else if before(last, ONCE) {
        Verdict::Repeated
    } else {
        Verdict::Human
    }
}

/// Judges what is due, up to a batch. Says how many clicks that were. Two that do so at once write each judgement once.
///
/// # Errors
/// The store's.
pub async fn judge_due(store: &dyn Store, shards: u32, now: Timestamp) -> Result<usize, StoreError> {
    let ago = |length: SignedDuration| now.checked_sub(length).unwrap_or(Timestamp::MIN);
    let open = store.open_clicks(ago(JUDGED_AFTER), BATCH).await?;
    if open.is_empty() {
        return Ok(0);
    }
    // Clicks of this batch are not written yet when the next one of the same link is judged.
    let mut last: BTreeMap<(&str, u32), Timestamp> = BTreeMap::new();
    let mut judged = Vec::with_capacity(open.len());
    for click in &open {
        let row = &click.row;
        let link = (row.message.as_str(), row.link);
        let mut verdict = judge(click, click.last.max(last.get(&link).copied()));
        let mut told = None;
        if verdict == Verdict::Human
            && let Some(message) = store.message(&row.message).await?
        {
            let shard = shard_of(&message.key, shards);
            if objects(store, shard, &message.key).await? {
                verdict = Verdict::Objects;
            } else {
                last.insert(link, row.at);
                told = Some(records::outbox(shard, records::clicked(&message, row.link, row.at)));
            }
        }
        let (message, link, at) = (row.message.clone(), row.link, row.at);
        judged.push(JudgedClick { message, link, at, verdict: verdict.code(), told });
    }
    store.judge_clicks(&judged, ago(REMEMBERED)).await?;
    for click in &judged {
        metrics::counter!("rapport_clicks_total", "what" => click.verdict).increment(1);
    }
    Ok(judged.len())
}

/// Whether whose mail it was objects to being judged by figures: what they look at is nobody's business then. A state that this
/// version cannot read says nothing; whoever folds the record asks again.
async fn objects(store: &dyn Store, shard: u32, key: &PartnerKey) -> Result<bool, StoreError> {
    let rows = store.load_partners(shard, std::slice::from_ref(key)).await?;
    let state = rows.first().map(|row| PartnerState::decode(&row.partner.hot, row.partner.days.as_deref()));
    Ok(state.is_some_and(|state| state.is_ok_and(|state| state.profile.objects_to_profiling())))
}

/// Judges clicks as they become due. Any number may run.
#[derive(Clone)]
pub struct Clicks {
    /// Where they are noted.
    pub store: Arc<dyn Store>,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Number of shards, to address what is told.
    pub shards: u32,
}

impl Clicks {
    /// Runs until told to stop. In a replay nobody clicks.
    pub async fn run(&self, stop: CancellationToken) {
        if self.clock.replays() {
            return stop.cancelled().await;
        }
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            let wait = match self.look().await {
                Ok(judged) => {
                    backoff.succeeded();
                    if judged == BATCH { Duration::ZERO } else { LOOK }
                }
                Err(error) => {
                    warn!(%error, "clicks wait to be judged");
                    backoff.after_failure()
                }
            };
            tokio::select! { () = self.clock.pause(wait) => {}, () = stop.cancelled() => {} }
        }
    }

    async fn look(&self) -> Result<usize, StoreError> {
        judge_due(self.store.as_ref(), self.shards, self.clock.now().await?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::rows::ClickRow;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Somebody follows the first of three links an hour after the mail left.
    fn click() -> OpenClick {
        let row =
            ClickRow { message: "m".into(), link: 1, of: 3, at: at(3_600), machine: false, visitor: Some("v".into()) };
        OpenClick { row, links: 1, mails: 1, last: None, sent_at: Some(at(0)) }
    }

    fn judged(change: impl FnOnce(&mut OpenClick)) -> Verdict {
        let mut click = click();
        change(&mut click);
        judge(&click, click.last)
    }

    #[test]
    fn a_click_is_a_persons_unless_something_says_otherwise() {
        assert_eq!(judged(|_| {}), Verdict::Human);
        assert_eq!(judged(|click| click.row.machine = true), Verdict::Machine);
        assert_eq!(judged(|click| click.row.at = at(29)), Verdict::Early);
        assert_eq!(judged(|click| click.row.at = at(30)), Verdict::Human);
        // Noted by a clock that is a little behind the one that sent.
        assert_eq!(judged(|click| click.row.at = at(-1)), Verdict::Early);
        assert_eq!(judged(|click| click.sent_at = None), Verdict::Human);
        assert_eq!(judged(|click| click.links = 2), Verdict::Human);
        assert_eq!(judged(|click| click.links = 3), Verdict::AllLinks);
        assert_eq!(judged(|click| (click.row.of, click.links) = (1, 1)), Verdict::Human);
        assert_eq!(judged(|click| click.mails = 4), Verdict::Human);
        assert_eq!(judged(|click| click.mails = 5), Verdict::Crowd);
        assert_eq!(judged(|click| click.last = Some(at(3_600 - 1_799))), Verdict::Repeated);
        assert_eq!(judged(|click| click.last = Some(at(3_600 - 1_800))), Verdict::Human);
    }
}
