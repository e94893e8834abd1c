//! The outer shape: finds id, kind, whom and when in any of the accepted forms, without touching the data yet.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::conversion::ConversionData;
use crate::reject::{RejectCode, Rejection};
use crate::wire::{CONTENT_TYPE, Headers};

/// The outer fields, borrowed from the record.
#[derive(Debug, Default)]
pub(crate) struct Envelope<'a> {
    pub id: Option<Cow<'a, str>>,
    pub kind: Option<Cow<'a, str>>,
    pub program: Option<Cow<'a, str>>,
    pub partner: Option<Cow<'a, str>>,
    pub time: Option<Cow<'a, str>>,
    pub person_version: Option<i64>,
    /// The JSON text of the data; in flat events the whole record. Empty when `conversion` is there.
    pub body: &'a str,
    /// The data of a conversion whose kind stood before them: read in passing, which spares the commonest event a second pass.
    pub conversion: Option<Box<ConversionData>>,
    /// The data stand beside the outer fields, which must not be taken for data.
    pub flat: bool,
    /// In a flat event the kind was written as `type`, a name that is also a partner's field.
    pub kind_as_type: bool,
}

/// Finds the outer fields of a record from outside.
pub(crate) fn open<'a>(text: &'a str, headers: &Headers<'a>) -> Result<Envelope<'a>, Rejection> {
    if headers.is_empty() {
        return structured(text);
    }
    let media = media(headers);
    if media.eq_ignore_ascii_case("application/cloudevents-batch+json") {
        return Err(Rejection::new(
            RejectCode::BadEnvelope,
            "a batch of CloudEvents in one record; send them one by one",
        ));
    }
    if !is_binary(headers) {
        return structured(text);
    }
    let read = |name: &'static str| match attribute(headers, name) {
        None => Ok(None),
        Some(value) => match std::str::from_utf8(value) {
            Ok(value) => Ok(Some(Cow::Borrowed(value))),
            Err(_) => Err(Rejection::new(RejectCode::InvalidUtf8, format!("the header ce_{name} is not UTF-8"))),
        },
    };
    check_version(&read("specversion")?.unwrap_or_default())?;
    if !media.is_empty() && !is_json(media) {
        return Err(Rejection::new(
            RejectCode::BadEnvelope,
            format!("the content type is `{}`, data must be JSON", crate::reject::excerpt(media)),
        ));
    }
    Ok(Envelope {
        id: read("id")?,
        kind: read("type")?,
        program: read("program")?,
        partner: read("partner")?,
        time: read("time")?,
        body: text,
        ..Envelope::default()
    })
}

/// Whether these are the headers of a CloudEvent in binary mode.
pub(crate) fn is_binary(headers: &Headers<'_>) -> bool {
    attribute(headers, "specversion").is_some() && !media(headers).eq_ignore_ascii_case("application/cloudevents+json")
}

fn media<'a>(headers: &Headers<'a>) -> &'a str {
    headers.text(CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// A CloudEvents attribute: `ce_name` in Kafka, `ce-name` in HTTP.
fn attribute<'a>(headers: &Headers<'a>, name: &str) -> Option<&'a [u8]> {
    let matches = |key: &str| {
        let (Some(prefix), Some(rest)) = (key.get(..3), key.get(3..)) else { return false };
        (prefix.eq_ignore_ascii_case("ce_") || prefix.eq_ignore_ascii_case("ce-")) && rest.eq_ignore_ascii_case(name)
    };
    headers.0.iter().find(|(key, _)| matches(key)).map(|(_, value)| *value)
}

fn is_json(media: &str) -> bool {
    let media = media.to_ascii_lowercase();
    media == "application/json" || media == "text/json" || media.ends_with("+json")
}

fn check_version(version: &str) -> Result<(), Rejection> {
    if version == "1.0" {
        return Ok(());
    }
    let detail = format!("CloudEvents `{}` where 1.0 is read", crate::reject::excerpt(version));
    Err(Rejection::new(RejectCode::BadEnvelope, detail))
}

/// Finds the outer fields of a JSON object: CloudEvents in structured mode, plain JSON, flat JSON.
pub(crate) fn structured(text: &str) -> Result<Envelope<'_>, Rejection> {
    // What goes wrong in passing is looked at again with the outer fields first, so that a rejection does not depend on the order in
    // which a producer writes them.
    let outer = match read(text, true) {
        Ok(outer)
            if outer.envelope.conversion.is_none() || outer.kind.as_deref().is_none_or(|kind| kind == CONVERSION) =>
        {
            outer
        }
        _ => read(text, false).map_err(|error| crate::decode::rejection(&error, text))?,
    };
    if let Some(version) = &outer.version {
        check_version(version)?;
    }
    if outer.base64 {
        return Err(Rejection::new(RejectCode::BadEnvelope, "`data_base64` where JSON data belong in `data`"));
    }
    let mut envelope = outer.envelope;
    match outer.data {
        Some(data) => envelope.body = data.get(),
        None if envelope.conversion.is_some() => {}
        None => {
            envelope.body = text;
            envelope.flat = true;
        }
    }
    envelope.kind_as_type = outer.kind.is_none();
    envelope.kind = outer.kind.or(outer.ce_type);
    envelope.time = outer.occurred_at.or(outer.time);
    Ok(envelope)
}

#[derive(Default)]
struct Outer<'a> {
    envelope: Envelope<'a>,
    kind: Option<Cow<'a, str>>,
    ce_type: Option<Cow<'a, str>>,
    occurred_at: Option<Cow<'a, str>>,
    time: Option<Cow<'a, str>>,
    version: Option<Cow<'a, str>>,
    data: Option<&'a RawValue>,
    base64: bool,
}

/// Reads the outer fields; `in_passing`: and the data of a conversion with them.
fn read(text: &str, in_passing: bool) -> Result<Outer<'_>, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let outer = json.deserialize_map(OuterVisitor { in_passing })?;
    json.end()?;
    Ok(outer)
}

const CONVERSION: &str = "conversion";

struct OuterVisitor {
    in_passing: bool,
}

impl<'de> Visitor<'de> for OuterVisitor {
    type Value = Outer<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event as a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Outer<'de>, A::Error> {
        let mut outer = Outer::default();
        // Names are told apart as borrowed text; a name with escapes is read all the same.
        while let Some(Text(name)) = access.next_key::<Text<'de>>()? {
            let name: &str = name.as_deref().unwrap_or_default();
            let place = match name {
                "id" => &mut outer.envelope.id,
                "kind" => &mut outer.kind,
                "type" => &mut outer.ce_type,
                "program" => &mut outer.envelope.program,
                "partner" => &mut outer.envelope.partner,
                "occurred_at" => &mut outer.occurred_at,
                "time" => &mut outer.time,
                "specversion" => &mut outer.version,
                "data" => {
                    if outer.data.is_some() || outer.envelope.conversion.is_some() {
                        return Err(twice(name));
                    }
                    let kind = outer.kind.as_deref().or(outer.ce_type.as_deref());
                    if self.in_passing && kind == Some(CONVERSION) {
                        outer.envelope.conversion = Some(access.next_value()?);
                    } else {
                        outer.data = Some(access.next_value()?);
                    }
                    continue;
                }
                "data_base64" => {
                    access.next_value::<IgnoredAny>()?;
                    outer.base64 = true;
                    continue;
                }
                "person_version" => {
                    outer.envelope.person_version = access.next_value()?;
                    continue;
                }
                _ => {
                    access.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if place.is_some() {
                return Err(twice(name));
            }
            *place = access.next_value::<Text<'de>>().map_err(|error| of_field(name, error))?.0;
        }
        Ok(outer)
    }
}

/// What is no text is told with the field's name; what is no JSON stays what it is.
fn of_field<E: Error>(name: &str, error: E) -> E {
    let message = error.to_string();
    match crate::decode::split_place(&message).0 {
        wrong if wrong.starts_with("invalid type") => {
            E::custom(format_args!("wrong_type: {}", crate::words::told(Some(name), wrong)))
        }
        _ => error,
    }
}

fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("duplicate_key: `{name}` is given twice"))
}

/// A text borrowed when it has no escapes; a whole number is its digits, `null` is no text.
struct Text<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(Text(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_unit<E>(self) -> Result<Text<'de>, E> {
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}
