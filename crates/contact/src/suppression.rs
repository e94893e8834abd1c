//! Who must not be written to, and about what.

use serde::{Deserialize, Serialize};

use crate::decision::Kind;
use crate::reason::SuppressReason;

/// One entry of the suppression list of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// What it covers.
    pub scope: SuppressionScope,
    /// What led to it.
    pub cause: SuppressionCause,
}

/// What a suppression covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionScope {
    /// Every topic.
    All,
    /// One topic, by its id in the configuration.
    Topic(String),
}

/// What led to a suppression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionCause {
    /// The person was erased; only the hash of the address is left.
    Erased,
    /// The address does not exist (5xx of the mailbox kind, never of the policy kind).
    HardBounce,
    /// A spam report.
    Complaint,
    /// An operator's command.
    Manual,
    /// The person's own choice.
    Unsubscribe,
}

impl SuppressionCause {
    /// Every cause, strongest first.
    pub const ALL: [Self; 5] = [Self::Erased, Self::HardBounce, Self::Complaint, Self::Manual, Self::Unsubscribe];

    /// The stable code; equal to the code of the [`SuppressReason`] it leads to.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.reason().code()
    }

    /// The cause with this code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.code() == code)
    }

    /// The reason shown on a mail this cause stopped.
    #[must_use]
    pub const fn reason(self) -> SuppressReason {
        match self {
            Self::Erased => SuppressReason::Erased,
            Self::HardBounce => SuppressReason::HardBounce,
            Self::Complaint => SuppressReason::Complaint,
            Self::Manual => SuppressReason::Manual,
            Self::Unsubscribe => SuppressReason::Unsubscribe,
        }
    }

    /// Erasure and a dead mailbox concern the address itself, so they hold for every topic and for service mail. A person's stop
    /// (`manual`, scope all) is obeyed for service too: who set it meant it. Unsubscribing and complaining end marketing; a payout
    /// notice is still owed.
    fn stops(self, scope: &SuppressionScope, kind: Kind, topic: &str) -> bool {
        let covers = match scope {
            SuppressionScope::All => true,
            SuppressionScope::Topic(suppressed) => suppressed == topic,
        };
        match (self, kind) {
            (Self::Erased | Self::HardBounce, _) => true,
            (Self::Manual, Kind::Service) => *scope == SuppressionScope::All,
            (Self::Complaint | Self::Unsubscribe, Kind::Service) => false,
            (Self::Complaint | Self::Manual | Self::Unsubscribe, Kind::Marketing) => covers,
        }
    }
}

/// The strongest reason among `suppressions` that stops a mail of this kind and topic.
pub(crate) fn stopped_by(suppressions: &[Suppression], kind: Kind, topic: &str) -> Option<SuppressReason> {
    suppressions
        .iter()
        .filter(|suppression| suppression.cause.stops(&suppression.scope, kind, topic))
        .map(|suppression| suppression.cause)
        .min()
        .map(SuppressionCause::reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_by_kind_by_cause() {
        use Kind::{Marketing, Service};
        let all = SuppressionScope::All;
        let news = SuppressionScope::Topic("news".into());
        // cause, scope, kind, topic of the mail, stopped?
        let table = [
            (SuppressionCause::Erased, &news, Service, "payouts", true),
            (SuppressionCause::HardBounce, &all, Service, "payouts", true),
            (SuppressionCause::HardBounce, &news, Marketing, "tips", true),
            (SuppressionCause::Complaint, &all, Marketing, "tips", true),
            (SuppressionCause::Complaint, &all, Service, "payouts", false),
            (SuppressionCause::Unsubscribe, &all, Marketing, "tips", true),
            (SuppressionCause::Unsubscribe, &news, Marketing, "news", true),
            (SuppressionCause::Unsubscribe, &news, Marketing, "tips", false),
            (SuppressionCause::Unsubscribe, &all, Service, "payouts", false),
            (SuppressionCause::Manual, &all, Service, "payouts", true),
            (SuppressionCause::Manual, &news, Service, "news", false),
            (SuppressionCause::Manual, &news, Marketing, "news", true),
        ];
        for (cause, scope, kind, topic, stopped) in table {
            let list = [Suppression { scope: scope.clone(), cause }];
            assert_eq!(stopped_by(&list, kind, topic).is_some(), stopped, "{cause:?} {scope:?} {kind:?} {topic}");
        }
    }

    #[test]
    fn the_strongest_cause_is_shown() {
        let list = [SuppressionCause::Unsubscribe, SuppressionCause::Erased, SuppressionCause::Complaint]
            .map(|cause| Suppression { scope: SuppressionScope::All, cause });
        assert_eq!(stopped_by(&list, Kind::Marketing, "news"), Some(SuppressReason::Erased));
        for cause in SuppressionCause::ALL {
            assert_eq!(SuppressionCause::parse(cause.code()), Some(cause));
        }
    }
}
