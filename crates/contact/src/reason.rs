//! Why a mail did not leave: closed enums with stable codes, the same in SQL, logs, metrics and docs.

use serde::{Deserialize, Serialize};

/// Why a mail waits. It is looked at again at the deferral's `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeferReason {
    /// The partner asked for a pause.
    Paused,
    /// Complaints or bounces stopped the workflow's marketing mail to this provider's mailboxes, or a person did.
    Breaker,
    /// Another workflow holds this one's mails (`holds`).
    HeldBy,
    /// As many mails as the weekly cap allows were accepted in the last 7 local days.
    CapWeek,
    /// As many mails as the daily cap allows were accepted this local day.
    CapDay,
    /// The partner asked for one mail in a week or a month at most, and this one's place is taken.
    CapOwn,
    /// It is night for the partner.
    QuietHours,
    /// It is a weekend day for the partner, and weekends are held.
    Weekend,
    /// It is a public holiday where the partner lives.
    Holiday,
    /// As many mails as leave at a time to the mailboxes of this provider are on their way.
    Pace,
    /// As many mails as the warm-up of the sender's domain allows left this day.
    WarmUp,
    /// No usable address is known yet.
    NoAddress,
}

impl DeferReason {
    /// Every reason, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Paused,
        Self::Breaker,
        Self::HeldBy,
        Self::CapWeek,
        Self::CapDay,
        Self::CapOwn,
        Self::QuietHours,
        Self::Weekend,
        Self::Holiday,
        Self::Pace,
        Self::WarmUp,
        Self::NoAddress,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Breaker => "breaker",
            Self::HeldBy => "held_by",
            Self::CapWeek => "cap_week",
            Self::CapDay => "cap_day",
            Self::CapOwn => "cap_own",
            Self::QuietHours => "quiet_hours",
            Self::Weekend => "weekend",
            Self::Holiday => "holiday",
            Self::Pace => "pace",
            Self::WarmUp => "warm_up",
            Self::NoAddress => "no_address",
        }
    }

    /// One sentence for people, without a full stop.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Paused => "the partner asked for a pause",
            Self::Breaker => "this workflow's mail to this mailbox provider is stopped until a person says otherwise",
            Self::HeldBy => "another workflow holds this workflow's mails",
            Self::CapWeek => "the weekly cap is used up",
            Self::CapDay => "the daily cap is used up",
            Self::CapOwn => "the partner asked for fewer mails, and had the one of this week or month",
            Self::QuietHours => "it is night for the partner",
            Self::Weekend => "it is the weekend for the partner",
            Self::Holiday => "it is a public holiday for the partner",
            Self::Pace => "mail to this mailbox provider leaves at its pace, and others were before it",
            Self::WarmUp => "the sender's domain is being warmed up, and the day's mails have left",
            Self::NoAddress => "no usable address is known yet",
        }
    }

    /// The reason with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// Why a mail will never leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressReason {
    /// The person was erased.
    Erased,
    /// The address bounced for good.
    HardBounce,
    /// The person reported an earlier mail as spam.
    Complaint,
    /// An operator stopped mail to this address.
    Manual,
    /// The person unsubscribed, from everything or from this topic.
    Unsubscribe,
    /// Marketing without consent and without a declared contract for this topic and country.
    NoBasis,
    /// An allow-list is set (staging) and the address is not on it.
    NotAllowed,
    /// The same mail went to the same address lately, for another partner.
    SameAddress,
    /// The mail expired, or could not have left before it expires.
    Expired,
    /// The mail expired before a usable address was known.
    NoAddress,
    /// A cap is used up, and the workflow wants its mail dropped then (`over_the_cap: drop`).
    OverTheCap,
    /// A digest told of the mail (`over_the_cap: digest`).
    InDigest,
}

impl SuppressReason {
    /// Every reason, in the order in which they win over each other; the last two win over none.
    pub const ALL: [Self; 12] = [
        Self::Erased,
        Self::HardBounce,
        Self::Complaint,
        Self::Manual,
        Self::Unsubscribe,
        Self::NoBasis,
        Self::NotAllowed,
        Self::SameAddress,
        Self::Expired,
        Self::NoAddress,
        Self::OverTheCap,
        Self::InDigest,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
            Self::Manual => "manual",
            Self::Unsubscribe => "unsubscribe",
            Self::NoBasis => "no_basis",
            Self::NotAllowed => "not_allowed",
            Self::SameAddress => "same_address",
            Self::Expired => "expired",
            Self::NoAddress => "no_address",
            Self::OverTheCap => "over_the_cap",
            Self::InDigest => "in_digest",
        }
    }

    /// One sentence for people, without a full stop.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Erased => "the person was erased",
            Self::HardBounce => "the address bounced for good",
            Self::Complaint => "the person reported an earlier mail as spam",
            Self::Manual => "an operator stopped mail to this address",
            Self::Unsubscribe => "the person unsubscribed",
            Self::NoBasis => "there is neither consent nor a declared contract for this topic and country",
            Self::NotAllowed => "the address is not on the allow-list",
            Self::SameAddress => "the same mail went to this address for another partner",
            Self::Expired => "the mail could not leave before it expires",
            Self::NoAddress => "no usable address became known before the mail expired",
            Self::OverTheCap => "the cap was used up, and the workflow drops its mail then",
            Self::InDigest => "a digest told of it",
        }
    }

    /// The reason with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_the_json_form_and_parse_agree() {
        for reason in DeferReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
            assert_eq!(DeferReason::parse(reason.code()), Some(reason));
            assert!(!reason.about().is_empty());
        }
        for reason in SuppressReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
            assert_eq!(SuppressReason::parse(reason.code()), Some(reason));
            assert!(!reason.about().is_empty());
        }
        assert_eq!(DeferReason::parse("hard_bounce"), None);
    }
}
