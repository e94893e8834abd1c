//! The mails of the bench: a shipped one, lengthened until it has the size, to as many partners as there are mails.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use jiff::{SignedDuration, Timestamp};
use rapport_engine::mailer::{LinkKeys, letter};
use rapport_engine::ports::rows::{MessageRow, PersonRow};
use rapport_engine::ports::store::{Attempt, DueMessage};
use rapport_engine::ports::transport::{Envelope, Transport};
use rapport_engine::rulebooks::Applied;
use rapport_event::{PartnerKey, shard_of};
use rapport_message::link::Keys;
use rapport_message::{Locale, sample::SAMPLES};
use serde_json::json;

use crate::engine_throughput::shipped;

/// Partitions, as a cluster has them.
pub const SHARDS: u32 = 64;
/// The shipped mail: service, so that it may leave whatever a partner has consented to.
const WORKFLOW: &str = "payout-due";
const MAIL: &str = "due";
const FILE: &str = "workflows/payout-due/due.mail.md";
/// Recipients are spread over so many domains, each a provider of its own.
const DOMAINS: usize = 100;
/// What it is lengthened by, again and again.
const PARAGRAPH: &str = "\nWhat was returned within the thirty days after a sale is not part of it, and neither is what a \
    shop has not yet confirmed; both come with the next run, and the list of them stands in your account from the first \
    day of the month on.\n";
/// What of the shipped configuration would hold so much mail of one workflow back, and what stands in its place.
const UNLIMITED: [(&str, &str); 3] = [
    (
        "burst: { warn_above: 50 per hour, stop_above: 500 per hour }",
        "burst: { warn_above: 100000000 per hour, stop_above: 1000000000 per hour }",
    ),
    ("pace: { rate: 1200 per minute, connections: 20 }", "pace: { rate: 1000000 per second, connections: 1000 }"),
    ("  payouts:\n    service: true\n", "  payouts:\n    service: true\n    urgent: true\n"),
];

/// A mail as it is handed to a connection.
pub struct Ready {
    /// From whom, to whom.
    pub envelope: Envelope,
    /// The final bytes.
    pub bytes: Vec<u8>,
}

/// All that mails are made of.
pub struct Letters {
    /// The files, by path.
    pub texts: BTreeMap<String, String>,
    /// Keys that sign links.
    pub keys: Arc<LinkKeys>,
    applied: Applied,
    context: String,
    at: Timestamp,
}

impl Letters {
    /// The mail with as many paragraphs as it needs to have a body of at least this size, as this transport writes it down.
    pub fn of_size(bytes: usize, transport: &dyn Transport) -> Result<Self> {
        let mut texts = shipped()?;
        let config = texts.get_mut("config/rapport.yaml").context("config/rapport.yaml is not there")?;
        for (written, instead) in UNLIMITED {
            if !config.contains(written) {
                return Err(anyhow!(
                    "config/rapport.yaml does not say `{written}` any more, which this bench replaces"
                ));
            }
            *config = config.replace(written, instead);
        }
        let original = texts.get(FILE).with_context(|| format!("{FILE} is not there"))?.clone();
        let keys = Keys::new([b"a key for benches, long enough to sign with".to_vec()])
            .map_err(|error| anyhow!("the key of links: {error}"))?;
        let mut letters = Self {
            applied: compiled(&texts)?,
            context: String::new(),
            texts,
            keys: Arc::new(LinkKeys { keys }),
            at: Timestamp::now(),
        };
        letters.context = letters.values()?;
        let mut paragraphs = 0;
        loop {
            let mail = letters.ready(0, transport)?;
            let has = mail.bytes.len() - head(&mail.bytes);
            if has >= bytes {
                return Ok(letters);
            }
            // It stands in the text and in the HTML, there within tags.
            paragraphs += ((bytes - has) / (2 * PARAGRAPH.len() + 200)).max(1);
            letters.texts.insert(FILE.to_owned(), format!("{original}{}", PARAGRAPH.repeat(paragraphs)));
            letters.applied = compiled(&letters.texts)?;
        }
    }

    /// What planning would have evaluated: the values of the first sample partner.
    fn values(&self) -> Result<String> {
        let library = self.applied.rulebook.libraries.get(WORKFLOW).context("the workflow has no mails")?;
        let (mail, _) = library.choose(MAIL, None, &Locale::english()).context("the mail is not there")?;
        let sample = SAMPLES.first().context("there is no sample partner")?;
        let values = sample.context(mail, &|_| None);
        Ok(json!({ "values": values, "from": { "Sender": "jonas" }, "languages": ["en"], "evidence": [] }).to_string())
    }

    /// Whose mail has this number.
    pub fn key(number: usize) -> Result<PartnerKey> {
        Ok(PartnerKey::new("default", &format!("p{number}"))?)
    }

    fn address(number: usize) -> String {
        format!("p{number}@d{}.example", number % DOMAINS)
    }

    /// The person behind it.
    pub fn person(number: usize) -> Result<PersonRow> {
        let address = Self::address(number);
        let fields = json!({ "name": "Ada Lovelace", "email": address, "language": "en" }).to_string();
        Ok(PersonRow { key: Self::key(number)?, version: 1, address: Some(address), fields })
    }

    /// The mail as it is planned: due, and for a day.
    pub fn message(&self, number: usize) -> Result<MessageRow> {
        let key = Self::key(number)?;
        Ok(MessageRow {
            id: format!("b{number:015}"),
            shard: shard_of(&key, SHARDS),
            key,
            workflow: WORKFLOW.to_owned(),
            journey: format!("j{number:015}"),
            step: MAIL.to_owned(),
            mail: MAIL.to_owned(),
            rulebook: self.applied.rulebook.hash.to_string(),
            kind: "service".to_owned(),
            topic: "payouts".to_owned(),
            priority: 0,
            policy: "at_most_once".to_owned(),
            planned_at: self.at,
            due: self.at,
            expires: self.at + SignedDuration::from_hours(24),
            context: self.context.clone(),
        })
    }

    /// Rendered, with signed links and headers, and written down by the transport: what the mailer does with a claimed message.
    pub fn ready(&self, number: usize, transport: &dyn Transport) -> Result<Ready> {
        let person = Self::person(number)?.fields;
        let due = DueMessage { message: self.message(number)?, person, held: None, holders: Vec::new(), attempts: 0 };
        let attempt = Attempt { attempt: 1, address: Self::address(number), due, along: Vec::new() };
        let letter = letter(&self.applied, &self.applied, &attempt, &self.keys, self.at)
            .map_err(|error| anyhow!("{FILE} cannot be rendered: {error}"))?;
        let bytes = transport.compose(&letter).map_err(|error| anyhow!("{FILE} cannot be written down: {error}"))?;
        Ok(Ready { envelope: Envelope { from: letter.from.address, to: letter.to.address }, bytes })
    }
}

/// Where the body begins.
fn head(mail: &[u8]) -> usize {
    mail.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |end| end + 4)
}

fn compiled(texts: &BTreeMap<String, String>) -> Result<Applied> {
    Ok(Applied::compile("", texts.clone(), BTreeMap::new())?)
}
