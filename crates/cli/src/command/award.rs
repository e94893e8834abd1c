//! `rapport award`: honours for partners, given by people.

use jiff::tz::TimeZone;
use rapport_engine::records::NewAward;
use rapport_engine::rulebooks::Applied;
use rapport_engine::shard::{facts::awards, react::Given};
use rapport_engine::work;
use rapport_event::PartnerKey;
use rapport_journey::may_have_again;
use rapport_message::Locale;
use rapport_partner::PartnerState;
use rapport_rule::suggest::{listed, nearest};
use rapport_workflow::config::Award;
use serde_json::json;

use super::explain::find;
use super::login_name;
use super::pause::applied;
use super::work::said;
use crate::command_line::AwardArguments;
use crate::desk::Desk;
use crate::exit::{self, Doing, Failure};
use crate::picture::decoded;
use crate::printed::{bold, count, harmless, line, moment};
use crate::settings::Settings;

/// Carries it out.
pub async fn run(settings: &Settings, arguments: AwardArguments) -> Result<u8, Failure> {
    let desk = Desk::open(settings).await?;
    let done = match &arguments.kind {
        Some(kind) => give(&desk, kind, &arguments).await,
        None => list(&desk, &arguments).await,
    };
    desk.close().await;
    done
}

async fn give(desk: &Desk, kind: &str, arguments: &AwardArguments) -> Result<u8, Failure> {
    let key = find(&desk.database, &arguments.partner).await?;
    let rules = applied(desk).await?;
    let award = known(&rules, kind)?;
    let because = arguments.because.as_deref().map(|text| said(text, "a reason")).transpose()?;
    let state = state(desk, &key).await?;
    let at = desk.now().await?;
    let last = awards(&state).iter().filter(|given| given.award == award.id).map(|given| given.at).max();
    if let Some(last) = last.filter(|last| !arguments.again && !may_have_again(award.per_partner, *last, at)) {
        let when = moment(last, &TimeZone::UTC);
        return Err(Failure::input(format!("{key} was given `{kind}` {when}"))
            .help("config/awards.yaml says how often a partner can have it; --again gives it nevertheless"));
    }
    let languages = languages(&rules, &key, &state);
    let by = arguments.who.clone().unwrap_or_else(login_name);
    let id = format!("award:{key}:{kind}:{by}:{}", at.as_millisecond());
    let because = because.as_deref();
    let new = NewAward { id: &id, key: &key, award, languages: &languages, because, training: None, at };
    work::award(desk.store.as_ref(), desk.shards, &new, &by).await.doing("writing the award")?;
    let title = award.name.in_language(&languages);
    line(format!("{key}: {}; its shard hears of it within a second", harmless(title)));
    if !rules.rulebook.workflows.iter().any(|workflow| workflow.starts_on("partner.awarded")) {
        line("no workflow begins on `partner.awarded`, so nobody writes to the partner about it");
    }
    Ok(exit::OK)
}

async fn list(desk: &Desk, arguments: &AwardArguments) -> Result<u8, Failure> {
    let key = find(&desk.database, &arguments.partner).await?;
    let given = awards(&state(desk, &key).await?);
    if arguments.json {
        line(json!(given).to_string());
        return Ok(exit::OK);
    }
    for Given { award, at, because, .. } in &given {
        let because = because.as_deref().map(|because| format!("  {}", harmless(because))).unwrap_or_default();
        line(format!("{}  {}{because}", moment(*at, &TimeZone::UTC), bold(&harmless(award))));
    }
    line(count(given.len() as i64, "award"));
    Ok(exit::OK)
}

fn known<'a>(rules: &'a Applied, kind: &str) -> Result<&'a Award, Failure> {
    let awards = &rules.rulebook.awards;
    awards.get(kind).ok_or_else(|| {
        let names = || awards.keys().map(|id| &**id);
        let near = nearest(kind, names()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let all = if awards.is_empty() {
            "there are none in the files in force: declare them in config/awards.yaml and `rapport apply`".to_owned()
        } else {
            format!("config/awards.yaml declares {}", listed(names(), 12))
        };
        Failure::input(format!("there is no award `{}`", harmless(kind))).help(format!("{near}{all}"))
    })
}

async fn state(desk: &Desk, key: &PartnerKey) -> Result<PartnerState, Failure> {
    let story = desk.store.story(key).await.doing("reading the partner")?;
    match story {
        Some(story) => decoded(&story.partner),
        None => Err(Failure::new(format!("there is no partner `{key}`"))),
    }
}

/// The partner's languages, best first.
fn languages(rules: &Applied, key: &PartnerKey, state: &PartnerState) -> Vec<String> {
    let program = rules.rulebook.config.program(key.program.as_str());
    let program = program.and_then(|program| Locale::parse(&program.language)).unwrap_or_else(Locale::english);
    let told = state.profile.language();
    let partner = told.as_ref().and_then(|language| language.as_str()).and_then(Locale::parse);
    Locale::chain(partner.as_ref(), &program).iter().map(|locale| locale.tag().to_owned()).collect()
}
