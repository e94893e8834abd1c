//! `rapport review`: what a month or quarter came to for a partner, as a page, as text or as data; or the link to it.

use rapport_engine::ports::store::Store as _;
use rapport_engine::review::{Length, Period, ReviewPack, pack};
use rapport_event::PartnerKey;
use rapport_http::review::{Reader, html, text};
use rapport_message::{Locale, link::Claims};
use rapport_partner::profile::CHOSEN_LANGUAGE;
use rapport_store::SqlStore;
use serde_json::Value;

use super::explain::find;
use crate::command_line::{ReviewArguments, ReviewFormat};
use crate::desk::open_store;
use crate::exit::{self, Doing, Failure};
use crate::layout::link_keys;
use crate::picture::{Picture, decoded};
use crate::printed::{harmless, line};
use crate::settings::Settings;

/// Prints it, or writes it down.
pub async fn run(settings: &Settings, arguments: &ReviewArguments) -> Result<u8, Failure> {
    let store = open_store(settings).await?;
    let done = review(settings, &store, arguments).await;
    store.close().await;
    done
}

async fn review(settings: &Settings, store: &SqlStore, arguments: &ReviewArguments) -> Result<u8, Failure> {
    let wanted = match &arguments.program {
        Some(program) => format!("{program}/{}", arguments.partner),
        None => arguments.partner.clone(),
    };
    let key = find(store, &wanted).await?;
    let picture = Picture::of(store).await?;
    let story = store.story(&key).await.doing("reading the partner's history")?;
    let story = story.ok_or_else(|| Failure::new(format!("there is no partner `{key}`")))?;
    let state = decoded(&story.partner)?;
    let person: Value =
        story.person.as_deref().and_then(|fields| serde_json::from_str(fields).ok()).unwrap_or(Value::Null);
    let config = &picture.applied.rulebook.config;
    let program = config
        .program(key.program.as_str())
        .ok_or_else(|| Failure::new(format!("the files in force have no programme `{}`", key.program)))?;
    let period = period(&arguments.period, picture.now.to_zoned(program.zone.clone()).date())?;
    // As on the partner's own page: in their language, else the programme's.
    let told = |name: &str| person.get(name).and_then(Value::as_str);
    let own = told(CHOSEN_LANGUAGE)
        .or_else(|| told("language"))
        .or_else(|| state.profile.language.get().map(|known| &**known));
    let of_program = Locale::parse(&program.language).unwrap_or_else(Locale::english);
    let locales = Locale::chain(own.and_then(Locale::parse).as_ref(), &of_program);
    let languages: Vec<String> = locales.iter().map(|locale| locale.tag().to_owned()).collect();
    let made = picture.look(&key, &state, |facts| pack(facts, &story, period, &languages));
    let made = made.ok_or_else(|| Failure::new(format!("the files in force have no programme `{}`", key.program)))?;
    let made = made.map_err(|why| Failure::new(format!("there is no review of {period} for {key}: {why}")))?;
    if arguments.link {
        line(link(settings, &picture, &key, period)?);
        return Ok(exit::OK);
    }
    let name = person.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or(key.partner.as_str());
    let reader = Reader { locales: &locales, program: &program.name, name, imprint: Some(&config.imprint) };
    let written = written(&made, &reader, arguments.format)?;
    match &arguments.output {
        None => line(written.trim_end()),
        Some(path) => {
            std::fs::write(path, written)
                .map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))?;
            line(path.display().to_string());
        }
    }
    Ok(exit::OK)
}

fn written(pack: &ReviewPack, reader: &Reader<'_>, format: ReviewFormat) -> Result<String, Failure> {
    Ok(match format {
        ReviewFormat::Html => html(pack, reader),
        ReviewFormat::Text => text(pack, reader),
        ReviewFormat::Json => serde_json::to_string(pack).doing("writing the review")? + "\n",
    })
}

/// `quarter`, `month`, or one by its name.
fn period(named: &str, today: jiff::civil::Date) -> Result<Period, Failure> {
    let last = Length::parse(named).map(|length| Period::last_over(today, length));
    last.or_else(|| Period::parse(named)).ok_or_else(|| {
        Failure::input(format!("`{}` is no period", harmless(named)))
            .help("write `quarter` or `month` for the last that is over, or a name like 2026-Q3 or 2026-09")
    })
}

/// The partner's own page.
fn link(settings: &Settings, picture: &Picture, key: &PartnerKey, period: Period) -> Result<String, Failure> {
    let links = picture.applied.rulebook.config.links.as_ref();
    let links = links.ok_or_else(|| {
        Failure::new("config/rapport.yaml has no `links:`, so there is no page to lead to").help("declare `links.base`")
    })?;
    let claims = Claims::Review {
        program: key.program.as_str().to_owned(),
        partner: key.partner.as_str().to_owned(),
        period: period.to_string(),
    };
    link_keys(settings, false)?.keys.url(&links.base, &claims).doing("signing the link")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_word_or_a_name() {
        let today = jiff::civil::date(2026, 11, 23);
        let of = |named: &str| period(named, today).map(|period| period.to_string()).ok();
        assert_eq!(of("quarter").as_deref(), Some("2026-Q3"));
        assert_eq!(of("month").as_deref(), Some("2026-10"));
        assert_eq!(of("2026-Q1").as_deref(), Some("2026-Q1"));
        assert_eq!(of("last week"), None);
    }
}
