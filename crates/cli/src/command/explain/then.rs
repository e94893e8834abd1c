//! A partner's story as it stood at an instant: the record played again from its beginning until then, under the files that were
//! in force, to the end of the step of the play that the instant lies in. What the store keeps of an entry refused is the last of
//! each workflow; earlier ones are only in what is played.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rapport_engine::ports::store::Store as _;
use rapport_engine::story::Story;
use rapport_event::PartnerKey;
use rapport_store::SqlStore;

use super::{Back, Begins, Told};
use crate::backtest::{play_until, read};
use crate::command_line::ClockKind;
use crate::exit::{Doing, Failure};
use crate::layout::Layout;
use crate::settings::Settings;
use crate::{progress, stop};

/// What stood at an instant; none when nothing was known of the partner then. Of pauses and suppressions nothing is told: the mails
/// themselves say what kept them.
pub(super) async fn told(
    settings: &Settings,
    store: &SqlStore,
    key: &PartnerKey,
    at: Timestamp,
) -> Result<Option<Told>, Failure> {
    let Some(story) = story(settings, key, at).await? else { return Ok(None) };
    let begins = came(store, key, &story, at).await?;
    let (key, pauses, back) = (key.clone(), Vec::new(), Back::default());
    Ok(Some(Told { key, as_of: at, story, standing: None, pauses, back, begins }))
}

async fn story(settings: &Settings, key: &PartnerKey, at: Timestamp) -> Result<Option<Story>, Failure> {
    let stop = stop::on_signal()?;
    let live = Layout::open(settings, ClockKind::Live).await?;
    let now = live.desk().now().await?;
    if at > now {
        return Err(Failure::input(format!("{at} is yet to come"))
            .help("leave --at away to see how it stands; `rapport simulate` looks ahead"));
    }
    let bar = progress::spinner("reading the record".to_owned());
    let recorded = read(&live, |events| bar.set_message(format!("reading the record: {events} events"))).await?;
    live.close().await;
    if recorded.is_without_files() {
        return Err(Failure::new("nothing was ever applied, so nothing was decided").help("run `rapport apply` first"));
    }
    let show = |present: Timestamp| bar.set_message(format!("playing {}", present.strftime("%-d %b %Y")));
    let store = play_until(recorded, at, &stop, show).await;
    bar.finish_and_clear();
    let mut story = store?.story(key).await.doing("reading the partner's story")?;
    if let Some(story) = &mut story {
        // What came in the rest of that step was not known yet.
        story.journeys.retain(|journey| journey.started_at <= at);
        story.messages.retain(|told| told.message.planned_at <= at);
        story.signals.retain(|signal| signal.occurred_at <= at);
        story.refusals.retain(|refusal| refusal.at <= at);
        story.tasks.retain(|task| task.opened_at <= at);
    }
    Ok(story)
}

/// When what had not begun then did, as it really came.
async fn came(
    store: &SqlStore,
    key: &PartnerKey,
    then: &Story,
    at: Timestamp,
) -> Result<BTreeMap<String, Begins>, Failure> {
    let Some(now) = store.story(key).await.doing("reading the partner's story")? else { return Ok(BTreeMap::new()) };
    let begins = |workflow: &str| {
        let of_it = now.journeys.iter().filter(|journey| journey.workflow == workflow && journey.started_at > at);
        of_it.map(|journey| journey.started_at).min().map_or(Begins::NotSince, Begins::Began)
    };
    Ok(then.refusals.iter().map(|refusal| (refusal.workflow.clone(), begins(&refusal.workflow))).collect())
}
