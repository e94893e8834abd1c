//! When something last happened.

use jiff::Timestamp;

macro_rules! moments {
    ($($variant:ident = $number:literal $name:literal $about:literal)*) => {
        /// Something of which the last (or first) time is remembered. The number is part of the stored encoding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Moment {
            $(#[doc = $about] $variant = $number,)*
        }

        impl Moment {
            /// All moments, by number.
            pub const ALL: &'static [Moment] = &[$(Moment::$variant,)*];

            /// The name after `days_since_`.
            pub fn name(self) -> &'static str {
                match self { $(Moment::$variant => $name,)* }
            }

            /// The figure's whole name, `days_since_…`.
            pub fn figure_name(self) -> &'static str {
                match self { $(Moment::$variant => concat!("days_since_", $name),)* }
            }

            /// One sentence for people.
            pub fn about(self) -> &'static str {
                match self { $(Moment::$variant => $about,)* }
            }

            /// The moment with this name.
            pub fn parse(name: &str) -> Option<Moment> {
                match name { $($name => Some(Moment::$variant),)* _ => None }
            }

            /// The moment with this number.
            pub fn from_number(number: u8) -> Option<Moment> {
                match number { $($number => Some(Moment::$variant),)* _ => None }
            }
        }
    };
}

moments! {
    Conversion = 0 "conversion" "The last sale that was not taken back."
    FirstConversion = 1 "first_conversion" "The first sale that was not taken back."
    Click = 2 "click" "The last click on one of the partner's links."
    Login = 3 "login" "The last login."
    Mail = 4 "mail" "The last mail of rapport's that was sent."
    Content = 5 "content" "The last content published."
    Link = 6 "link" "The last link made."
    Reply = 7 "reply" "The last mail received from the partner, automatic ones left out."
    Training = 8 "training" "The last training completed."
    Answer = 9 "answer" "The last survey answered."
    Resource = 10 "resource" "The last use of a resource."
    Creative = 11 "creative" "The last creative submitted."
    Payout = 12 "payout" "The last payout made."
    Approved = 13 "approved" "The approval of the partner."
    Joined = 14 "joined" "The application of the partner."
    Activity = 15 "activity" "The last thing the partner did, sales included."
    Award = 16 "award" "The last award given to the partner."
}

const COUNT: usize = Moment::ALL.len();

/// The latest instant of each moment. Sales, approval and application are not among them: the days of sales are read from the
/// buckets, since a sale can be taken back, and the others are fields of the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moments([Option<Timestamp>; COUNT]);

impl Default for Moments {
    fn default() -> Self {
        Moments([None; COUNT])
    }
}

impl Moments {
    /// The latest instant.
    pub fn get(&self, moment: Moment) -> Option<Timestamp> {
        self.0.get(moment as usize).copied().flatten()
    }

    /// Something happened at an instant; the latest stays.
    pub fn touch(&mut self, moment: Moment, at: Timestamp) {
        if let Some(latest) = self.0.get_mut(moment as usize) {
            *latest = (*latest).max(Some(at));
        }
    }

    /// All known instants.
    pub fn iter(&self) -> impl Iterator<Item = (Moment, Timestamp)> {
        Moment::ALL.iter().filter_map(|moment| Some((*moment, self.get(*moment)?)))
    }
}
