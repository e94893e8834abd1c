//! What mail servers answer.

use jiff::Timestamp;
use rapport_engine::ports::rows::RelayReply;
use rapport_engine::ports::transport::{Delivery, RefusalClass};
use rapport_smtp::refusals;

/// Longer words of a relay are cut.
const WORDS_CHARS_MAX: usize = 500;
/// Longer names and numbers are cut.
const NAME_CHARS_MAX: usize = 120;

const ADDRESS: &str = "ada@partner.example";

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let all = [
        "250 2.0.0 Ok: queued as 4XbR2k0m\r\n",
        "250 OK id=1rZ3aB-0004x2-Qp",
        "250 2.6.0 <5f0e@mail.acme.example> [InternalId=12, Hostname=x.example] Queued mail for delivery",
        "250 2.0.0 <ada@partner.example>... 41AB Message accepted for delivery",
        "421 4.7.0 try again later, closing connection.\r\n",
        "450-4.2.0 greylisted,\r\n450 4.2.0 come back in 5 minutes\r\n",
        "550 5.1.1 <ada@partner.example>: Recipient address rejected: User unknown\r\n",
        "552 5.2.2 mailbox full",
        "554-5.7.1 [192.0.2.1] refused\n554 5.7.1 see https://relay.example/why",
        "550-one\r\n551 two\r\n",
    ];
    all.map(|text| text.as_bytes().to_vec()).into()
}

/// Refused or accepted: words are short and in one line, and whoever accepted names nobody.
pub(super) fn reply(octets: &[u8]) -> String {
    accepted(&String::from_utf8_lossy(octets));
    let Some(all) = refusals(octets) else { return "no_refusal".to_owned() };
    let classes = all.map(|delivery| match delivery {
        Delivery::Refused { code, enhanced, text, class } => {
            assert!((400..600).contains(&code), "{code} is no refusal");
            assert!(text.chars().count() <= WORDS_CHARS_MAX && !text.contains(char::is_control), "{text:?}");
            let class_of = enhanced.as_deref().and_then(|enhanced| enhanced.get(..1)?.parse::<u16>().ok());
            assert!(enhanced.is_none() || class_of == Some(code / 100), "{enhanced:?} of {code}");
            assert!(code >= 500 || class == RefusalClass::Transient, "{code} is for good");
            format!("{class:?}")
        }
        other => panic!("{other:?} is no refusal"),
    });
    format!("ok {}", classes.join(" "))
}

fn accepted(words: &str) {
    let said = RelayReply::of(words, "relay.example:587", &[ADDRESS], Timestamp::UNIX_EPOCH);
    assert!(said.text.chars().count() <= WORDS_CHARS_MAX && !said.text.contains(char::is_control), "{said:?}");
    assert!(!said.text.to_ascii_lowercase().contains(ADDRESS), "{said:?}");
    assert!(said.queue_id.as_ref().is_none_or(|id| (1..=NAME_CHARS_MAX).contains(&id.chars().count())), "{said:?}");
    assert_eq!(RelayReply::parse(&said.stored()), Some(said.clone()), "it is read as it was written");
}
