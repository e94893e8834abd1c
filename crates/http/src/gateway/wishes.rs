//! What a partner chooses beside topics: the language, the pace, and a time of rest. Kept as fields of the partner, which the mailer
//! reads at every claim, and told to the log.

use jiff::{SignedDuration, Timestamp};
use rapport_contact::OwnPace;
use rapport_event::Extra;
use rapport_message::Locale;
use rapport_partner::profile::{CHOSEN_LANGUAGE, CHOSEN_PACE, PAUSED_FROM, PAUSED_UNTIL};

use super::{Gateway, Trouble, record, visit::Visit};
use crate::{
    page::{Choice, Group, Page},
    words::own_name,
};

/// How long a time of rest is.
const REST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The word for no pace of one's own.
const ANY: &str = "any";
/// The fields of the forms.
const LANGUAGE: &str = "language";
const PACE: &str = "pace";
const PAUSE: &str = "pause";

/// What stands.
pub(super) struct Wishes {
    /// What mails can be written in.
    languages: Vec<Locale>,
    /// The one of these that mails are written in.
    language: Option<Locale>,
    pace: Option<OwnPace>,
    paused_until: Option<Timestamp>,
    /// A person lets all mail to the partner wait.
    held: bool,
}

impl Wishes {
    pub(super) async fn read(gateway: &Gateway, visit: &Visit) -> Result<Self, Trouble> {
        let layout = visit.rulebook().map(|rules| &rules.layout);
        let languages: Vec<Locale> = layout.map(|layout| layout.languages().cloned().collect()).unwrap_or_default();
        let known = |tag: &String| languages.iter().find(|known| known.tag() == tag).cloned();
        let language = visit.languages().iter().find_map(known);
        let until = visit.field(PAUSED_UNTIL).and_then(|until| until.parse::<Timestamp>().ok());
        let mut paused_until = None;
        if let Some(until) = until {
            let now = gateway.clock.now().await?;
            paused_until = Some(until).filter(|until| *until > now);
        }
        let pauses = gateway.store.pauses().await?;
        let held = pauses.iter().any(|row| row.scope.key.as_ref() == Some(&visit.key) && row.scope.journey.is_none());
        let pace = visit.field(CHOSEN_PACE).and_then(OwnPace::parse);
        Ok(Self { languages, language, pace, paused_until, held })
    }

    /// Keeps what was sent, so far as it is another wish than the one that stands: the same form twice is one. Whether it was a form of
    /// ours at all.
    pub(super) async fn change(
        &self,
        gateway: &Gateway,
        visit: &Visit,
        sent: &[(String, String)],
    ) -> Result<bool, Trouble> {
        let is_ours = sent.iter().any(|(name, _)| [LANGUAGE, PACE, PAUSE].contains(&name.as_str()));
        // Of somebody who was erased, or has no address yet, nothing is kept.
        if !is_ours || visit.address().is_none() {
            return Ok(false);
        }
        let now = gateway.clock.now().await?;
        let changed = self.changed(sent, now);
        if changed.is_empty() {
            return Ok(true);
        }
        let said: Vec<String> = changed.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let id = format!("preferences:{}:{}:{}", visit.key, said.join(":"), now.as_millisecond());
        let chosen = changed.into_iter().fold(Extra::NONE, |chosen, (name, value)| chosen.with(name, value));
        let (event, person) = record::wish(&id, &visit.key, chosen, now);
        // The record first: after a failure in between the page still shows the old state, and saving again does both.
        record::send(&*gateway.store, gateway.shards, &[], vec![event]).await?;
        gateway.store.store_persons(&[person]).await?;
        Ok(true)
    }

    fn changed(&self, sent: &[(String, String)], now: Timestamp) -> Vec<(&'static str, String)> {
        let field = |name: &str| sent.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let mut changed = Vec::new();
        let language = field(LANGUAGE).and_then(|tag| self.languages.iter().find(|known| known.tag() == tag));
        if let Some(language) = language.filter(|language| self.language.as_ref() != Some(*language)) {
            changed.push((CHOSEN_LANGUAGE, language.tag().to_owned()));
        }
        let pace = field(PACE).filter(|code| *code == ANY || OwnPace::parse(code).is_some());
        if let Some(code) = pace.filter(|code| *code != self.pace.map_or(ANY, OwnPace::code)) {
            changed.push((CHOSEN_PACE, code.to_owned()));
        }
        match (field(PAUSE), self.paused_until) {
            (Some("begin"), None) => {
                let until = now.checked_add(REST).unwrap_or(Timestamp::MAX);
                changed.push((PAUSED_FROM, now.to_string()));
                changed.push((PAUSED_UNTIL, until.to_string()));
            }
            (Some("end"), Some(_)) => changed.push((PAUSED_UNTIL, now.to_string())),
            _ => {}
        }
        changed
    }

    /// The page with the forms; `always` names the topics that are sent whatever is chosen.
    pub(super) fn show(&self, page: Page, visit: &Visit, always: &str) -> Page {
        let words = visit.words;
        let Some(rulebook) = visit.rulebook() else { return page };
        let email = rulebook.config.imprint.email.as_str();
        let Some(address) = visit.address() else {
            let text = words.channel_none.replace("{email}", email);
            return page.part(words.channel_title, |page| page.text(&text));
        };
        let exempt = if always.is_empty() { String::new() } else { words.still_sent.replace("{topics}", always) };
        let channel = words.channel_text.replace("{address}", &masked(&address)).replace("{email}", email);
        page.part(words.wishes_title, |page| {
            let page = self.choices(page, visit);
            if exempt.is_empty() { page } else { page.aside(&exempt) }
        })
        .part(words.pause_title, |page| self.pause(page, visit, &exempt))
        .part(words.channel_title, |page| {
            let page = page.text(&channel);
            if self.held { page.text(&words.held_text.replace("{email}", email)) } else { page }
        })
    }

    fn choices(&self, page: Page, visit: &Visit) -> Page {
        let words = visit.words;
        let languages: Vec<Choice<'_>> = self
            .languages
            .iter()
            .map(|locale| Choice {
                value: locale.tag(),
                label: own_name(locale.tag()),
                on: self.language.as_ref() == Some(locale),
            })
            .collect();
        let paces = [
            (None, words.pace_any),
            (Some(OwnPace::Weekly), words.pace_weekly),
            (Some(OwnPace::Monthly), words.pace_monthly),
        ];
        let paces: Vec<Choice<'_>> = paces
            .into_iter()
            .map(|(pace, label)| Choice { value: pace.map_or(ANY, OwnPace::code), label, on: pace == self.pace })
            .collect();
        let mut groups = Vec::new();
        // Of one there is nothing to choose.
        if languages.len() > 1 {
            groups.push(Group { name: LANGUAGE, legend: words.wishes_language, options: &languages });
        }
        groups.push(Group { name: PACE, legend: words.wishes_pace, options: &paces });
        page.choices(&groups, words.save)
    }

    fn pause(&self, page: Page, visit: &Visit, exempt: &str) -> Page {
        let words = visit.words;
        let with_exempt = |text: &str| format!("{text} {exempt}").trim_end().to_owned();
        match self.paused_until {
            Some(until) => {
                let date = words.date(until.to_zoned(visit.zone()).date());
                let text = with_exempt(&words.paused_text.replace("{date}", &date));
                page.text(&text).second_button(words.pause_end, &[(PAUSE, "end")])
            }
            None => page.text(&with_exempt(words.pause_text)).second_button(words.pause_button, &[(PAUSE, "begin")]),
        }
    }
}

/// An address so that its owner knows it and nobody else learns it: `a•••@partner.example`.
fn masked(address: &str) -> String {
    let (name, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}•••@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(paused_until: Option<Timestamp>) -> Wishes {
        let locale = |tag: &str| Locale::parse(tag).unwrap();
        Wishes {
            languages: vec![locale("de"), locale("en")],
            language: Some(locale("en")),
            pace: None,
            paused_until,
            held: false,
        }
    }

    #[test]
    fn only_another_wish_than_the_one_that_stands_is_kept() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let until: Timestamp = "2026-12-21T10:00:00Z".parse().unwrap();
        let resting = Some(until);
        for (paused_until, name, value, kept) in [
            (None, "language", "de", vec!["chosen_language=de"]),
            (None, "language", "en", vec![]),
            (None, "language", "fr", vec![]),
            (None, "pace", "weekly", vec!["chosen_pace=weekly"]),
            (None, "pace", "any", vec![]),
            (None, "pace", "hourly", vec![]),
            (None, "pause", "end", vec![]),
            (None, "pause", "begin", vec!["paused_from=2026-11-21T10:00:00Z", "paused_until=2026-12-21T10:00:00Z"]),
            (resting, "pause", "begin", vec![]),
            (resting, "pause", "end", vec!["paused_until=2026-11-21T10:00:00Z"]),
            (resting, "pause", "for ever", vec![]),
        ] {
            let changed = wishes(paused_until).changed(&[(name.to_owned(), value.to_owned())], now);
            let changed: Vec<String> = changed.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(changed, kept, "{name}={value}");
        }
    }

    #[test]
    fn an_address_is_known_by_its_owner_only() {
        assert_eq!(masked("ada.holm@partner.example"), "a•••@partner.example");
        assert_eq!(masked("ö@x.example"), "ö•••@x.example");
    }
}
