//! What is counted per day and in total.

use serde::{Deserialize, Serialize};

macro_rules! measures {
    ($($variant:ident = $number:literal $name:literal $money:literal $about:literal)*) => {
        /// Something counted per day. The number is part of the stored encoding and never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Measure {
            $(#[doc = $about] $variant = $number,)*
        }

        impl Measure {
            /// All measures, by number.
            pub const ALL: &'static [Measure] = &[$(Measure::$variant,)*];

            /// The name in figures, prefix included; empty for what figures cannot name.
            pub fn name(self) -> &'static str {
                match self { $(Measure::$variant => $name,)* }
            }

            /// Whether it is money, in minor units of the programme's currency.
            pub fn is_money(self) -> bool {
                match self { $(Measure::$variant => $money,)* }
            }

            /// One sentence for people.
            pub fn about(self) -> &'static str {
                match self { $(Measure::$variant => $about,)* }
            }

            /// The measure with this number.
            pub fn from_number(number: u8) -> Option<Measure> {
                match number { $($number => Some(Measure::$variant),)* _ => None }
            }
        }
    };
}

measures! {
    Conversions = 0 "conversions" false "Conversions recorded and not reversed, by the day of the sale."
    Revenue = 1 "revenue" true "Their order value."
    Commission = 2 "commission" true "What the partner earns by them."
    ApprovedConversions = 3 "approved_conversions" false "Conversions approved or paid."
    ApprovedRevenue = 4 "approved_revenue" true "Their order value."
    ApprovedCommission = 5 "approved_commission" true "What the partner earns by them."
    ReversedConversions = 6 "reversed_conversions" false "Conversions taken back, by the day of the sale."
    ReversedRevenue = 7 "reversed_revenue" true "Their order value."
    ReversedCommission = 8 "reversed_commission" true "What the partner would have earned by them."
    NewCustomers = 9 "new_customers" false "Conversions of customers who bought for the first time."
    KnownCustomers = 10 "" false "Conversions of which it is known whether the customer was new."
    Unpriced = 11 "" false "Conversions in another currency than the programme's, whose value is not known."
    Clicks = 12 "clicks" false "Clicks on the partner's links."
    LinksCreated = 13 "links_created" false "Links made."
    Logins = 14 "logins" false "Logins."
    Content = 15 "content" false "Pieces of content published."
    Mails = 16 "mails" false "Mails of rapport's that were sent."
    Replies = 17 "replies" false "Mails received from the partner, automatic ones left out."
    Trainings = 18 "trainings" false "Trainings completed."
    Answers = 19 "answers" false "Surveys answered."
    Resources = 20 "resources" false "Uses of resources."
    Creatives = 21 "creatives" false "Creatives submitted."
    Payouts = 22 "payouts" false "Payouts made."
    Offers = 23 "offers" false "Offers reserved for the partner."
    OptOuts = 24 "opt_outs" false "Times the partner opted out of a topic or of everything."
    Complaints = 25 "complaints" false "Mails of rapport's that were reported as unwanted."
    Views = 26 "views" false "Views of the partner's content, as reported; they never raise health."
    Likes = 27 "likes" false "Likes of the partner's content, as reported; they never raise health."
    MailsAnswered = 28 "mails_answered" false "Mails from the partner after which something was sent to them."
    AnswerMinutes = 29 "" false "Minutes from a partner's mail to what was sent next, summed up."
    TasksDone = 30 "tasks_done" false "Tasks about the partner that a person finished."
    TaskMinutes = 31 "" false "Minutes from opening a task to finishing it, summed up."
    Engagement = 32 "engagement" false "Things the partner did besides selling: logins, links, content, creatives, trainings, surveys, resources, replies."
    Awards = 33 "awards" false "Awards given to the partner."
}

/// How many measures there are.
pub const MEASURES: usize = Measure::ALL.len();

/// Sums since the first event. Saturating: a partner whose sums leave 64 bits stays at the end of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals([i64; MEASURES]);

impl Default for Totals {
    fn default() -> Self {
        Totals([0; MEASURES])
    }
}

impl Totals {
    /// The sum of a measure.
    pub fn get(&self, measure: Measure) -> i64 {
        self.0.get(measure as usize).copied().unwrap_or(0)
    }

    /// Adds to the sum of a measure.
    pub fn add(&mut self, measure: Measure, amount: i64) {
        if let Some(sum) = self.0.get_mut(measure as usize) {
            *sum = sum.saturating_add(amount);
        }
    }

    /// The sums that are not zero.
    pub fn iter(&self) -> impl Iterator<Item = (Measure, i64)> {
        Measure::ALL.iter().map(|measure| (*measure, self.get(*measure))).filter(|(_, sum)| *sum != 0)
    }
}

impl Serialize for Totals {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(measure, sum)| (measure as u8, sum)))
    }
}

impl<'de> Deserialize<'de> for Totals {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut totals = Totals::default();
        for (number, sum) in Vec::<(u8, i64)>::deserialize(deserializer)? {
            if let Some(measure) = Measure::from_number(number) {
                totals.add(measure, sum);
            }
        }
        Ok(totals)
    }
}
