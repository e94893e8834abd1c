//! `retention:` of `config/rapport.yaml`: how long rows are kept that no decision asks for any more, by class of data.

use rapport_rule::yaml::{Fields, Node};
use rapport_rule::{Findings, Length};

/// Rows whose keep a programme may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataClass {
    /// What each conversion last was.
    Conversions,
    /// Mails that count for caps and for the rates of bounces.
    CountedMails,
    /// What could not be read, with its bytes.
    DeadLetters,
    /// Bounces, complaints, replies, answers and opt-outs by mail.
    Feedback,
    /// Each partner's reviews of health.
    HealthReviews,
    /// Marketing mails that are over, with what they said and where they went.
    Mails,
    /// Why journeys that are over were let in and what happened in them, and why partners were last refused.
    Explanations,
}

/// A late event is refused before the conversion it would change is forgotten.
const CONVERSION_SLACK_DAYS: u32 = 30;
/// Reviews, reports and backtests look back on 400 days, the first of which begins up to a day before that.
const LOOKED_BACK_DAYS: u32 = 401;

impl DataClass {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Conversions,
        Self::CountedMails,
        Self::DeadLetters,
        Self::Feedback,
        Self::HealthReviews,
        Self::Mails,
        Self::Explanations,
    ];

    /// The name in files, logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Conversions => "conversions",
            Self::CountedMails => "counted_mails",
            Self::DeadLetters => "dead_letters",
            Self::Feedback => "feedback",
            Self::HealthReviews => "health_reviews",
            Self::Mails => "mails",
            Self::Explanations => "explanations",
        }
    }

    /// The shortest keep that files may name, in days.
    #[must_use]
    pub const fn least_days(self, history_days: u32) -> u32 {
        self.least(history_days).0
    }

    const fn usual(self, history_days: u32) -> u32 {
        match self {
            Self::Conversions => history_days + CONVERSION_SLACK_DAYS,
            Self::CountedMails => 60,
            Self::DeadLetters => 30,
            Self::Feedback | Self::HealthReviews | Self::Explanations => history_days,
            Self::Mails => longer(LOOKED_BACK_DAYS, history_days + CONVERSION_SLACK_DAYS),
        }
    }

    /// The shortest keep that changes no decision, and what needs it.
    const fn least(self, history_days: u32) -> (u32, &'static str) {
        match self {
            Self::Conversions => (
                history_days + CONVERSION_SLACK_DAYS,
                "The history and 30 days: a late reversal must find what it takes back.",
            ),
            Self::CountedMails => (40, "The pace a partner chose looks back a month, some shards lag behind."),
            Self::DeadLetters => (7, "What was refused is known by them when it is read again."),
            Self::Feedback => (28, "Soft bounces are counted over two weeks."),
            Self::HealthReviews => (90, "A quarter is compared with the one before."),
            Self::Mails => (
                longer(LOOKED_BACK_DAYS, history_days),
                "The history, and 401 days: reports, reviews of partners and backtests look at mails of that time.",
            ),
            Self::Explanations => (28, "Whoever asks why a mail came asks within weeks."),
        }
    }
}

const fn longer(one: u32, other: u32) -> u32 {
    if one > other { one } else { other }
}

/// How long each class is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention([u32; DataClass::ALL.len()]);

impl Retention {
    /// What holds where nothing is written.
    #[must_use]
    pub fn usual(history_days: u32) -> Self {
        Self(DataClass::ALL.map(|class| class.usual(history_days)))
    }

    /// Whole days.
    #[must_use]
    pub fn days(&self, class: DataClass) -> u32 {
        let Self([conversions, counted_mails, dead_letters, feedback, health_reviews, mails, explanations]) = *self;
        match class {
            DataClass::Conversions => conversions,
            DataClass::CountedMails => counted_mails,
            DataClass::DeadLetters => dead_letters,
            DataClass::Feedback => feedback,
            DataClass::HealthReviews => health_reviews,
            DataClass::Mails => mails,
            DataClass::Explanations => explanations,
        }
    }
}

pub(super) fn read(node: &Node, history_days: u32, path: &str, findings: &mut Findings) -> Option<Retention> {
    let fields = Fields::of(node, path, findings)?;
    let mut retention = Retention::usual(history_days);
    for (class, kept) in DataClass::ALL.into_iter().zip(&mut retention.0) {
        let Some(value) = fields.take(class.code()) else { continue };
        let Some(length) = value.length(path, findings) else { continue };
        let Some(days) = whole_days(length) else {
            findings
                .error("R0471", path, value.span, "how long rows are kept is counted in whole days")
                .label("write days, weeks, months or years, like `90 days`");
            continue;
        };
        let (least, why) = class.least(history_days);
        if days < least {
            let what = format!("`{}` would be missing where they are asked for", class.code());
            findings.error("R0470", path, value.span, what).label(format!("at least `{least} days`")).hint(why);
        } else {
            *kept = days;
        }
    }
    fields.finish(&[], findings);
    Some(retention)
}

/// A month is as long as the longest, and so is a year: nothing goes sooner than was said.
fn whole_days(length: Length) -> Option<u32> {
    let days = match length {
        Length::Days(days) => days,
        Length::Weeks(weeks) => weeks.checked_mul(7)?,
        Length::Months(months) => months.checked_mul(31)?,
        Length::Years(years) => years.checked_mul(366)?,
        Length::Minutes(_) | Length::Hours(_) | Length::Weekdays(_) => return None,
    };
    u32::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_never_too_short() {
        for history in [90, 400] {
            let usual = Retention::usual(history);
            for class in DataClass::ALL {
                assert!(usual.days(class) >= class.least(history).0, "{} of {history}", class.code());
            }
        }
        assert_eq!(DataClass::ALL.map(|class| Retention::usual(400).days(class)), [430, 60, 30, 400, 400, 430, 400]);
        assert_eq!(Retention::usual(90).days(DataClass::Mails), 401, "a review looks back further");
    }

    #[test]
    fn nothing_goes_sooner_than_was_said() {
        let lengths = [Length::Days(9), Length::Weeks(2), Length::Months(3), Length::Years(1)];
        assert_eq!(lengths.map(whole_days), [Some(9), Some(14), Some(93), Some(366)]);
        assert_eq!([Length::Hours(48), Length::Weekdays(9), Length::Minutes(1)].map(whole_days), [None; 3]);
    }
}
