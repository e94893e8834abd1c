//! Bytes of strangers to an event or a reason why not.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_json::error::Category;

use crate::activity::ActivityData;
use crate::conversion::ConversionData;
use crate::custom::{CustomField, CustomKind, CustomKinds, ENVELOPE_FIELDS};
use crate::engine::EngineData;
use crate::envelope::{self, Envelope};
use crate::event::{Event, Payload};
use crate::extra::Extra;
use crate::facts::FieldType;
use crate::id::{EventId, IdError, PartnerId, PartnerKey, ProgramId};
use crate::kind::{Kind, Shape};
use crate::partner::{PartnerData, PartnerMessage};
use crate::personal::PersonalData;
use crate::reject::{RejectCode, Rejection, excerpt};
use crate::wire::Headers;
use crate::words;

/// An accepted event, and beside it what is personal.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// The event, without any personal field and without a `person_version`.
    pub event: Event,
    /// Personal fields, to be stored before the event is published.
    pub personal: Option<PersonalData>,
}

/// What is too large, too old or too far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest record in bytes.
    pub bytes_max: usize,
    /// How far back events are accepted; none for any age.
    pub history: Option<SignedDuration>,
    /// How far ahead of `now` a producer's clock may be; none for any.
    pub ahead: Option<SignedDuration>,
}

impl Default for Limits {
    /// One mebibyte, 400 days back, 24 hours ahead.
    fn default() -> Self {
        Self {
            bytes_max: 1 << 20,
            history: Some(SignedDuration::from_hours(400 * 24)),
            ahead: Some(SignedDuration::from_hours(24)),
        }
    }
}

impl Limits {
    /// The usual ones, and events as far back as history is kept.
    pub fn keeping(history_days: u32) -> Self {
        Self { history: Some(SignedDuration::from_hours(24 * i64::from(history_days))), ..Self::default() }
    }

    /// For `--clock replay`: events of any age, since the present follows them; but only of years that it can reach in steps.
    pub fn replay() -> Self {
        Self { history: None, ahead: None, ..Self::default() }
    }
}

/// Years in which anything was counted, or will be: what lies outside is a mistake, and a replay would walk there day by day.
pub const YEARS: std::ops::RangeInclusive<i16> = 1970..=2099;

/// Decodes a record of an upstream topic, a file's line or an HTTP body with the usual limits.
///
/// Three forms are read. **CloudEvents 1.0, binary**: headers `ce_specversion: 1.0`, `ce_id`, `ce_type`, `ce_program`, `ce_partner`,
/// `ce_time` (`ce-…` is read too), the value is the data. **CloudEvents 1.0, structured** and **plain JSON** are one object with
/// `id`, `type` or `kind`, `program`, `partner`, `time` or `occurred_at`, and `data`. Where `data` is missing its fields are taken
/// from the object itself: **flat**. Attributes rapport does not know (`source`, `subject`, `traceparent`) are skipped; unknown
/// fields of the data are kept.
pub fn decode(bytes: &[u8], headers: &Headers<'_>, custom: &CustomKinds, now: Timestamp) -> Result<Decoded, Rejection> {
    decode_with(&Limits::default(), bytes, headers, custom, now)
}

/// [`decode`] with limits of one's own.
pub fn decode_with(
    limits: &Limits,
    bytes: &[u8],
    headers: &Headers<'_>,
    custom: &CustomKinds,
    now: Timestamp,
) -> Result<Decoded, Rejection> {
    if bytes.len() > limits.bytes_max {
        let detail = format!("{} bytes where {} are allowed", bytes.len(), limits.bytes_max);
        return Err(Rejection::new(RejectCode::TooLarge, detail));
    }
    let text = if bytes.is_empty() && envelope::is_binary(headers) { "{}" } else { utf8(bytes)? };
    let mut envelope = envelope::open(text, headers)?;
    let name = match envelope.kind.as_deref() {
        Some(name) => name,
        None if depth(text) > DEPTH_MAX => {
            return Err(Rejection::new(RejectCode::TooDeep, format!("nested deeper than {DEPTH_MAX} levels")));
        }
        None => return Err(missing("kind")),
    };
    let kind = Kind::parse_with(name, custom).ok_or_else(|| {
        let detail = format!("`{}` is neither in the catalogue nor declared in config/events.yaml", excerpt(name));
        Rejection::new(RejectCode::UnknownKind, detail)
    })?;
    if !kind.is_upstream() {
        return Err(Rejection::new(RejectCode::ReservedKind, format!("`{kind}` is written by rapport alone")));
    }
    let outer = outer(&envelope)?;
    if !outer.key.is_partner() || outer.key.program.is_everyone() || outer.id.is_everyone() {
        return Err(Rejection::new(RejectCode::BadId, IdError::Reserved.to_string()));
    }
    check_time("occurred_at", outer.occurred_at, limits, now)?;
    let (payload, personal) = payload(&kind, &mut envelope, custom)?;
    if let Payload::Conversion(data) = &payload {
        if data.conversion_id.is_everyone() {
            return Err(Rejection::new(RejectCode::BadId, IdError::Reserved.to_string()));
        }
        check_time("data.occurred_at", data.sold_at(outer.occurred_at), limits, now)?;
        check_time("data.updated_at", data.updated_at(outer.occurred_at), limits, now)?;
    }
    let event =
        Event { id: outer.id, key: outer.key, kind, occurred_at: outer.occurred_at, payload, person_version: None };
    Ok(Decoded { event, personal })
}

/// Reads a record of `rapport.events`, as [`crate::encode`] wrote it. Kinds of rapport's own are accepted, age is not judged.
pub fn decode_record(bytes: &[u8]) -> Result<Event, Rejection> {
    let mut envelope = envelope::structured(utf8(bytes)?)?;
    let name = envelope.kind.as_deref().ok_or_else(|| missing("kind"))?;
    let kind = Kind::from_stored(name)
        .ok_or_else(|| Rejection::new(RejectCode::UnknownKind, format!("`{}` is not a kind", excerpt(name))))?;
    let outer = outer(&envelope)?;
    let body = envelope.body;
    let payload = match kind.shape() {
        Shape::Partner => Payload::Partner(Box::new(read_data::<PartnerData>(body)?)),
        Shape::Conversion => Payload::Conversion(match envelope.conversion.take() {
            Some(data) => data,
            None => read_data(body)?,
        }),
        shape => match ActivityData::read(shape, body) {
            Some(data) => Payload::Activity(data?),
            None => match EngineData::read(shape, body) {
                Some(data) => Payload::Engine(Box::new(data?)),
                None => return Err(Rejection::new(RejectCode::UnknownKind, "a kind without data")),
            },
        },
    };
    Ok(Event {
        id: outer.id,
        key: outer.key,
        kind,
        occurred_at: outer.occurred_at,
        payload,
        person_version: envelope.person_version,
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, Rejection> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Rejection::new(RejectCode::InvalidUtf8, format!("not UTF-8 from byte {} on", error.valid_up_to()))
    })?;
    match text.trim_ascii() {
        "" => Err(Rejection::new(RejectCode::Empty, "the value is empty")),
        "null" => Err(Rejection::new(RejectCode::Tombstone, "the value is `null`")),
        _ => Ok(text),
    }
}

struct Outer {
    id: EventId,
    key: PartnerKey,
    occurred_at: Timestamp,
}

fn outer(envelope: &Envelope<'_>) -> Result<Outer, Rejection> {
    fn id<'a, T>(
        name: &'static str,
        text: Option<&'a str>,
        make: fn(&'a str) -> Result<T, IdError>,
    ) -> Result<T, Rejection> {
        let text = text.ok_or_else(|| missing(name))?;
        make(text).map_err(|error| Rejection::new(RejectCode::BadId, format!("`{name}`: {error}")))
    }
    fn program(text: &str) -> Result<ProgramId, IdError> {
        ProgramId::new(text).or_else(|error| everyone(error, ProgramId::everyone))
    }
    fn partner(text: &str) -> Result<PartnerId, IdError> {
        PartnerId::new(text).or_else(|error| everyone(error, PartnerId::everyone))
    }
    // `*` is judged by the caller: records of rapport's own may carry it.
    fn everyone<T>(error: IdError, make: fn() -> T) -> Result<T, IdError> {
        if error == IdError::Reserved { Ok(make()) } else { Err(error) }
    }
    let time = envelope.time.as_deref().ok_or_else(|| missing("occurred_at"))?;
    Ok(Outer {
        id: id("id", envelope.id.as_deref(), EventId::new)?,
        key: PartnerKey {
            program: id("program", envelope.program.as_deref(), program)?,
            partner: id("partner", envelope.partner.as_deref(), partner)?,
        },
        occurred_at: crate::read::parse_instant(time).map_err(coded)?,
    })
}

fn coded(message: String) -> Rejection {
    match message.split_once(": ").and_then(|(code, rest)| Some((RejectCode::parse(code)?, rest.to_owned()))) {
        Some((code, detail)) => Rejection::new(code, detail),
        None => Rejection::new(RejectCode::BadValue, message),
    }
}

fn missing(field: &str) -> Rejection {
    Rejection::new(RejectCode::MissingField, format!("`{field}` is missing"))
}

fn check_time(field: &str, at: Timestamp, limits: &Limits, now: Timestamp) -> Result<(), Rejection> {
    let year = at.to_zoned(jiff::tz::TimeZone::UTC).year();
    if !YEARS.contains(&year) {
        let code = if year < *YEARS.start() { RejectCode::TooOld } else { RejectCode::InFuture };
        let detail = format!("`{field}` is {at}, outside the years {} to {}", YEARS.start(), YEARS.end());
        return Err(Rejection::new(code, detail));
    }
    let age = now.duration_since(at);
    if limits.history.is_some_and(|history| age > history) {
        let days = limits.history.map_or(0, |history| history.as_hours() / 24);
        let detail = format!("`{field}` is {at}, more than {days} days before {now}");
        return Err(Rejection::new(RejectCode::TooOld, detail));
    }
    if limits.ahead.is_some_and(|ahead| -age > ahead) {
        let hours = limits.ahead.map_or(0, |ahead| ahead.as_hours());
        let detail = format!("`{field}` is {at}, more than {hours} hours after {now}");
        return Err(Rejection::new(RejectCode::InFuture, detail));
    }
    Ok(())
}

fn payload(
    kind: &Kind,
    envelope: &mut Envelope<'_>,
    custom: &CustomKinds,
) -> Result<(Payload, Option<PersonalData>), Rejection> {
    let body = envelope.body;
    let mut personal = PersonalData::default();
    let payload = match kind.shape() {
        Shape::Partner => {
            let message: PartnerMessage = read_data(body)?;
            let (mut data, found) = message.split();
            personal = found.unwrap_or_default();
            strip(envelope, &mut data.extra);
            if envelope.flat && envelope.kind_as_type {
                data.partner_type = None;
            }
            Payload::Partner(Box::new(data))
        }
        Shape::Conversion => {
            let mut data: Box<ConversionData> = match envelope.conversion.take() {
                Some(data) => data,
                None => read_data(body)?,
            };
            strip(envelope, &mut data.extra);
            personal.take_named(&mut data.extra);
            Payload::Conversion(data)
        }
        shape => {
            let mut data = match ActivityData::read(shape, body) {
                Some(data) => data?,
                None => return Err(Rejection::new(RejectCode::ReservedKind, "a kind of rapport's own")),
            };
            strip(envelope, data.extra_mut());
            if data.count() > 10_000_000 {
                return Err(Rejection::new(RejectCode::BadValue, "`count` is above 10,000,000"));
            }
            if let (ActivityData::Custom(extra), Kind::Custom(name)) = (&mut data, kind)
                && let Some(declared) = custom.get(name)
            {
                check_declared(declared, extra, &mut personal)?;
            }
            data.take_personal(&mut personal);
            Payload::Activity(data)
        }
    };
    Ok((payload, (!personal.is_empty()).then_some(personal)))
}

/// In a flat event the outer fields came along with the data.
fn strip(envelope: &Envelope<'_>, extra: &mut Extra) {
    if envelope.flat {
        extra.retain(|name| !ENVELOPE_FIELDS.contains(&name) && name != "person_version");
    }
}

fn check_declared(kind: &CustomKind, extra: &mut Extra, personal: &mut PersonalData) -> Result<(), Rejection> {
    for field in &kind.fields {
        let value = match extra.get(&field.name) {
            None | Some(Value::Null) if field.required => return Err(missing(&field.name)),
            None | Some(Value::Null) => continue,
            Some(value) => value,
        };
        check_value(field, value)?;
        if field.personal
            && let Some(value) = extra.remove(&field.name)
        {
            personal.free.insert(field.name.to_string(), value);
        }
    }
    Ok(())
}

fn check_value(field: &CustomField, value: &Value) -> Result<(), Rejection> {
    let text = value.as_str();
    let fits = match field.ty {
        FieldType::Bool => value.is_boolean(),
        FieldType::Text => text.is_some(),
        FieldType::Count => value.is_u64(),
        FieldType::Number | FieldType::Percent => value.is_number(),
        FieldType::Instant => text.is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        FieldType::Date => text.is_some_and(|text| text.parse::<jiff::civil::Date>().is_ok()),
        FieldType::List => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        FieldType::Money => value.as_object().is_some_and(|money| {
            money.get("minor").is_some_and(Value::is_i64)
                && money
                    .get("currency")
                    .and_then(Value::as_str)
                    .is_some_and(|code| rapport_rule::money::Currency::parse(code).is_some())
        }),
    };
    if !fits {
        let detail = format!("`{}` is declared as {:?} and is something else", field.name, field.ty);
        return Err(Rejection::new(RejectCode::WrongType, detail));
    }
    if let Some(text) = text
        && !field.values.is_empty()
        && !field.values.iter().any(|allowed| &**allowed == text)
    {
        let detail = format!("`{}` is none of the declared values: {}", field.name, field.values.join(", "));
        return Err(Rejection::new(RejectCode::BadValue, detail));
    }
    Ok(())
}

/// Nesting above this is refused; serde_json itself would stop at 128.
const DEPTH_MAX: usize = 64;

/// Reads data; what is wrong is told with the field it stands in.
pub(crate) fn read_data<'a, T: Deserialize<'a>>(body: &'a str) -> Result<T, Rejection> {
    serde_json::from_str(body).map_err(|error| {
        // Read once more, now with the way to each field: only what is refused pays for it.
        let mut json = serde_json::Deserializer::from_str(body);
        let path = serde_path_to_error::deserialize::<_, T>(&mut json).err().map(|error| error.path().to_string());
        rejection_at(path.as_deref().filter(|path| *path != "." && !path.contains('?')), &error, body)
    })
}

/// Turns a reader's error into a rejection. Readers of this crate begin their messages with a code; the rest is told by serde's own
/// fixed phrases, in words. Texts of the input are taken out where serde would quote them whole: they may be personal.
pub(crate) fn rejection(error: &serde_json::Error, text: &str) -> Rejection {
    rejection_at(None, error, text)
}

fn rejection_at(path: Option<&str>, error: &serde_json::Error, text: &str) -> Rejection {
    let message = error.to_string();
    let (message, place) = split_place(&message);
    if let Some((code, detail)) = message.split_once(": ")
        && let Some(code) = RejectCode::parse(code)
    {
        return Rejection::new(code, shorten(&words::at(path, detail)));
    }
    let code = match error.classify() {
        _ if depth(text) > DEPTH_MAX => RejectCode::TooDeep,
        Category::Data => match () {
            () if message.starts_with("missing field") => RejectCode::MissingField,
            () if message.starts_with("duplicate field") => RejectCode::DuplicateKey,
            () if message.starts_with("invalid type") => RejectCode::WrongType,
            () => RejectCode::BadValue,
        },
        // serde_json calls a number where a word of a closed list belongs a syntax error.
        Category::Syntax if serde_json::from_str::<Value>(text).is_ok() => RejectCode::WrongType,
        Category::Io | Category::Syntax | Category::Eof => RejectCode::BadJson,
    };
    let told = match code {
        // Where the text stops being JSON; of a field the name says more.
        RejectCode::BadJson => format!("{message}{}", place.unwrap_or_default()),
        RejectCode::WrongType if error.classify() == Category::Syntax => {
            words::at(path, "something else where one of the contract's words belongs")
        }
        _ => words::told(path, message),
    };
    Rejection::new(code, shorten(&told))
}

/// serde_json ends its messages with a place. Events are one line mostly: then only the column says something.
pub(crate) fn split_place(message: &str) -> (&str, Option<String>) {
    let Some((before, place)) = message.rsplit_once(" at line ") else { return (message, None) };
    let place = match place.strip_prefix("1 column ") {
        Some(column) => format!(" at character {column}"),
        None => format!(" at line {place}"),
    };
    (before, Some(place))
}

fn shorten(detail: &str) -> String {
    let mut short: String =
        detail.chars().take(300).map(|c| if crate::clean::is_unsafe(c) { '\u{fffd}' } else { c }).collect();
    if detail.chars().nth(300).is_some() {
        short.push('…');
    }
    short
}

/// The deepest nesting of brackets outside of texts.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (true, b'"') => quoted = false,
            (true, _) => {}
            (false, b'"') => quoted = true,
            (false, b'[' | b'{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, _) => {}
        }
    }
    deepest
}
