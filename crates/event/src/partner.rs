//! What trackers tell about partners. Name and addresses are personal: they are read here and handed on beside the event.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rapport_rule::money::Currency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::extra::Extra;
use crate::id::PartnerId;
use crate::personal::PersonalData;
use crate::read;

/// Everything an event of `partner.*` may carry; all optional, what is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[schemars(title = "Partner")]
pub struct PartnerMessage {
    /// How the partner is called.
    #[serde(default, deserialize_with = "read::line")]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub name: Option<Box<str>>,
    /// How the partner is greeted; the first word of a person's name when missing.
    #[serde(default, deserialize_with = "read::line")]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub first_name: Option<Box<str>>,
    /// Where mails go.
    #[serde(default, deserialize_with = "email")]
    #[schemars(with = "Option<String>", extend("x-personal" = true, "format" = "email"))]
    pub email: Option<Box<str>>,
    /// A telephone number.
    #[serde(default, deserialize_with = "read::line")]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub phone: Option<Box<str>>,
    /// A postal address.
    #[serde(default, deserialize_with = "read::block")]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub address: Option<Box<str>>,
    /// Notes about the partner.
    #[serde(default, deserialize_with = "read::block")]
    #[schemars(with = "Option<String>", extend("x-personal" = true))]
    pub note: Option<Box<str>>,
    /// The facts that are not personal.
    #[serde(flatten)]
    pub data: PartnerData,
}

/// What an event says about a partner, without personal fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PartnerFacts")]
pub struct PartnerData {
    /// The language of mails, a BCP 47 tag such as `de` or `de-AT`.
    #[serde(default, deserialize_with = "language", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub language: Option<Arc<str>>,
    /// The IANA time zone, such as `Europe/Oslo`.
    #[serde(default, deserialize_with = "read::zone", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub zone: Option<Box<str>>,
    /// The ISO 3166-1 alpha-2 country, such as `NO`.
    #[serde(default, deserialize_with = "country", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", regex(pattern = "^[A-Z]{2}$"))]
    pub country: Option<Arc<str>>,
    /// What sort of partner: influencer, content, coupon, app, b2b or a word of the programme's.
    #[serde(default, rename = "type", deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub partner_type: Option<Arc<str>>,
    /// The sender id of the person who looks after the partner.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub manager: Option<Arc<str>>,
    /// All tags the partner has from now on.
    #[serde(default, deserialize_with = "read::words_maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub tags: Option<Vec<Arc<str>>>,
    /// Whether and when the partner agreed to marketing mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Who brought the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referred_by: Option<PartnerId>,
    /// Whether the partner objects to being judged by figures: then no dip, silence, health or holdout concerns them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objects_to_profiling: Option<bool>,
    /// What the partner had done before the first event of the programme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// When the partner applied, if that was not this event.
    #[serde(default, deserialize_with = "read::instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub joined_at: Option<Timestamp>,
    /// When the partner was approved, if that was not this event.
    #[serde(default, deserialize_with = "read::instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub approved_at: Option<Timestamp>,
    /// The last day of the partner's contract.
    #[serde(default, deserialize_with = "read::date", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub contract_ends: Option<Date>,
    /// Why a partner was suspended, rejected or closed: a word, not a story.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub reason: Option<Arc<str>>,
    /// Further fields; a workflow names them `partner.<field>`. `null` takes a field away.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An agreement to marketing mail, with what proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// `true` unless the partner took it back.
    #[serde(default = "yes")]
    pub given: bool,
    /// Where it was given: a form, a contract.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub source: Option<Arc<str>>,
    /// When it was given; the event's own time when missing.
    #[serde(default, deserialize_with = "read::instant", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub time: Option<Timestamp>,
    /// Which wording was agreed to: its id or text.
    #[serde(default, deserialize_with = "read::line", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub wording: Option<Arc<str>>,
}

/// What a partner had reached before the first event rapport knows of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// Conversions that were not reversed.
    #[serde(default)]
    pub conversions: u64,
    /// Their order value in minor units.
    #[serde(default, deserialize_with = "read::minor")]
    #[schemars(range(min = 0))]
    pub revenue: i64,
    /// What the partner earned by them, in minor units.
    #[serde(default, deserialize_with = "read::minor")]
    #[schemars(range(min = 0))]
    pub commission: i64,
    /// The ISO 4217 code of both; the programme's currency when missing.
    #[serde(
        default,
        deserialize_with = "read::currency_maybe",
        serialize_with = "read::write_currency_maybe",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub currency: Option<Currency>,
    /// The instant up to which this counts; conversions sold before it are not added again.
    #[serde(deserialize_with = "as_of")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub as_of: Timestamp,
}

fn as_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    read::instant(deserializer)?.ok_or_else(|| serde::de::Error::custom("bad_time: `as_of` must not be null"))
}

fn yes() -> bool {
    true
}

fn email<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Box<str>>, D::Error> {
    let Some(text) = Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)? else { return Ok(None) };
    if text.trim().is_empty() {
        return Ok(None);
    }
    match crate::clean::email(&text) {
        Some(address) => Ok(Some(address.into())),
        // The address itself stays out of the detail: details are logged.
        None => Err(serde::de::Error::custom("bad_email: not an address of the form name@domain.tld")),
    }
}

fn language<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    let Some(tag): Option<Arc<str>> = read::line(deserializer)? else { return Ok(None) };
    let mut parts = tag.split(['-', '_']);
    let first = parts.next().unwrap_or_default();
    let ok = (2..=3).contains(&first.len())
        && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !ok {
        return Err(serde::de::Error::custom("bad_value: a language is a tag such as `de` or `de-AT`"));
    }
    let mut canonical = first.to_ascii_lowercase();
    for part in tag.split(['-', '_']).skip(1) {
        canonical.push('-');
        canonical.push_str(&if part.len() == 2 { part.to_ascii_uppercase() } else { part.to_owned() });
    }
    Ok(Some(Arc::from(canonical)))
}

fn country<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    let Some(code): Option<Arc<str>> = read::line(deserializer)? else { return Ok(None) };
    if code.len() != 2 || !code.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(serde::de::Error::custom("bad_value: a country is two letters such as `NO`"));
    }
    Ok(Some(Arc::from(code.to_ascii_uppercase())))
}

impl PartnerMessage {
    /// Parts the facts from what is personal.
    pub fn split(self) -> (PartnerData, Option<PersonalData>) {
        let mut personal = PersonalData {
            name: self.name,
            first_name: self.first_name,
            email: self.email,
            phone: self.phone,
            address: self.address,
            ..PersonalData::default()
        };
        if let Some(note) = self.note {
            personal.free.insert("note".into(), Value::from(note.as_ref()));
        }
        let mut data = self.data;
        personal.take_named(&mut data.extra);
        (data, (!personal.is_empty()).then_some(personal))
    }
}
