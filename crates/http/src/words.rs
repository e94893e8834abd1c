//! What the pages say, in English and German: written in each, not translated. `{…}` is replaced when shown.

use rapport_message::{Locale, format};
use rapport_rule::Money;
use rapport_workflow::config::GOAL_METRICS;

/// All texts of one language.
pub(crate) struct Words {
    pub language: &'static str,
    pub imprint: &'static str,
    pub to_preferences: &'static str,
    pub unsubscribe_title: &'static str,
    pub unsubscribe_text: &'static str,
    pub unsubscribe_button: &'static str,
    pub unsubscribed_title: &'static str,
    pub unsubscribed_text: &'static str,
    pub answer_text: &'static str,
    pub answer_button: &'static str,
    pub answer_words: &'static str,
    pub answer_comment: &'static str,
    pub answer_none: &'static str,
    pub answer_nothing: &'static str,
    pub answer_long: &'static str,
    pub anonymous_text: &'static str,
    pub anonymous_taken: &'static str,
    pub anonymous_again_title: &'static str,
    pub anonymous_again_text: &'static str,
    pub answered_title: &'static str,
    pub answered_text: &'static str,
    pub closed_title: &'static str,
    pub closed_text: &'static str,
    pub why_title: &'static str,
    pub why_because: &'static str,
    pub why_topic: &'static str,
    pub why_planned: &'static str,
    pub why_generally: &'static str,
    pub goal_title: &'static str,
    pub goal_text: &'static str,
    pub goal_accept: &'static str,
    pub goal_other: &'static str,
    pub goal_until: &'static str,
    pub goal_counter: &'static str,
    pub goal_decline: &'static str,
    pub goal_terms: &'static str,
    pub goal_wrong: &'static str,
    pub goal_agreed_title: &'static str,
    pub goal_agreed_text: &'static str,
    pub goal_agreed_on: &'static str,
    pub goal_said_title: &'static str,
    pub goal_said_text: &'static str,
    pub goal_waits: &'static str,
    pub goal_declined_title: &'static str,
    pub goal_declined_text: &'static str,
    pub goal_closed_title: &'static str,
    pub goal_closed_text: &'static str,
    pub certificate_text: &'static str,
    pub certificate_on: &'static str,
    pub certificate_training: &'static str,
    metrics: [&'static str; GOAL_METRICS.len()],
    pub preferences_title: &'static str,
    pub preferences_text: &'static str,
    pub preferences_none: &'static str,
    pub always_sent: &'static str,
    pub save: &'static str,
    pub saved: &'static str,
    pub blocked: &'static str,
    pub wishes_title: &'static str,
    pub wishes_language: &'static str,
    pub wishes_pace: &'static str,
    pub pace_any: &'static str,
    pub pace_weekly: &'static str,
    pub pace_monthly: &'static str,
    pub pause_title: &'static str,
    pub pause_text: &'static str,
    pub pause_button: &'static str,
    pub paused_text: &'static str,
    pub pause_end: &'static str,
    pub still_sent: &'static str,
    pub channel_title: &'static str,
    pub channel_text: &'static str,
    pub channel_none: &'static str,
    pub held_text: &'static str,
    pub lost_title: &'static str,
    pub lost_text: &'static str,
    pub busy_title: &'static str,
    pub busy_text: &'static str,
    pub large_title: &'static str,
    pub large_text: &'static str,
    pub method_title: &'static str,
}

impl Words {
    /// The words in the first of these languages that has some, else English.
    pub(crate) fn of(locales: &[Locale]) -> &'static Words {
        let found = locales.iter().find_map(|locale| ALL.into_iter().find(|words| words.language == locale.language()));
        found.unwrap_or(&ENGLISH)
    }

    /// The words a browser asks for, for pages about nobody.
    pub(crate) fn accepted(accept_language: Option<&str>) -> &'static Words {
        let tags =
            accept_language.unwrap_or_default().split(',').map(|part| part.split(';').next().unwrap_or_default());
        let locales: Vec<Locale> = tags.take(10).filter_map(|tag| Locale::parse(tag.trim())).collect();
        Self::of(&locales)
    }

    /// What a goal counts, in words; a metric of a newer version by its own name.
    pub(crate) fn metric<'a>(&'a self, name: &'a str) -> &'a str {
        let place = GOAL_METRICS.iter().position(|known| *known == name);
        place.and_then(|place| self.metrics.get(place).copied()).unwrap_or(name)
    }

    /// A number as people write it.
    pub(crate) fn number(&self, number: i64) -> String {
        Locale::parse(self.language)
            .map_or_else(|| number.to_string(), |locale| format::number(number as f64, 0, &locale))
    }

    /// An amount of money as people write it.
    pub(crate) fn money(&self, money: Money) -> String {
        Locale::parse(self.language).map_or_else(|| money.to_string(), |locale| format::money(money, &locale))
    }

    /// A date in words.
    pub(crate) fn date(&self, date: jiff::civil::Date) -> String {
        Locale::parse(self.language).map_or_else(|| date.to_string(), |locale| format::date(date, &locale))
    }
}

/// What a language is called by those who speak it; others by their tag.
pub(crate) fn own_name(tag: &str) -> &str {
    match tag {
        "da" => "Dansk",
        "de" => "Deutsch",
        "en" => "English",
        "es" => "Español",
        "fi" => "Suomi",
        "fr" => "Français",
        "it" => "Italiano",
        "nb" | "no" => "Norsk",
        "nl" => "Nederlands",
        "pl" => "Polski",
        "pt" => "Português",
        "sv" => "Svenska",
        other => other,
    }
}

const ALL: [&Words; 2] = [&ENGLISH, &GERMAN];

static ENGLISH: Words = Words {
    language: "en",
    imprint: "Imprint",
    to_preferences: "Choose which mails you get",
    unsubscribe_title: "Stop these mails?",
    unsubscribe_text: "We will no longer write to you about “{topic}”. Other mails from {program} stay as they are.",
    unsubscribe_button: "Unsubscribe",
    unsubscribed_title: "You are unsubscribed",
    unsubscribed_text: "We will not write to you about “{topic}” any more.",
    answer_text: "Your answer:",
    answer_button: "Send this answer",
    answer_words: "In your own words",
    answer_comment: "Would you like to say more? You do not have to.",
    answer_none: "Nothing was sent yet: please choose one of the answers.",
    answer_nothing: "Nothing was sent yet: please write something first.",
    answer_long: "Nothing was sent yet: please make it shorter, to {most} characters at most.",
    anonymous_text: "Your answer is anonymous: it is counted without your name, and we are shown nothing before five people have answered.",
    anonymous_taken: "Your answer is counted, and nothing is kept that says which one it is.",
    anonymous_again_title: "Answered already",
    anonymous_again_text: "This link has been used, and each counts once. Your answer cannot be changed, because nothing is kept that says which one it is.",
    answered_title: "Thank you",
    answered_text: "Your answer has reached us.",
    closed_title: "This question is closed",
    closed_text: "We no longer take answers to it. If you want to tell us something, just reply to the mail.",
    why_title: "Why you got this mail",
    why_because: "You got this mail because",
    why_topic: "It belongs to “{topic}”: {about}",
    why_planned: "Planned on {date}.",
    why_generally: "You get our mails because you are a partner of {program}.",
    goal_title: "A goal for the two of us?",
    goal_text: "{program} proposes this goal to you. It counts only if you agree.",
    goal_accept: "I agree",
    goal_other: "Would something else suit you better?",
    goal_until: "Until",
    goal_counter: "Propose this instead",
    goal_decline: "No goal, thank you",
    goal_terms: "{target}, from {from} to {until}",
    goal_wrong: "Nothing was sent yet: please give a number above 0, and a date from {from} to {until}.",
    goal_agreed_title: "Agreed",
    goal_agreed_text: "Thank you. This is our goal now:",
    goal_agreed_on: "Agreed on {date}.",
    goal_said_title: "Thank you, we will look at it",
    goal_said_text: "You proposed this, and you will hear from us:",
    goal_waits: "You proposed {terms}. We have not answered yet; you can still agree to our proposal or change yours.",
    goal_declined_title: "No goal, then",
    goal_declined_text: "Thank you for telling us. Nothing else changes.",
    goal_closed_title: "This proposal is closed",
    goal_closed_text: "It was answered, taken back, or replaced by a newer one. If you would like to talk about it, just reply to the mail.",
    certificate_text: "{program} gives this award to",
    certificate_on: "Given on {date}.",
    certificate_training: "Completed: {training}",
    metrics: [
        "approved conversions",
        "approved revenue",
        "approved commission",
        "conversions",
        "revenue",
        "commission",
        "new customers",
        "clicks",
        "links made",
        "published pieces",
        "creatives",
        "trainings",
    ],
    preferences_title: "Your mails",
    preferences_text: "What may we write to you about?",
    preferences_none: "There is nothing to choose here yet.",
    always_sent: "Always sent, because our agreement asks for it.",
    save: "Save",
    saved: "Saved.",
    blocked: "At the moment we do not write to your address at all, for example because a mail could not be delivered. To change that, write to {email}.",
    wishes_title: "How we write to you",
    wishes_language: "Language",
    wishes_pace: "How often",
    pace_any: "Whenever there is something to tell",
    pace_weekly: "At most one mail a week",
    pace_monthly: "At most one mail a month",
    pause_title: "Take a break",
    pause_text: "For 30 days the mails you can choose above do not come. What is out of date by then is not sent later either. You can end the break here at any time.",
    pause_button: "Pause for 30 days",
    paused_text: "You are taking a break: until {date} the mails you can choose above do not come.",
    pause_end: "End the break",
    still_sent: "Still sent, because our agreement asks for it: {topics}.",
    channel_title: "Where our mails go",
    channel_text: "We write to you by mail only, to {address}. For another address, write to {email}.",
    channel_none: "We write by mail only, and know no address of yours. If you would like to hear from us, write to {email}.",
    held_text: "At the moment all our mails to you wait, because one of us said so. To change that, write to {email}.",
    lost_title: "This link does not work",
    lost_text: "It may have been cut off or mistyped. Open it again from the mail, or reply to the mail: a person reads it and will help.",
    busy_title: "One moment, please",
    busy_text: "Nothing was changed, because we cannot reach our records just now. Please try again in a minute.",
    large_title: "That was too much",
    large_text: "What was sent to this page is larger than it can take. Nothing was changed.",
    method_title: "That is not possible here",
};

static GERMAN: Words = Words {
    language: "de",
    imprint: "Impressum",
    to_preferences: "Auswählen, welche Mails du bekommst",
    unsubscribe_title: "Diese Mails abbestellen?",
    unsubscribe_text: "Zu „{topic}“ schreiben wir dir dann nicht mehr. Andere Mails von {program} bleiben, wie sie sind.",
    unsubscribe_button: "Abbestellen",
    unsubscribed_title: "Abbestellt",
    unsubscribed_text: "Zu „{topic}“ schreiben wir dir nicht mehr.",
    answer_text: "Deine Antwort:",
    answer_button: "Antwort abschicken",
    answer_words: "In deinen Worten",
    answer_comment: "Möchtest du mehr dazu sagen? Du musst nicht.",
    answer_none: "Es wurde noch nichts gesendet: Bitte wähle eine der Antworten.",
    answer_nothing: "Es wurde noch nichts gesendet: Bitte schreib zuerst etwas.",
    answer_long: "Es wurde noch nichts gesendet: Bitte kürze es auf höchstens {most} Zeichen.",
    anonymous_text: "Deine Antwort ist anonym: Sie wird ohne deinen Namen gezählt, und wir sehen nichts, bevor fünf Menschen geantwortet haben.",
    anonymous_taken: "Deine Antwort ist gezählt, und wir heben nichts auf, was sagt, welche es ist.",
    anonymous_again_title: "Schon beantwortet",
    anonymous_again_text: "Dieser Link wurde schon benutzt, und jeder zählt einmal. Ändern lässt sich die Antwort nicht, denn wir heben nichts auf, was sagt, welche es ist.",
    answered_title: "Danke dir",
    answered_text: "Deine Antwort ist angekommen.",
    closed_title: "Diese Frage ist geschlossen",
    closed_text: "Antworten darauf nehmen wir nicht mehr an. Wenn du uns etwas sagen möchtest, antworte einfach auf die Mail.",
    why_title: "Warum du diese Mail bekommen hast",
    why_because: "Du hast diese Mail bekommen, weil",
    why_topic: "Sie gehört zu „{topic}“: {about}",
    why_planned: "Geplant am {date}.",
    why_generally: "Du bekommst unsere Mails, weil du Partner von {program} bist.",
    goal_title: "Ein gemeinsames Ziel?",
    goal_text: "{program} schlägt dir dieses Ziel vor. Es gilt nur, wenn du zustimmst.",
    goal_accept: "Ich bin dabei",
    goal_other: "Passt dir etwas anderes besser?",
    goal_until: "Bis",
    goal_counter: "Das schlage ich vor",
    goal_decline: "Kein Ziel, danke",
    goal_terms: "{target}, vom {from} bis {until}",
    goal_wrong: "Es wurde noch nichts gesendet: Bitte gib eine Zahl über 0 an und ein Datum vom {from} bis {until}.",
    goal_agreed_title: "Abgemacht",
    goal_agreed_text: "Danke dir. Das ist jetzt unser Ziel:",
    goal_agreed_on: "Vereinbart am {date}.",
    goal_said_title: "Danke, wir sehen es uns an",
    goal_said_text: "Das hast du vorgeschlagen, und du hörst von uns:",
    goal_waits: "Du hast {terms} vorgeschlagen. Wir haben noch nicht geantwortet; du kannst unserem Vorschlag noch zustimmen oder deinen ändern.",
    goal_declined_title: "Dann ohne Ziel",
    goal_declined_text: "Danke für die Antwort. Sonst ändert sich nichts.",
    goal_closed_title: "Dieser Vorschlag ist erledigt",
    goal_closed_text: "Er wurde beantwortet, zurückgenommen oder durch einen neueren ersetzt. Wenn du darüber sprechen möchtest, antworte einfach auf die Mail.",
    certificate_text: "{program} verleiht diese Auszeichnung an",
    certificate_on: "Verliehen am {date}.",
    certificate_training: "Abgeschlossen: {training}",
    metrics: [
        "bestätigte Verkäufe",
        "bestätigter Umsatz",
        "bestätigte Provision",
        "Verkäufe",
        "Umsatz",
        "Provision",
        "neue Kunden",
        "Klicks",
        "angelegte Links",
        "Veröffentlichungen",
        "Werbemittel",
        "Schulungen",
    ],
    preferences_title: "Deine Mails",
    preferences_text: "Wozu dürfen wir dir schreiben?",
    preferences_none: "Hier gibt es noch nichts auszuwählen.",
    always_sent: "Kommt immer, weil unsere Vereinbarung es verlangt.",
    save: "Speichern",
    saved: "Gespeichert.",
    blocked: "Zurzeit schreiben wir an deine Adresse gar nicht, etwa weil eine Mail nicht zugestellt werden konnte. Wenn sich das ändern soll, schreib an {email}.",
    wishes_title: "Wie wir dir schreiben",
    wishes_language: "Sprache",
    wishes_pace: "Wie oft",
    pace_any: "Wann immer es etwas zu erzählen gibt",
    pace_weekly: "Höchstens eine Mail in der Woche",
    pace_monthly: "Höchstens eine Mail im Monat",
    pause_title: "Eine Pause",
    pause_text: "30 Tage lang kommen die Mails nicht, die du oben auswählen kannst. Was bis dahin veraltet ist, kommt auch später nicht. Du kannst die Pause hier jederzeit beenden.",
    pause_button: "30 Tage Pause",
    paused_text: "Du machst Pause: Bis zum {date} kommen die Mails nicht, die du oben auswählen kannst.",
    pause_end: "Pause beenden",
    still_sent: "Weiterhin kommt, weil unsere Vereinbarung es verlangt: {topics}.",
    channel_title: "Wohin unsere Mails gehen",
    channel_text: "Wir schreiben dir nur per Mail, und zwar an {address}. Für eine andere Adresse schreib an {email}.",
    channel_none: "Wir schreiben nur per Mail und kennen keine Adresse von dir. Wenn du von uns hören möchtest, schreib an {email}.",
    held_text: "Zurzeit warten alle unsere Mails an dich, weil jemand von uns das so wollte. Wenn sich das ändern soll, schreib an {email}.",
    lost_title: "Dieser Link führt nirgendwohin",
    lost_text: "Vielleicht ist er abgeschnitten oder vertippt. Öffne ihn noch einmal aus der Mail, oder antworte auf die Mail: Ein Mensch liest das und hilft weiter.",
    busy_title: "Einen Moment bitte",
    busy_text: "Es wurde nichts geändert, denn unsere Daten sind gerade nicht erreichbar. Bitte versuch es in einer Minute noch einmal.",
    large_title: "Das war zu viel",
    large_text: "Was an diese Seite geschickt wurde, ist größer, als sie annehmen kann. Es wurde nichts geändert.",
    method_title: "Das geht hier nicht",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_write_wins() {
        assert_eq!(Words::accepted(Some("fr-FR, de-AT;q=0.8, en;q=0.5")).language, "de");
        assert_eq!(Words::accepted(Some("fr, *;q=0.1")).language, "en");
        assert_eq!(Words::accepted(None).language, "en");
    }

    #[test]
    fn dates_are_words() {
        let date = jiff::civil::date(2026, 11, 21);
        assert_eq!(ENGLISH.date(date), "21 November 2026");
        assert_eq!(GERMAN.date(date), "21. November 2026");
    }
}
