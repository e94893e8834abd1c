//! What a marketing mail rests on: consent, or a contract declared for the topic and the country.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What a person said about marketing mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Consent with source, time and wording is on record.
    Granted,
    /// Consent was taken back. This also ends a contract as a basis: an explicit no is stronger than a declared yes.
    Withdrawn,
    /// Nothing is on record.
    #[default]
    Unknown,
}

/// `basis: contract`: mails about this topic are part of the agreement with partners of these countries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractBasis {
    /// Topic id.
    pub topic: String,
    /// ISO 3166 alpha-2 codes; `None` for every country, also an unknown one.
    pub countries: Option<BTreeSet<String>>,
}

impl ContractBasis {
    fn covers(&self, topic: &str, country: Option<&str>) -> bool {
        self.topic == topic
            && match (&self.countries, country) {
                (None, _) => true,
                (Some(countries), Some(country)) => countries.iter().any(|known| known.eq_ignore_ascii_case(country)),
                (Some(_), None) => false,
            }
    }
}

/// Whether a marketing mail about `topic` has a basis.
pub(crate) fn exists(consent: Consent, contracts: &[ContractBasis], topic: &str, country: Option<&str>) -> bool {
    match consent {
        Consent::Granted => true,
        Consent::Withdrawn => false,
        Consent::Unknown => contracts.iter().any(|contract| contract.covers(topic, country)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_by_basis() {
        let contracts = [
            ContractBasis { topic: "onboarding".into(), countries: None },
            ContractBasis { topic: "tips".into(), countries: Some(["AT".to_owned(), "DE".to_owned()].into()) },
        ];
        let table = [
            (Consent::Granted, "news", Some("FR"), true),
            (Consent::Granted, "news", None, true),
            (Consent::Unknown, "news", Some("DE"), false),
            (Consent::Unknown, "onboarding", Some("FR"), true),
            (Consent::Unknown, "onboarding", None, true),
            (Consent::Unknown, "tips", Some("DE"), true),
            (Consent::Unknown, "tips", Some("de"), true),
            (Consent::Unknown, "tips", Some("FR"), false),
            (Consent::Unknown, "tips", None, false),
            (Consent::Withdrawn, "onboarding", Some("DE"), false),
        ];
        for (consent, topic, country, expected) in table {
            assert_eq!(exists(consent, &contracts, topic, country), expected, "{consent:?} {topic} {country:?}");
        }
    }
}
