//! What no workflow may forget: the programme's limits, compiled once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::address::NormalisedAddress;
use crate::basis::ContractBasis;
use crate::calendar::{Holidays, QuietHours, Weekends};
use crate::frequency_cap::Cap;

/// The limits as written, without checks. `Default` holds nothing back but suppressions, consent and expiry.
#[derive(Clone, Debug, Default)]
pub struct GuardrailsSpec {
    /// `at_most`.
    pub at_most: Vec<Cap>,
    /// `quiet_hours: { from, to }`.
    pub quiet_hours: Option<QuietHours>,
    /// `weekends: hold`.
    pub weekends_hold: bool,
    /// Which days those are.
    pub weekends: Weekends,
    /// Days without mail; countries in any case.
    pub holidays: Holidays,
    /// `basis: contract`, by topic and country.
    pub contracts: Vec<ContractBasis>,
    /// Addresses and domains (`@example.com`) that may get mail at all; `None` for everybody.
    pub allow_list: Option<Vec<String>>,
    /// For so long an address gets one copy of a marketing mail, however many partners have it; `None`: each partner gets one.
    pub same_address: Option<SignedDuration>,
}

/// Checked limits. Made by [`Guardrails::compile`] only, so that what runs has passed the checks.
#[derive(Clone, Debug)]
pub struct Guardrails {
    pub(crate) caps: Vec<Cap>,
    pub(crate) quiet_hours: Option<QuietHours>,
    pub(crate) weekends: Option<Weekends>,
    pub(crate) holidays: Holidays,
    pub(crate) contracts: Vec<ContractBasis>,
    pub(crate) allow_list: Option<AllowList>,
    pub(crate) same_address: Option<SignedDuration>,
}

/// The shortest and the longest time within which an address gets one copy of a mail: who counts mails knows those of the last
/// seven days.
const ONE_COPY: (SignedDuration, SignedDuration) = (SignedDuration::from_hours(1), SignedDuration::from_hours(7 * 24));

/// Who may get mail while a list is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    keys: BTreeSet<String>,
    domains: BTreeSet<String>,
}

/// What is wrong with guardrails as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardrailsError {
    /// A limit of 0 stops every mail.
    #[error("`at_most: {0}` would stop every mail; a cap needs a limit of at least 1")]
    CapOfZero(Cap),
    /// Two caps for the same mails and window.
    #[error("`{0}` and `{1}` cap the same mails over the same time; keep one")]
    CapTwice(Cap, Cap),
    /// From and to are the same time.
    #[error("quiet hours from {0} to {0} are either no time or always; write two different times, or leave them out")]
    QuietHoursEmpty(jiff::civil::Time),
    /// Every day of the week is a weekend day.
    #[error("every day of the week is a weekend day{}", .0.as_deref().map(|c| format!(" in {c}")).unwrap_or_default())]
    WeekendAlways(Option<String>),
    /// An entry of the allow-list is neither an address nor `@domain`.
    #[error("`{0}` in the allow-list is neither an address nor `@domain`")]
    AllowListEntry(String),
    /// The time within which an address gets one copy is too short or too long.
    #[error("`same_address` is a time between 1 hour and 7 days")]
    SameAddress,
}

impl Guardrails {
    /// Whether an address is on the list of those that alone may be written to; `None` where there is no such list.
    #[must_use]
    pub fn on_allow_list(&self, address: &NormalisedAddress) -> Option<bool> {
        self.allow_list.as_ref().map(|list| list.allows(address))
    }

    /// Checks everything and reports all that is wrong.
    ///
    /// # Errors
    /// Every [`GuardrailsError`] found, in the order of the fields.
    pub fn compile(spec: GuardrailsSpec) -> Result<Self, Vec<GuardrailsError>> {
        let mut errors = Vec::new();
        let mut seen: Vec<Cap> = Vec::new();
        for cap in &spec.at_most {
            if cap.limit == 0 {
                errors.push(GuardrailsError::CapOfZero(*cap));
            }
            if let Some(other) = seen.iter().find(|other| (other.counted, other.window) == (cap.counted, cap.window)) {
                errors.push(GuardrailsError::CapTwice(*other, *cap));
            }
            seen.push(*cap);
        }
        if let Some(quiet) = spec.quiet_hours.filter(|quiet| quiet.from == quiet.to) {
            errors.push(GuardrailsError::QuietHoursEmpty(quiet.from));
        }
        let weekends = Weekends { usual: spec.weekends.usual, by_country: upper_case_keys(spec.weekends.by_country) };
        let always = |days: &[jiff::civil::Weekday]| {
            days.iter().map(|day| day.to_monday_zero_offset()).collect::<BTreeSet<_>>().len() == 7
        };
        if always(&weekends.usual) {
            errors.push(GuardrailsError::WeekendAlways(None));
        }
        for (country, _) in weekends.by_country.iter().filter(|(_, days)| always(days)) {
            errors.push(GuardrailsError::WeekendAlways(Some(country.clone())));
        }
        let allow_list = spec.allow_list.map(|entries| AllowList::compile(&entries, &mut errors));
        if spec.same_address.is_some_and(|within| within < ONE_COPY.0 || within > ONE_COPY.1) {
            errors.push(GuardrailsError::SameAddress);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Self {
            caps: spec.at_most,
            quiet_hours: spec.quiet_hours,
            weekends: spec.weekends_hold.then_some(weekends),
            holidays: Holidays {
                everywhere: spec.holidays.everywhere,
                by_country: upper_case_keys(spec.holidays.by_country),
            },
            contracts: spec.contracts,
            allow_list,
            same_address: spec.same_address,
        })
    }

    /// The caps, as written.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        &self.caps
    }
}

fn upper_case_keys<V>(map: BTreeMap<String, V>) -> BTreeMap<String, V> {
    map.into_iter().map(|(key, value)| (key.to_ascii_uppercase(), value)).collect()
}

impl AllowList {
    fn compile(entries: &[String], errors: &mut Vec<GuardrailsError>) -> Self {
        let mut list = Self::default();
        for entry in entries {
            if let Some(address) = crate::address::normalise(entry) {
                list.keys.insert(address.key());
            } else if let Some(example) =
                entry.trim().strip_prefix('@').and_then(|d| crate::address::normalise(&format!("x@{d}")))
            {
                list.domains.insert(example.domain().to_owned());
            } else {
                errors.push(GuardrailsError::AllowListEntry(entry.clone()));
            }
        }
        list
    }

    /// Whether this address is on the list.
    #[must_use]
    pub fn allows(&self, address: &NormalisedAddress) -> bool {
        self.domains.contains(address.domain()) || self.keys.contains(&address.key())
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::Weekday;

    use super::*;

    #[test]
    fn everything_wrong_is_reported_at_once() {
        let midnight = jiff::civil::Time::midnight();
        let all_week = vec![
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        let cap: Cap = "2 marketing per week".parse().unwrap();
        let errors = Guardrails::compile(GuardrailsSpec {
            at_most: vec![Cap { limit: 0, ..cap }, cap],
            quiet_hours: Some(QuietHours { from: midnight, to: midnight }),
            weekends: Weekends { by_country: [("de".to_owned(), all_week)].into(), ..Weekends::default() },
            allow_list: Some(vec!["@example.com".into(), "nobody".into()]),
            same_address: Some(SignedDuration::from_hours(8 * 24)),
            ..GuardrailsSpec::default()
        })
        .unwrap_err();
        assert_eq!(errors.len(), 6, "{errors:?}");
        assert_eq!(errors[3].to_string(), "every day of the week is a weekend day in DE");
    }

    #[test]
    fn an_allow_list_knows_addresses_and_domains() {
        let mut errors = Vec::new();
        let list = AllowList::compile(&["Ada@Example.com".into(), "@staging.example".into()], &mut errors);
        assert!(errors.is_empty());
        for (address, allowed) in [
            ("ada@example.com", true),
            ("bob@example.com", false),
            ("bob@STAGING.example", true),
            ("b@x.staging.example", false),
        ] {
            assert_eq!(list.allows(&crate::normalise(address).unwrap()), allowed, "{address}");
        }
    }
}
