//! `rapport goal propose`: a target with its unit and deadline, held against the partner's own history.

use jiff::civil::Date;
use rapport_engine::records;
use rapport_engine::shard::facts::PartnerFacts;
use rapport_engine::shard::goals::{
    self,
    agreed::{self, Terms},
};
use rapport_event::{Kind, engine::GoalData};
use rapport_rule::suggest::nearest;
use rapport_rule::{Currency, Money};
use rapport_workflow::config::{GOAL_METRICS, MANAGER, goal_measure, own_goal};

use super::{amount, append};
use crate::command::{explain::find, login_name, work::known_person};
use crate::command_line::ProposeArguments;
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::picture::{Picture, decoded};
use crate::printed::{harmless, line};
use crate::settings::Settings;

/// A goal runs no longer: days are kept that long.
const DAYS_MAX: i32 = 400;
/// Below this chance, in percent, a goal is proposed only by somebody who says that they mean it.
const CHANCE_MIN: f64 = 5.0;

/// Proposes.
pub async fn run(settings: &Settings, arguments: &ProposeArguments) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let result = propose(&desk, arguments).await;
    desk.close().await;
    result
}

async fn propose(desk: &Desk, arguments: &ProposeArguments) -> Result<u8, Failure> {
    let key = find(&desk.database, &arguments.partner).await?;
    let picture = Picture::of(&desk.database).await?;
    let story = desk.store.story(&key).await.doing("reading the partner")?;
    let Some(story) = story else { return Err(Failure::new(format!("nothing is known of {key}"))) };
    let state = decoded(&story.partner)?;
    let status = state.profile.status().as_str();
    if status != "active" {
        return Err(Failure::input(format!("{key} is {status}; goals are proposed to active partners")));
    }
    let made = picture.look(&key, &state, |facts| {
        let (id, metric) = goal_of(arguments, facts)?;
        let terms = terms(arguments, &metric, facts)?;
        let owner = match arguments.owner.as_deref() {
            None | Some(MANAGER) => state.profile.manager.get().map(ToString::to_string),
            Some(owner) => Some(known_person(&picture.applied, owner)?),
        };
        let outlook = goals::outlook(facts, &terms);
        Ok((id, terms, owner, outlook, facts.program.currency))
    });
    let Some(made) = made else { return Err(Failure::input(format!("the programme of {key} is not declared"))) };
    let (id, terms, owner, outlook, currency) = made?;
    let now = desk.now().await?;
    held_against(outlook, &terms, currency, arguments.anyway)?;
    let data = GoalData {
        goal: id.as_str().into(),
        proposal: agreed::proposal_at(&id, now).into(),
        by: Some(arguments.who.clone().unwrap_or_else(login_name).into()),
        ..GoalData::default()
    };
    let data = agreed::told(&data, &terms, owner.as_deref(), currency);
    append(desk, records::goal(key.clone(), Kind::GoalProposed, data, now)).await?;
    line(format!("{key} {id}: {}", agreed::summary(&terms, currency)));
    line("proposed; it counts when the partner agrees. The link for them: rapport goal show");
    Ok(exit::OK)
}

/// The goal's id and what it counts: a declared one by its name, else the partner's own of that metric.
fn goal_of(arguments: &ProposeArguments, facts: &PartnerFacts<'_>) -> Result<(String, String), Failure> {
    let goals = &facts.rulebook.rulebook.goals;
    match (&arguments.goal, &arguments.metric) {
        (Some(id), metric) => {
            let Some(declared) = goals.goal(id) else {
                let near = nearest(id, goals.goals.iter().map(|goal| &*goal.id));
                let near = near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default();
                return Err(Failure::input(format!("config/goals.yaml has no goal `{}`", harmless(id))).help(near));
            };
            match declared.metric() {
                None => Err(Failure::input(format!("`{id}` is a condition; it has no target to propose"))),
                Some(counted) if metric.as_deref().is_some_and(|metric| metric != counted) => {
                    Err(Failure::input(format!("`{id}` counts {counted}")))
                }
                Some(counted) => Ok((id.clone(), counted.to_owned())),
            }
        }
        (None, Some(metric)) if goal_measure(metric).is_some() => Ok((own_goal(metric), metric.clone())),
        (None, Some(metric)) => {
            let near = nearest(metric, GOAL_METRICS).map(|near| format!("did you mean `{near}`? "));
            Err(Failure::input(format!("no goal counts `{}`", harmless(metric))).help(format!(
                "{}there are {}",
                near.unwrap_or_default(),
                GOAL_METRICS.join(", ")
            )))
        }
        (None, None) => Err(Failure::input("what is to be counted?").help("--metric approved_revenue, or --goal NAME")),
    }
}

fn terms(arguments: &ProposeArguments, metric: &str, facts: &PartnerFacts<'_>) -> Result<Terms, Failure> {
    let today = facts.program.zone.to_datetime(facts.now).date();
    if let Some(percent) = arguments.tell_at.iter().find(|percent| !(1..100).contains(*percent)) {
        return Err(Failure::input(format!("nothing is told at {percent} %"))
            .help("name percents between 1 and 99; that it is reached is told anyway"));
    }
    let terms = Terms {
        target: target(&arguments.target, metric, facts.program.currency)?,
        metric: metric.to_owned(),
        from: arguments.from.as_deref().map_or(Ok(today), date)?,
        to: date(&arguments.by)?,
        tell_at: arguments.tell_at.clone(),
    };
    if terms.to < today || terms.to < terms.from {
        return Err(Failure::input(format!("the goal would be over: {} to {}", terms.from, terms.to)));
    }
    if terms.from.until(terms.to).map_or(i32::MAX, |span| span.get_days()) >= DAYS_MAX {
        return Err(Failure::input(format!("a goal runs for at most {DAYS_MAX} days: days are kept that long")));
    }
    Ok(terms)
}

fn date(text: &str) -> Result<Date, Failure> {
    text.parse().map_err(|_| Failure::input(format!("`{}` is no date", harmless(text))).help("write 2027-03-31"))
}

/// A count, or money with its currency, as the metric asks for.
fn target(text: &str, metric: &str, currency: Currency) -> Result<i64, Failure> {
    let is_money = goal_measure(metric).is_some_and(|measure| measure.is_money());
    let wrong = |expected: &str| {
        Failure::input(format!("`{}` is no target of {metric}", harmless(text))).help(expected.to_owned())
    };
    let target = if is_money {
        let expected = format!("write an amount with its currency: --target \"5000 {}\"", currency.code());
        let money = Money::parse(text).map_err(|_| wrong(&expected))?;
        if money.currency != currency {
            return Err(wrong(&expected));
        }
        money.minor
    } else {
        text.parse().map_err(|_| wrong("write a whole number: --target 50"))?
    };
    if target <= 0 { Err(wrong("a target lies above 0")) } else { Ok(target) }
}

/// Says what the partner's own pace would come to, and refuses what hardly can be.
fn held_against(
    outlook: Option<(f64, Option<f64>)>,
    terms: &Terms,
    currency: Currency,
    anyway: bool,
) -> Result<(), Failure> {
    let Some((expected, chance)) = outlook else {
        line("nothing can be said of the chance: a sale without an exchange rate is among what counts");
        return Ok(());
    };
    let pace = amount(&terms.metric, expected, currency);
    let Some(chance) = chance else {
        line(format!("at their own pace: {pace}; less than two weeks are known, too little for a chance"));
        return Ok(());
    };
    line(format!("at their own pace of the last eight weeks: {pace}; chance of reaching it {chance:.0} %"));
    if chance < CHANCE_MIN && !anyway {
        return Err(Failure::input("by their own history they will hardly reach it")
            .help("propose less or give more time; --anyway proposes it all the same"));
    }
    if chance > 100.0 - CHANCE_MIN {
        line("that is what they do anyhow; a goal that asks for nothing gives nothing");
    }
    Ok(())
}
