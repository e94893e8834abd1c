//! What is told of the relays: which of them are well, and which took a mail.

use tracing::debug;

use crate::{
    ports::{
        rows::MessageRow,
        transport::{Delivery, RelayStanding},
    },
    readiness::Readiness,
};

/// The part of readiness that relays are: in trouble only when none takes mail. That one of several does not is noted beside it.
const RELAYS: &str = "relays";

/// Tells how the relays stand.
pub(super) fn tell(relays: &[RelayStanding], readiness: &Readiness) {
    for relay in relays {
        let is_well = if relay.trouble.is_none() { 1.0 } else { 0.0 };
        metrics::gauge!("rapport_relay_up", "relay" => relay.name.clone()).set(is_well);
    }
    if relays.is_empty() {
        return;
    }
    let in_trouble: Vec<String> = relays
        .iter()
        .filter_map(|relay| Some(format!("{} is left alone for a while: {}", relay.name, relay.trouble.as_ref()?)))
        .collect();
    let told = in_trouble.join("; ");
    readiness.noted(RELAYS, (!told.is_empty()).then(|| told.clone()));
    if in_trouble.len() == relays.len() {
        readiness.bad(RELAYS, told);
    } else {
        readiness.good(RELAYS);
    }
}

/// Notes which relay had a mail, and what it made of it.
pub(super) fn note(relay: Option<&str>, message: &MessageRow, delivery: &Delivery) {
    let Some(relay) = relay else { return };
    let outcome = match delivery {
        Delivery::Accepted { .. } => "accepted",
        Delivery::Refused { .. } => "refused",
        Delivery::NotSent { .. } => "not_sent",
        Delivery::InDoubt { .. } => "in_doubt",
    };
    debug!(message = %message.id, relay, outcome, "a relay had a mail");
    metrics::counter!("rapport_relay_mails_total", "relay" => relay.to_owned(), "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(name: &str, trouble: Option<&str>) -> RelayStanding {
        RelayStanding { name: name.into(), trouble: trouble.map(str::to_owned) }
    }

    #[test]
    fn one_relay_in_trouble_is_noted_and_all_of_them_are_a_trouble() {
        let readiness = Readiness::default();
        tell(&[relay("a:25", Some("gone")), relay("b:25", None)], &readiness);
        assert_eq!(readiness.troubles(), []);
        assert!(readiness.notes()[0].1.contains("a:25"), "{:?}", readiness.notes());
        tell(&[relay("a:25", Some("gone")), relay("b:25", Some("421"))], &readiness);
        assert!(readiness.troubles()[0].1.contains("b:25"), "{:?}", readiness.troubles());
        tell(&[relay("a:25", None), relay("b:25", None)], &readiness);
        assert_eq!((readiness.troubles(), readiness.notes()), (Vec::new(), Vec::new()));
    }
}
