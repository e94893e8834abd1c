//! How a review says values, days and periods, in English and German: written in each, not translated.

use jiff::civil::Date;
use rapport_engine::review::{Amount, Change, Known, Length, Missing, Period};
use rapport_message::{Locale, format};

use crate::words::Words;

/// A language.
pub(super) struct Tongue {
    locale: Locale,
    german: bool,
}

const MONTHS: [(&str, &str); 12] = [
    ("Jan", "Jan."),
    ("Feb", "Feb."),
    ("Mar", "März"),
    ("Apr", "Apr."),
    ("May", "Mai"),
    ("Jun", "Juni"),
    ("Jul", "Juli"),
    ("Aug", "Aug."),
    ("Sep", "Sept."),
    ("Oct", "Okt."),
    ("Nov", "Nov."),
    ("Dec", "Dez."),
];

/// What figures and goals count.
const FIGURES: [(&str, &str, &str); 20] = [
    ("conversions", "Sales", "Verkäufe"),
    ("revenue", "Revenue", "Umsatz"),
    ("commission", "Your commission", "Deine Provision"),
    ("average_order", "Revenue per sale", "Umsatz je Verkauf"),
    ("approved_conversions", "Approved sales", "Bestätigte Verkäufe"),
    ("approved_revenue", "Approved revenue", "Bestätigter Umsatz"),
    ("approved_commission", "Approved commission", "Bestätigte Provision"),
    ("reversed_conversions", "Sales taken back", "Zurückgenommene Verkäufe"),
    ("approval_rate", "Approved, of those decided", "Bestätigt, von den entschiedenen"),
    ("active_days", "Days with a sale", "Tage mit einem Verkauf"),
    ("new_customers", "New customers", "Neue Kunden"),
    ("new_customer_share", "Share of new customers", "Anteil neuer Kunden"),
    ("clicks", "Clicks", "Klicks"),
    ("conversion_rate", "Sales per 100 clicks", "Verkäufe je 100 Klicks"),
    ("earnings_per_click", "Commission per click", "Provision je Klick"),
    ("content", "Pieces of content", "Veröffentlichungen"),
    ("trainings", "Trainings completed", "Abgeschlossene Schulungen"),
    ("links_created", "Links made", "Angelegte Links"),
    ("creatives", "Creatives", "Werbemittel"),
    ("offers", "Offers", "Angebote"),
];

/// What health is made of.
const INPUTS: [(&str, &str, &str); 14] = [
    ("survey_score", "what you answered", "deine Antworten"),
    ("complaints", "complaints about mail", "Beschwerden über Mails"),
    ("conversions_trend", "sales against usual", "Verkäufe, verglichen mit sonst"),
    ("revenue_trend", "revenue against usual", "Umsatz, verglichen mit sonst"),
    ("recency", "time since the last sale", "Zeit seit dem letzten Verkauf"),
    ("conversion_chance", "outlook for the next month", "Aussicht auf den nächsten Monat"),
    ("approval_rate", "sales that are approved", "bestätigte Verkäufe"),
    ("payouts_overdue", "payouts on time", "pünktliche Auszahlungen"),
    ("answer_time", "how fast we answer", "wie schnell wir antworten"),
    ("activity", "time since you were last active", "Zeit seit deiner letzten Aktivität"),
    ("clicks_trend", "clicks against usual", "Klicks, verglichen mit sonst"),
    ("replies", "replies to our mails", "Antworten auf unsere Mails"),
    ("training", "time since the last training", "Zeit seit der letzten Schulung"),
    ("goal_pace", "pace of the goal", "Tempo beim Ziel"),
];

impl Tongue {
    /// That of these words.
    pub(super) fn of(words: &Words) -> Tongue {
        let locale = Locale::parse(words.language).unwrap_or_else(Locale::english);
        Tongue { german: words.language == "de", locale }
    }

    /// For sentences whose order differs.
    pub(super) fn is_german(&self) -> bool {
        self.german
    }

    /// One of the two.
    pub(super) fn say(&self, english: &'static str, german: &'static str) -> &'static str {
        if self.german { german } else { english }
    }

    fn named<'a>(&self, table: &[(&str, &'static str, &'static str)], id: &'a str) -> &'a str {
        let known = table.iter().find(|(known, _, _)| *known == id);
        known.map_or(id, |&(_, english, german)| self.say(english, german))
    }

    /// What a figure is called; one of a newer version by its own name.
    pub(super) fn figure<'a>(&self, id: &'a str) -> &'a str {
        self.named(&FIGURES, id)
    }

    /// What an input of a health model is called, likewise.
    pub(super) fn input<'a>(&self, id: &'a str) -> &'a str {
        self.named(&INPUTS, id)
    }

    /// A whole number.
    pub(super) fn count(&self, count: i64) -> String {
        format::number(count as f64, 0, &self.locale)
    }

    /// A number with at most one decimal.
    pub(super) fn number(&self, number: f64) -> String {
        format::number(number, 1, &self.locale)
    }

    /// A share.
    pub(super) fn percent(&self, percent: f64) -> String {
        format!("{}{}%", self.number(percent), self.say("", "\u{a0}"))
    }

    /// A value with its unit.
    pub(super) fn amount(&self, amount: Amount) -> String {
        match amount {
            Amount::Count(count) => self.count(count),
            Amount::Money(money) => format::money(money, &self.locale),
            Amount::Number(number) => self.number(number),
            Amount::Percent(percent) => self.percent(percent),
        }
    }

    /// A value, or why there is none.
    pub(super) fn known(&self, known: Known) -> String {
        match known {
            Known::Value(amount) => self.amount(amount),
            Known::Missing(missing) => self.missing(missing).to_owned(),
        }
    }

    fn missing(&self, missing: Missing) -> &'static str {
        match missing {
            Missing::NotBegun => self.say("not begun yet", "noch nicht begonnen"),
            Missing::NotKept => self.say("no longer kept", "nicht mehr aufgehoben"),
            Missing::NotThere => self.say("not with us yet", "noch nicht dabei"),
            Missing::NotRecorded => {
                self.say("not known: before our records", "nicht bekannt: vor unseren Aufzeichnungen")
            }
            Missing::NeverTold => self.say("not known: never reported", "nicht bekannt: nie gemeldet"),
            Missing::NoRate => {
                self.say("not known: a sale has no exchange rate", "nicht bekannt: einem Verkauf fehlt der Wechselkurs")
            }
            Missing::OfNothing => {
                self.say("none, as there was nothing to count", "keine Angabe, weil nichts zu zählen war")
            }
        }
    }

    /// A change against the period before.
    pub(super) fn change(&self, change: Change) -> String {
        match change {
            Change::Percent(percent) => format::change(percent, &self.locale),
            Change::Points(points) => {
                let sign = if points >= 0.05 { "+" } else { "" };
                format!("{sign}{} {}", self.number(points), self.say("points", "Prozentpunkte"))
            }
        }
    }

    /// A day.
    pub(super) fn date(&self, date: Date) -> String {
        format::date(date, &self.locale)
    }

    /// A period.
    pub(super) fn period(&self, period: Period) -> String {
        let first = period.first();
        match period.length() {
            Length::Quarter => format!("Q{} {}", (first.month() + 2) / 3, first.year()),
            Length::Month => {
                let place = usize::from(first.month().unsigned_abs()).saturating_sub(1);
                let month = MONTHS.get(place).map_or("", |&(english, german)| self.say(english, german));
                format!("{month} {}", first.year())
            }
        }
    }

    /// So many of something.
    pub(super) fn many(&self, count: usize, one: &str, others: &str) -> String {
        let number = i64::try_from(count).unwrap_or(i64::MAX);
        format!("{} {}", self.count(number), if count == 1 { one } else { others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rapport_engine::review::FIGURES as SHOWN;

    #[test]
    fn every_figure_of_a_review_has_a_name_in_both_languages() {
        for tag in ["en", "de"] {
            let tongue = Tongue::of(Words::of(&[Locale::parse(tag).unwrap()]));
            for (name, _) in SHOWN {
                assert_ne!(tongue.figure(name), name, "{tag}");
            }
            for name in rapport_workflow::config::GOAL_METRICS {
                assert_ne!(tongue.figure(name), name, "{tag}");
            }
        }
    }

    #[test]
    fn values_are_written_as_the_language_has_them() {
        let (english, german) = ("en", "de");
        let of = |tag: &str| Tongue::of(Words::of(&[Locale::parse(tag).unwrap()]));
        assert_eq!(of(english).percent(12.34), "12.3%");
        assert_eq!(of(german).percent(12.34), "12,3\u{a0}%");
        assert_eq!(of(english).change(Change::Points(-1.25)), "\u{2212}1.2 points");
        assert_eq!(of(german).change(Change::Percent(12.0)), "+12\u{a0}%");
        assert_eq!(of(german).period(Period::parse("2026-03").unwrap()), "März 2026");
        assert_eq!(of(english).period(Period::parse("2026-Q4").unwrap()), "Q4 2026");
    }
}
