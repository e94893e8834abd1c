//! `rapport check --history`: whether the goals of the files can be reached, and whether their conditions tell partners apart, by the
//! partners' own history in the store.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::goals;
use rapport_rule::{Findings, Sources, Span};
use rapport_workflow::Rulebook;

use super::conditions::Tally;
use crate::desk::open_store;
use crate::exit::Failure;
use crate::picture::Picture;
use crate::settings::Settings;

const PATH: &str = "config/goals.yaml";
/// Below this chance, in percent, a partner will hardly reach a goal.
const CHANCE_MIN: f64 = 5.0;
/// With fewer partners whose chance is known nothing is said of a goal.
const PARTNERS_MIN: usize = 5;

/// Adds a warning for each goal that more than half of those it is for will hardly reach, and for each condition that says the same of
/// everybody. Gives the rulebook back.
pub(super) async fn check(
    settings: &Settings,
    rulebook: Rulebook,
    sources: &Sources,
    findings: &mut Findings,
) -> Result<Rulebook, Failure> {
    let store = open_store(settings).await?;
    let mut picture = Picture::of(&store).await?;
    let edited = Arc::new(Applied::new("edited".to_owned(), rulebook, BTreeMap::new()));
    picture.applied = edited.clone();
    let mut tally = Tally::of(&edited.rulebook);
    let mut chances: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    Picture::each(&store, |key, state| {
        picture.look(key, state, |facts| {
            tally.look(facts);
            let open = goals::all(facts).into_iter().filter(|own| own.agreed_at.is_none());
            for own in open.filter(|own| facts.rulebook.rulebook.goals.goal(&own.goal.id).is_some()) {
                let over = own.progress(facts).is_none_or(|progress| progress.reached || progress.missed);
                if let Some(chance) = own.chance(facts).filter(|_| !over) {
                    chances.entry(own.goal.id.clone()).or_default().push(chance);
                }
            }
        });
        Ok(())
    })
    .await?;
    store.close().await;
    for (goal, chances) in chances {
        let hardly = chances.iter().filter(|chance| **chance < CHANCE_MIN).count();
        if chances.len() >= PARTNERS_MIN && 2 * hardly > chances.len() {
            findings
                .warning(
                    "R0562",
                    PATH,
                    place(sources, &goal),
                    format!("by their own history {hardly} of {} partners will hardly reach `{goal}`", chances.len()),
                )
                .label("a goal that most miss is no goal: set it lower, or for fewer");
        }
    }
    tally.tell(sources, findings);
    drop(tally);
    drop(picture);
    Arc::try_unwrap(edited).map(|applied| applied.rulebook).map_err(|_| Failure::new("the files are still looked at"))
}

/// Where the goal is declared.
fn place(sources: &Sources, goal: &str) -> Option<Span> {
    let text = &sources.get(PATH)?.text;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let key = line.trim_start();
        if key.strip_prefix(goal).is_some_and(|rest| rest.trim_start().starts_with(':')) && key.len() < line.len() {
            let at = start + line.len() - key.len();
            return Some(Span::new(at, at + goal.len()));
        }
        start += line.len();
    }
    None
}
