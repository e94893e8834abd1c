//! The hot part: everything but the closed days.

use std::sync::Arc;

use crate::encoding::days::{self, get_cells, put_cells};
use crate::encoding::{EncodingError, Reader, Writer, open, put, put_bytes, put_instant, put_signed};
use crate::marks::Marks;
use crate::measure::{Measure, Totals};
use crate::moment::{Moment, Moments};
use crate::payout::{Payout, PayoutStatus};
use crate::profile::{Consent, Profile, Status, Stored};
use crate::ranking::Ranking;
use crate::sold::{Sold, SoldDay};
use crate::state::{Answer, LastingSignal, Opening, PartnerState};

/// Tags of the hot part. Never reused.
mod tag {
    pub const STATUS: u64 = 1;
    pub const ZONE: u64 = 2;
    pub const LANGUAGE: u64 = 3;
    pub const COUNTRY: u64 = 4;
    pub const PARTNER_TYPE: u64 = 5;
    pub const MANAGER: u64 = 6;
    pub const TAGS: u64 = 7;
    pub const REFERRED_BY: u64 = 8;
    pub const CONSENT: u64 = 9;
    pub const JOINED_AT: u64 = 10;
    pub const APPROVED_AT: u64 = 11;
    pub const CONTRACT_ENDS: u64 = 12;
    pub const CUSTOM: u64 = 13;
    pub const PERSON_VERSION: u64 = 14;
    pub const FIRST_EVENT_AT: u64 = 15;
    pub const ERASED_AT: u64 = 16;
    pub const OPEN: u64 = 17;
    pub const CLOSED_THROUGH: u64 = 18;
    pub const FORGOTTEN_SALES: u64 = 19;
    pub const TOTALS: u64 = 20;
    pub const MOMENTS: u64 = 21;
    pub const PAYOUTS: u64 = 22;
    pub const PRODUCTS: u64 = 23;
    pub const CATEGORIES: u64 = 24;
    pub const ANSWERS: u64 = 25;
    pub const OPENING: u64 = 26;
    pub const DETECTOR: u64 = 27;
    pub const GROUP: u64 = 28;
    pub const LANE: u64 = 29;
    pub const BAND: u64 = 30;
    pub const HEALTH: u64 = 31;
    pub const LASTING: u64 = 32;
    pub const MARKS: u64 = 33;
    pub const OPEN_MAILS: u64 = 34;
    pub const OBJECTS_TO_PROFILING: u64 = 35;
    pub const SOLD: u64 = 36;
}

/// Writes when a field was told, whether it has a value, and the value.
fn stored<T>(writer: &mut Writer, tag: u64, field: &Stored<T>, put_value: impl FnOnce(&mut Vec<u8>, &T)) {
    if field.value.is_none() && field.at == jiff::Timestamp::MIN {
        return;
    }
    writer.field(tag, |bytes| put_stored(bytes, field, put_value));
}

fn put_stored<T>(bytes: &mut Vec<u8>, field: &Stored<T>, put_value: impl FnOnce(&mut Vec<u8>, &T)) {
    put_instant(bytes, field.at);
    bytes.push(u8::from(field.value.is_some()));
    if let Some(value) = &field.value {
        put_value(bytes, value);
    }
}

fn get_stored<'a, T>(
    field: &mut Reader<'a>,
    value: impl FnOnce(&mut Reader<'a>) -> Result<T, EncodingError>,
) -> Result<Stored<T>, EncodingError> {
    let at = field.instant()?;
    let value = if field.byte()? == 0 { None } else { Some(value(field)?) };
    Ok(Stored { value, at })
}

fn text(bytes: &mut Vec<u8>, text: &Arc<str>) {
    put_bytes(bytes, text.as_bytes());
}

fn maybe_text(bytes: &mut Vec<u8>, text: Option<&Arc<str>>) {
    bytes.push(u8::from(text.is_some()));
    if let Some(text) = text {
        put_bytes(bytes, text.as_bytes());
    }
}

fn get_maybe_text(field: &mut Reader<'_>) -> Result<Option<Arc<str>>, EncodingError> {
    if field.byte()? == 0 { Ok(None) } else { field.shared().map(Some) }
}

fn put_maybe_signed(bytes: &mut Vec<u8>, number: Option<i64>) {
    bytes.push(u8::from(number.is_some()));
    if let Some(number) = number {
        put_signed(bytes, number);
    }
}

fn get_maybe_signed(field: &mut Reader<'_>) -> Result<Option<i64>, EncodingError> {
    if field.byte()? == 0 { Ok(None) } else { field.signed().map(Some) }
}

/// Several of something until the field ends.
fn several<'a, T>(
    mut field: Reader<'a>,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, EncodingError>,
) -> Result<Vec<T>, EncodingError> {
    let mut all = Vec::new();
    while !field.is_empty() {
        all.push(one(&mut field)?);
    }
    Ok(all)
}

impl PartnerState {
    /// The hot part: everything but the closed days.
    pub fn encode_hot(&self) -> Vec<u8> {
        // What is opaque here is most of it; a buffer that grows is copied each time.
        let marks: usize = self.marks.iter().map(|(name, mark)| name.len() + mark.len() + 8).sum();
        let lasting: usize = self.lasting.iter().map(|signal| signal.payload.len() + 100).sum();
        let mut writer = Writer::with_room(1_024 + self.detector.len() + marks + lasting);
        encode_profile(&mut writer, &self.profile);
        writer.field(tag::PERSON_VERSION, |bytes| {
            if let Some(version) = self.person_version {
                put_signed(bytes, version);
            }
        });
        for (tag, at) in [(tag::FIRST_EVENT_AT, self.first_event_at), (tag::ERASED_AT, self.erased_at)] {
            writer.field(tag, |bytes| {
                if let Some(at) = at {
                    put_instant(bytes, at);
                }
            });
        }
        writer.field(tag::OPEN, |bytes| put_cells(bytes, &self.open));
        writer.field(tag::OPEN_MAILS, |bytes| put_cells(bytes, &self.open_mails));
        writer.field(tag::CLOSED_THROUGH, |bytes| {
            if let Some(day) = self.closed_through {
                put_signed(bytes, i64::from(day));
            }
        });
        writer.field(tag::FORGOTTEN_SALES, |bytes| {
            if let Some((first, last)) = self.forgotten_sales {
                put_signed(bytes, i64::from(first));
                put_signed(bytes, i64::from(last));
            }
        });
        writer.field(tag::TOTALS, |bytes| {
            for (measure, sum) in self.totals.iter() {
                put(bytes, measure as u64);
                put_signed(bytes, sum);
            }
        });
        writer.field(tag::MOMENTS, |bytes| {
            for (moment, at) in self.moments.iter() {
                bytes.push(moment as u8);
                put_instant(bytes, at);
            }
        });
        writer.field(tag::PAYOUTS, |bytes| {
            for payout in self.payouts.iter() {
                bytes.extend_from_slice(&payout.id.to_le_bytes());
                bytes.push(payout.status as u8);
                put_instant(bytes, payout.at);
                put_maybe_signed(bytes, payout.due_on.map(i64::from));
            }
        });
        for (tag, ranking) in [(tag::PRODUCTS, &self.products), (tag::CATEGORIES, &self.categories)] {
            writer.field(tag, |bytes| {
                for (name, count) in ranking.iter() {
                    put_bytes(bytes, name.as_bytes());
                    put_signed(bytes, count);
                }
            });
        }
        writer.field(tag::ANSWERS, |bytes| {
            for (survey, answer) in &self.answers {
                text(bytes, survey);
                put_instant(bytes, answer.at);
                maybe_text(bytes, answer.answer.as_ref());
                bytes.push(u8::from(answer.score.is_some()));
                if let Some(score) = answer.score {
                    bytes.extend_from_slice(&score.to_le_bytes());
                }
            }
        });
        stored(&mut writer, tag::OPENING, &self.opening, |bytes, opening| {
            put_instant(bytes, opening.as_of);
            put_signed(bytes, opening.conversions);
            put_maybe_signed(bytes, opening.revenue);
            put_maybe_signed(bytes, opening.commission);
        });
        writer.field(tag::DETECTOR, |bytes| bytes.extend_from_slice(&self.detector));
        for (tag, name) in [(tag::GROUP, &self.group), (tag::LANE, &self.lane), (tag::BAND, &self.band)] {
            writer.field(tag, |bytes| {
                if let Some(name) = name {
                    text(bytes, name);
                }
            });
        }
        writer.field(tag::HEALTH, |bytes| {
            if let Some(health) = self.health {
                put(bytes, u64::from(health));
            }
        });
        writer.field(tag::LASTING, |bytes| {
            for signal in &self.lasting {
                text(bytes, &signal.kind);
                text(bytes, &signal.id);
                put_instant(bytes, signal.since);
                put_bytes(bytes, signal.payload.as_bytes());
            }
        });
        writer.field(tag::MARKS, |bytes| {
            for (name, mark) in self.marks.iter() {
                text(bytes, name);
                put_bytes(bytes, mark);
            }
        });
        writer.field(tag::SOLD, |bytes| {
            for sold in &self.sold.0 {
                put_signed(bytes, i64::from(sold.day));
                for ranking in [&sold.products, &sold.categories] {
                    put(bytes, ranking.0.len() as u64);
                    for (name, count) in ranking.iter() {
                        put_bytes(bytes, name.as_bytes());
                        put_signed(bytes, count);
                    }
                }
            }
        });
        writer.finish(&self.unknown)
    }

    /// Reads both parts; no days part means no closed days.
    pub fn decode(hot: &[u8], days: Option<&[u8]>) -> Result<PartnerState, EncodingError> {
        let mut state = PartnerState::default();
        if let Some(days) = days {
            days::decode(days, &mut state)?;
        }
        let mut fields = open(hot)?;
        while !fields.is_empty() {
            let (tag, field) = fields.field()?;
            if !decode_profile(&mut state.profile, tag, field)? && !state.decode_field(tag, field)? {
                state.unknown.keep(tag, field.0);
            }
        }
        Ok(state)
    }

    fn decode_field(&mut self, tag: u64, mut field: Reader<'_>) -> Result<bool, EncodingError> {
        match tag {
            tag::PERSON_VERSION => self.person_version = Some(field.signed()?),
            tag::FIRST_EVENT_AT => self.first_event_at = Some(field.instant()?),
            tag::ERASED_AT => self.erased_at = Some(field.instant()?),
            tag::OPEN => self.open = get_cells(field)?,
            tag::OPEN_MAILS => self.open_mails = get_cells(field)?,
            tag::CLOSED_THROUGH => self.closed_through = Some(field.day()?),
            tag::FORGOTTEN_SALES => self.forgotten_sales = Some((field.day()?, field.day()?)),
            tag::TOTALS => self.totals = totals(field)?,
            tag::MOMENTS => self.moments = moments(field)?,
            tag::PAYOUTS => self.payouts.0 = several(field, payout)?,
            tag::PRODUCTS => self.products = ranking(field)?,
            tag::CATEGORIES => self.categories = ranking(field)?,
            tag::ANSWERS => self.answers = several(field, answer)?,
            tag::OPENING => {
                self.opening = get_stored(&mut field, |field| {
                    Ok(Opening {
                        as_of: field.instant()?,
                        conversions: field.signed()?,
                        revenue: get_maybe_signed(field)?,
                        commission: get_maybe_signed(field)?,
                    })
                })?;
            }
            tag::DETECTOR => self.detector = field.0.to_vec(),
            tag::GROUP => self.group = Some(field.shared()?),
            tag::LANE => self.lane = Some(field.shared()?),
            tag::BAND => self.band = Some(field.shared()?),
            tag::HEALTH => self.health = Some(u16::try_from(field.number()?).map_err(|_| EncodingError::Corrupt)?),
            tag::LASTING => {
                self.lasting = several(field, |field| {
                    Ok(LastingSignal {
                        kind: field.shared()?,
                        id: field.shared()?,
                        since: field.instant()?,
                        payload: field.text()?.into(),
                    })
                })?;
            }
            tag::MARKS => {
                self.marks = Marks::of_stored(several(field, |field| Ok((field.shared()?, field.bytes()?.to_vec())))?);
            }
            tag::SOLD => self.sold = Sold(several(field, sold_day)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn totals(mut field: Reader<'_>) -> Result<Totals, EncodingError> {
    let mut totals = Totals::default();
    while !field.is_empty() {
        let number = u8::try_from(field.number()?).map_err(|_| EncodingError::Corrupt)?;
        let measure = Measure::from_number(number).ok_or(EncodingError::Corrupt)?;
        totals.add(measure, field.signed()?);
    }
    Ok(totals)
}

fn moments(mut field: Reader<'_>) -> Result<Moments, EncodingError> {
    let mut moments = Moments::default();
    while !field.is_empty() {
        let moment = Moment::from_number(field.byte()?).ok_or(EncodingError::Corrupt)?;
        moments.touch(moment, field.instant()?);
    }
    Ok(moments)
}

fn payout(field: &mut Reader<'_>) -> Result<Payout, EncodingError> {
    let (id, rest) = field.0.split_first_chunk::<8>().ok_or(EncodingError::Corrupt)?;
    field.0 = rest;
    let status = PayoutStatus::from_number(field.byte()?).ok_or(EncodingError::Corrupt)?;
    let at = field.instant()?;
    let due_on = match get_maybe_signed(field)? {
        Some(day) => Some(i32::try_from(day).map_err(|_| EncodingError::Corrupt)?),
        None => None,
    };
    Ok(Payout { id: u64::from_le_bytes(*id), due_on, status, at })
}

fn ranking(field: Reader<'_>) -> Result<Ranking, EncodingError> {
    Ok(Ranking(several(field, |field| Ok((field.shared()?, field.signed()?)))?))
}

fn sold_day(field: &mut Reader<'_>) -> Result<SoldDay, EncodingError> {
    Ok(SoldDay { day: field.day()?, products: counted(field)?, categories: counted(field)? })
}

/// A ranking with the number of its names before it.
fn counted(field: &mut Reader<'_>) -> Result<Ranking, EncodingError> {
    let mut names = Vec::new();
    for _ in 0..field.number()? {
        names.push((field.shared()?, field.signed()?));
    }
    Ok(Ranking(names))
}

fn answer(field: &mut Reader<'_>) -> Result<(Arc<str>, Answer), EncodingError> {
    let (survey, at, answer) = (field.shared()?, field.instant()?, get_maybe_text(field)?);
    let mut score = None;
    if field.byte()? != 0 {
        let (bytes, rest) = field.0.split_first_chunk::<8>().ok_or(EncodingError::Corrupt)?;
        field.0 = rest;
        score = Some(f64::from_le_bytes(*bytes));
    }
    Ok((survey, Answer { at, answer, score }))
}

fn encode_profile(writer: &mut Writer, profile: &Profile) {
    stored(writer, tag::STATUS, &profile.status, |bytes, status| bytes.push(*status as u8));
    stored(writer, tag::ZONE, &profile.zone, text);
    stored(writer, tag::LANGUAGE, &profile.language, text);
    stored(writer, tag::COUNTRY, &profile.country, text);
    stored(writer, tag::PARTNER_TYPE, &profile.partner_type, text);
    stored(writer, tag::MANAGER, &profile.manager, text);
    stored(writer, tag::TAGS, &profile.tags, |bytes, tags| tags.iter().for_each(|tag| text(bytes, tag)));
    stored(writer, tag::REFERRED_BY, &profile.referred_by, |bytes, id| put_bytes(bytes, id.as_str().as_bytes()));
    stored(writer, tag::OBJECTS_TO_PROFILING, &profile.objects_to_profiling, |bytes, objects| {
        bytes.push(u8::from(*objects))
    });
    stored(writer, tag::CONSENT, &profile.consent, |bytes, consent| {
        put_instant(bytes, consent.time);
        bytes.push(u8::from(consent.given));
        maybe_text(bytes, consent.source.as_ref());
        maybe_text(bytes, consent.wording.as_ref());
    });
    stored(writer, tag::JOINED_AT, &profile.joined_at, |bytes, at| put_instant(bytes, *at));
    stored(writer, tag::APPROVED_AT, &profile.approved_at, |bytes, at| put_instant(bytes, *at));
    stored(writer, tag::CONTRACT_ENDS, &profile.contract_ends, |bytes, on| {
        put_signed(bytes, i64::from(crate::day::number(*on)));
    });
    writer.field(tag::CUSTOM, |bytes| {
        for (name, field) in &profile.custom {
            text(bytes, name);
            put_stored(bytes, field, |bytes, value| put_bytes(bytes, value.as_bytes()));
        }
    });
}

/// Takes in a field of the profile; `false` for other tags.
fn decode_profile(profile: &mut Profile, tag: u64, mut field: Reader<'_>) -> Result<bool, EncodingError> {
    let shared = |field: &mut Reader<'_>| get_stored(field, Reader::shared);
    match tag {
        tag::STATUS => {
            profile.status = get_stored(&mut field, |field| {
                Status::ALL.get(usize::from(field.byte()?)).copied().ok_or(EncodingError::Corrupt)
            })?;
        }
        tag::ZONE => profile.zone = shared(&mut field)?,
        tag::LANGUAGE => profile.language = shared(&mut field)?,
        tag::COUNTRY => profile.country = shared(&mut field)?,
        tag::PARTNER_TYPE => profile.partner_type = shared(&mut field)?,
        tag::MANAGER => profile.manager = shared(&mut field)?,
        tag::TAGS => {
            profile.tags = get_stored(&mut field, |field| {
                let tags = several(*field, Reader::shared)?;
                field.0 = &[];
                Ok(tags)
            })?;
        }
        tag::REFERRED_BY => {
            profile.referred_by =
                get_stored(&mut field, |field| field.text()?.parse().map_err(|_| EncodingError::Corrupt))?;
        }
        tag::OBJECTS_TO_PROFILING => {
            profile.objects_to_profiling = get_stored(&mut field, |field| Ok(field.byte()? != 0))?;
        }
        tag::CONSENT => {
            profile.consent = get_stored(&mut field, |field| {
                Ok(Consent {
                    time: field.instant()?,
                    given: field.byte()? != 0,
                    source: get_maybe_text(field)?,
                    wording: get_maybe_text(field)?,
                })
            })?;
        }
        tag::JOINED_AT => profile.joined_at = get_stored(&mut field, Reader::instant)?,
        tag::APPROVED_AT => profile.approved_at = get_stored(&mut field, Reader::instant)?,
        tag::CONTRACT_ENDS => {
            profile.contract_ends = get_stored(&mut field, |field| Ok(crate::day::date(field.day()?)))?;
        }
        tag::CUSTOM => {
            profile.custom = several(field, |field| {
                let name = field.shared()?;
                Ok((name, get_stored(field, |field| Ok(Box::from(field.text()?)))?))
            })?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}
