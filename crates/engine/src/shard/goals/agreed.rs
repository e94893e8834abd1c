//! What a partner and the programme agree on: proposals, answers, and how they are kept and told.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{Timestamp, civil::Date};
use rapport_event::{Event, Kind, engine::GoalData};
pub use rapport_insight::agreement::{Act, Agreed, Agreement, Counter, End, Proposal, Terms};
use rapport_partner::{Measure, PartnerState};
use rapport_rule::{Currency, Money};
use rapport_workflow::config::{GoalTarget, goal_measure};

use super::{Own, by_declaration, concerns, today};
use crate::{
    ports::{
        rows::{PartnerRow, SignalRow},
        store::StoreError,
    },
    shard::facts::{Asked, PartnerFacts, marks},
};

/// Who acts for the partner, in `by`.
pub const PARTNER: &str = "partner";

/// What was proposed to and agreed on with a partner, by goal.
#[must_use]
pub fn of(state: &PartnerState) -> BTreeMap<String, Agreement> {
    BTreeMap::clone(&known(state))
}

/// The same, to be looked at.
pub(super) fn known(state: &PartnerState) -> Arc<BTreeMap<String, Agreement>> {
    state.mark_as(marks::AGREEMENTS).unwrap_or_default()
}

/// The same from a stored row.
///
/// # Errors
/// A row that cannot be read.
pub fn of_row(row: &PartnerRow) -> Result<BTreeMap<String, Agreement>, StoreError> {
    PartnerState::decode(&row.hot, row.days.as_deref())
        .map(|state| of(&state))
        .map_err(|error| StoreError::Damaged(format!("the state of {}: {error}", row.key)))
}

/// For the partner's state; empty when nothing is kept.
#[must_use]
pub fn to_mark(agreements: &BTreeMap<String, Agreement>) -> Vec<u8> {
    if agreements.is_empty() { Vec::new() } else { serde_json::to_vec(agreements).unwrap_or_default() }
}

/// What was proposed and agreed on until the end of a day.
#[derive(Debug, Default)]
pub(super) struct Then {
    /// By goal.
    pub agreements: BTreeMap<String, Agreement>,
    /// What was agreed on before a later agreement on the same goal for later days, oldest first.
    pub replaced: Vec<(String, Agreed)>,
}

/// An act as it was kept.
struct Kept {
    /// When it was folded, which is the order they count in.
    folded_at: Timestamp,
    /// When it was done: the end of the row's id.
    at: Timestamp,
    kind: Kind,
    data: GoalData,
    act: Act,
}

impl Kept {
    /// `None` of a row of anything else, like a goal's progress.
    fn of(row: &SignalRow) -> Option<Self> {
        let kind = Kind::parse(&row.kind).filter(|kind| kind.name().starts_with("goal."))?;
        let data: GoalData = serde_json::from_str(&row.payload).ok()?;
        let millis = row.id.rsplit_once(':').and_then(|(_, millis)| millis.parse().ok());
        let at = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()).unwrap_or(row.occurred_at);
        let act = act_of(&kind, at, &data)?;
        Some(Self { folded_at: row.occurred_at, at, kind, data, act })
    }
}

/// The agreements until the end of a day, by the rows in which each of their acts is kept with its terms.
pub(super) fn by(facts: &PartnerFacts<'_>, kept: &[SignalRow], on: Date) -> Then {
    let mut acts: Vec<Kept> = kept.iter().filter_map(Kept::of).collect();
    // Of one moment: what is answered was proposed before.
    acts.sort_by_key(|kept| (kept.folded_at, kept.kind != Kind::GoalProposed, kept.kind != Kind::GoalCountered));
    let mut then = Then::default();
    // Of what no row tells nothing is known but what is in force.
    let untold = of(facts.state).into_iter().filter(|(id, _)| !acts.iter().any(|kept| *kept.data.goal == **id));
    then.agreements.extend(untold);
    for Kept { at, data, act, .. } in &acts {
        if facts.program.zone.to_datetime(*at).date() > on {
            continue;
        }
        let agreement = then.agreements.entry(data.goal.to_string()).or_default();
        let before = agreement.agreed.clone();
        if agreement.apply(&data.proposal, act, *at) && matches!(act, Act::Accept { .. }) {
            // New terms for the same days leave nothing of the old ones.
            let from = agreement.agreed.as_ref().map(|now| now.terms.from);
            let before = before.filter(|before| from.is_some_and(|from| from > before.terms.to));
            then.replaced.extend(before.map(|before| (data.goal.to_string(), before)));
        }
    }
    then.agreements.retain(|_, agreement| !agreement.is_empty());
    then
}

/// The act a record tells of; none when it says too little.
#[must_use]
pub fn act(event: &Event, data: &GoalData) -> Option<Act> {
    act_of(&event.kind, event.occurred_at, data)
}

fn act_of(kind: &Kind, at: Timestamp, data: &GoalData) -> Option<Act> {
    Some(match kind {
        Kind::GoalProposed => {
            let metric = data.metric.as_deref().filter(|metric| goal_measure(metric).is_some())?;
            let terms = Terms {
                metric: metric.to_owned(),
                target: data.target?,
                from: data.from?,
                to: data.until?,
                tell_at: data.tell_at.clone(),
            };
            let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
            Act::Propose(Proposal {
                id: data.proposal.to_string(),
                terms,
                owner: text(&data.owner),
                by: text(&data.by),
                at,
                counter: None,
            })
        }
        // The partner accepts what was proposed, the programme what the partner answered with.
        Kind::GoalAccepted if data.by.as_deref() == Some(PARTNER) => Act::Accept { counter: None },
        Kind::GoalAccepted => Act::Accept { counter: Some((data.target?, data.until?)) },
        Kind::GoalCountered => Act::Counter { target: data.target?, to: data.until? },
        Kind::GoalDeclined => Act::Decline,
        Kind::GoalWithdrawn => Act::Withdraw,
        _ => return None,
    })
}

/// The terms a proposal is told with: those of the counter when there is one to tell of.
#[must_use]
pub fn told(data: &GoalData, terms: &Terms, owner: Option<&str>, currency: Currency) -> GoalData {
    GoalData {
        metric: Some(terms.metric.as_str().into()),
        target: Some(terms.target),
        currency: goal_measure(&terms.metric).is_some_and(Measure::is_money).then(|| currency.code().into()),
        from: Some(terms.from),
        until: Some(terms.to),
        tell_at: terms.tell_at.clone(),
        owner: owner.map(Into::into),
        summary: summary(terms, currency).into(),
        ..data.clone()
    }
}

/// The sentence for people: `5000.00 EUR of approved revenue from 1 January to 31 March 2027`.
#[must_use]
pub fn summary(terms: &Terms, currency: Currency) -> String {
    let metric = terms.metric.replace('_', " ");
    let what = if goal_measure(&terms.metric).is_some_and(Measure::is_money) {
        format!("{} of {metric}", Money::new(terms.target, currency))
    } else {
        format!("{} {metric}", terms.target)
    };
    let from = if terms.from.year() == terms.to.year() { "%-d %B" } else { "%-d %B %Y" };
    format!("{what} from {} to {}", terms.from.strftime(from), terms.to.strftime("%-d %B %Y"))
}

/// Declared goals that need an agreement and are to be put to the partner now. One that was declined or withdrawn is not put to
/// them again for the same period.
#[must_use]
pub fn to_propose(facts: &PartnerFacts<'_>) -> Vec<GoalData> {
    let declared = &facts.rulebook.rulebook.goals.goals;
    if declared.iter().all(|goal| !goal.agree) || facts.state.profile.status().as_str() != "active" {
        return Vec::new();
    }
    let (known, asked, today) = (known(facts.state), Asked::of(facts), today(facts));
    let mut proposals = Vec::new();
    for declared in declared.iter().filter(|goal| goal.agree) {
        let Some(own) = by_declaration(facts, declared) else { continue };
        // A factor of the period before is known when that is over.
        let begins = if matches!(declared.target, GoalTarget::Growth { .. }) { own.goal.from } else { Date::MIN };
        let target = own.goal.target.round();
        if !(begins..=own.goal.to).contains(&today) || !(1.0..1e15).contains(&target) {
            continue;
        }
        let id = proposal_id(&declared.id, own.goal.from);
        if known.get(&*declared.id).is_some_and(|known| !is_free(known, &id, &own, facts, today))
            || !concerns(&asked, &declared.audience)
        {
            continue;
        }
        let Some(metric) = declared.metric() else { continue };
        let terms = Terms {
            metric: metric.to_owned(),
            target: target as i64,
            from: own.goal.from,
            to: own.goal.to,
            tell_at: own.goal.tell_at.clone(),
        };
        let data = GoalData { goal: declared.id.clone(), proposal: id.into(), ..GoalData::default() };
        proposals.push(told(&data, &terms, own.owner.as_deref(), facts.program.currency));
    }
    proposals
}

fn is_free(known: &Agreement, id: &str, own: &Own<'_>, facts: &PartnerFacts<'_>, today: Date) -> bool {
    let ended_lately = known
        .ended
        .as_ref()
        .is_some_and(|(ended, _, at)| ended == id || facts.program.zone.to_datetime(*at).date() >= own.goal.from);
    let agreed = known.agreed.as_ref().is_some_and(|agreed| agreed.proposal == id || agreed.terms.to >= today);
    // One that nobody answered is replaced by the next period's.
    let open = known.open.as_ref().is_some_and(|open| open.id == id || open.terms.to >= today);
    !ended_lately && !agreed && !open
}

/// The id of a proposal that follows from a declaration.
fn proposal_id(goal: &str, from: Date) -> String {
    format!("{goal}-{from}")
}

/// The id of a proposal that somebody makes at a moment.
#[must_use]
pub fn proposal_at(goal: &str, at: Timestamp) -> String {
    format!("{goal}-{:x}", at.as_millisecond())
}
