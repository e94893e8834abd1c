//! One sum in relation to another: rates, averages, growth. The same formulas serve a partner and a whole programme.

use rapport_rule::money::{Currency, Money};

use crate::figure::{FigureValue, Unit};
use crate::measure::Measure;

macro_rules! ratios {
    ($($variant:ident $name:literal $unit:ident $part:expr, $of:expr, $formula:literal, $about:literal)*) => {
        /// One sum in relation to another over the same window.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Ratio {
            $(#[doc = $about] $variant,)*
        }

        impl Ratio {
            /// All, in the order of the documentation.
            pub const ALL: &'static [Ratio] = &[$(Ratio::$variant,)*];

            /// Its name before the window.
            pub fn name(self) -> &'static str {
                match self { $(Ratio::$variant => $name,)* }
            }

            /// What it is counted in.
            pub fn unit(self) -> Unit {
                match self { $(Ratio::$variant => Unit::$unit,)* }
            }

            /// The formula, in names of figures.
            pub fn formula(self) -> &'static str {
                match self { $(Ratio::$variant => $formula,)* }
            }

            /// One sentence for people.
            pub fn about(self) -> &'static str {
                match self { $(Ratio::$variant => $about,)* }
            }

            fn sums(self) -> (&'static [Measure], &'static [Measure]) {
                match self { $(Ratio::$variant => (&$part, &$of),)* }
            }
        }
    };
}

ratios! {
    ApprovalRate "approval_rate" Percent
        [Measure::ApprovedConversions], [Measure::ApprovedConversions, Measure::ReversedConversions],
        "100 · approved_conversions / (approved_conversions + reversed_conversions)",
        "Of the conversions decided, those approved."
    ReversalRate "reversal_rate" Percent
        [Measure::ReversedConversions], [Measure::Conversions, Measure::ReversedConversions],
        "100 · reversed_conversions / (conversions + reversed_conversions)",
        "Of all conversions, those taken back."
    ConversionRate "conversion_rate" Percent
        [Measure::Conversions], [Measure::Clicks],
        "100 · conversions / clicks",
        "Conversions for each hundred clicks; above 100 where clicks are not all reported."
    ReplyRate "reply_rate" Percent
        [Measure::Replies, Measure::Answers], [Measure::Mails],
        "100 · (replies + answers) / mails",
        "Replies and survey answers for each hundred mails sent."
    CommissionShare "commission_share" Percent
        [Measure::Commission], [Measure::Revenue],
        "100 · commission / revenue",
        "What of the order value goes to the partner."
    AverageCommission "average_commission" Money
        [Measure::Commission], [Measure::Conversions],
        "commission / conversions",
        "What the partner earns by one conversion."
    ComplaintRate "complaint_rate" Percent
        [Measure::Complaints], [Measure::Mails],
        "100 · complaints / mails",
        "Complaints for each hundred mails sent."
    OptOutsPerMail "opt_outs_per_mail" Percent
        [Measure::OptOuts], [Measure::Mails],
        "100 · opt_outs / mails",
        "Opt-outs for each hundred mails sent."
    AnswerHours "answer_hours" Number
        [Measure::AnswerMinutes], [Measure::MailsAnswered],
        "hours from a mail of the partner's to what was sent to them next, on average",
        "How long the partner waits for an answer."
    ResolutionHours "resolution_hours" Number
        [Measure::TaskMinutes], [Measure::TasksDone],
        "hours from opening a task about the partner to finishing it, on average",
        "How long it takes to resolve what somebody has to look into."
    ViewClickRate "view_click_rate" Percent
        [Measure::Clicks], [Measure::Views],
        "100 · clicks / views",
        "Clicks for each hundred views: whether being seen leads to anything."
    ViewConversionRate "view_conversion_rate" Percent
        [Measure::Conversions], [Measure::Views],
        "100 · conversions / views",
        "Conversions for each hundred views."
    LikeRate "like_rate" Percent
        [Measure::Likes], [Measure::Views],
        "100 · likes / views",
        "Likes for each hundred views."
    EarningsPerClick "earnings_per_click" Money
        [Measure::Commission], [Measure::Clicks],
        "commission / clicks",
        "What the partner earns by one click."
}

impl Ratio {
    /// The value from sums of one window; missing when a sum is, and when there is nothing to divide by.
    pub fn of(self, sum: impl Fn(Measure) -> Option<i64>, currency: Currency) -> Option<FigureValue> {
        let (part, of) = self.sums();
        let all = |measures: &[Measure]| {
            measures.iter().try_fold(0_i64, |all, measure| Some(all.saturating_add(sum(*measure)?)))
        };
        let (part, of) = (all(part)?, all(of).filter(|of| *of > 0)?);
        Some(match self.unit() {
            Unit::Money => FigureValue::Money(Money { minor: divided(part, of), currency }),
            // Kept in whole minutes, told in hours.
            Unit::Number => FigureValue::Number(part as f64 / of as f64 / 60.0),
            _ => FigureValue::Percent(100.0 * part as f64 / of as f64),
        })
    }
}

/// Half up, in whole minor units.
pub(crate) fn divided(part: i64, of: i64) -> i64 {
    part.saturating_add(of / 2).div_euclid(of.max(1))
}

/// The change in percent; nothing to compare with is no growth.
pub(crate) fn growth(now: i64, before: i64) -> Option<f64> {
    (before > 0).then(|| 100.0 * (now as f64 / before as f64 - 1.0))
}
