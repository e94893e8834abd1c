//! What happens in a test: the partner is introduced, series and events come at their time.

use std::collections::VecDeque;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use rapport_engine::personal::SAID;
use rapport_event::{Event, Headers, Kind, Limits, decode_record, decode_with};
use rapport_workflow::trial::DailyKind;
use serde_json::{Map, Value as Json, json};

use super::Stage;

/// What a test writes as the `message` of an answer that was given by a link of the mail that went out last.
const LAST_MAIL: &str = "last_mail";

/// Something that is going to happen.
pub(super) struct Upcoming {
    pub(super) at: Timestamp,
    /// When it happened, if it arrives late.
    pub(super) happened: Option<Timestamp>,
    pub(super) kind: Kind,
    pub(super) id: Option<String>,
    pub(super) payload: Map<String, Json>,
}

impl Stage<'_> {
    /// The partner as known before the first instant. Nothing starts on it: it is older than the deployment.
    pub(super) fn introduce(&mut self) -> Result<(), String> {
        let at = self.now.checked_sub(SignedDuration::from_secs(1)).unwrap_or(self.now);
        let mut fields = self.trial.fields.clone();
        for (name, value) in
            [("name", "Ada Holm"), ("email", "ada@partner.example"), ("zone", "Europe/Oslo"), ("language", "en")]
        {
            fields.entry(name).or_insert_with(|| json!(value));
        }
        if !fields.contains_key("first_name")
            && let Some(first) = fields.get("name").and_then(Json::as_str).and_then(|name| name.split(' ').next())
        {
            let first = first.to_owned();
            fields.insert("first_name".into(), json!(first));
        }
        fields.entry("consent").or_insert_with(|| json!({ "given": true, "source": "form" }));
        for (_, value) in fields.iter_mut() {
            self.dates_in(value);
        }
        let mut kinds = vec![Kind::PartnerJoined];
        match self.trial.status.as_str() {
            "active" => kinds.push(Kind::PartnerApproved),
            "suspended" => kinds.extend([Kind::PartnerApproved, Kind::PartnerSuspended]),
            "closed" => kinds.extend([Kind::PartnerApproved, Kind::PartnerClosed]),
            "rejected" => kinds.push(Kind::PartnerRejected),
            "unknown" => kinds = vec![Kind::PartnerUpdated],
            _ => {}
        }
        let start = std::mem::replace(&mut self.now, at);
        for kind in kinds {
            let payload = fields.clone();
            let event = self.event(&Upcoming { at, happened: None, kind, id: None, payload })?;
            self.fold(&event)?;
        }
        self.now = start;
        Ok(())
    }

    /// Everything of the test in order of time.
    pub(super) fn plan(&self) -> VecDeque<Upcoming> {
        let trial = self.trial;
        let mut all: Vec<Upcoming> = Vec::new();
        for daily in &trial.daily {
            for (index, count) in daily.counts.iter().enumerate() {
                let day = index as i64 + 1;
                let (open, close) =
                    (trial.at(day, Time::constant(9, 0, 0, 0)), trial.at(day, Time::constant(21, 0, 0, 0)));
                let length = close.as_second() - open.as_second();
                let mut add = |at: Timestamp, kind: Kind, payload: Json| {
                    let payload = payload.as_object().cloned().unwrap_or_default();
                    all.push(Upcoming { at, happened: None, kind, id: None, payload });
                };
                match daily.what {
                    DailyKind::Clicks if *count > 0 => add(open, Kind::LinkClicked, json!({ "count": count })),
                    DailyKind::Clicks => {}
                    DailyKind::Logins => {
                        for n in 0..*count {
                            add(part_of_day(open, length, n, *count), Kind::Login, json!({}));
                        }
                    }
                    DailyKind::Conversions | DailyKind::Pending => {
                        let status = if daily.what == DailyKind::Pending { "pending" } else { "approved" };
                        for n in 0..*count {
                            let sale = json!({ "status": status, "amount": daily.amount.minor, "commission": daily.amount.minor / 10,
                                "currency": daily.amount.currency.code() });
                            add(part_of_day(open, length, n, *count), Kind::Conversion, sale);
                        }
                    }
                }
            }
        }
        for event in &trial.events {
            let mut payload = event.payload.clone();
            payload.values_mut().for_each(|value| self.dates_in(value));
            all.push(Upcoming {
                at: trial.at(event.day, event.time),
                happened: event.happened.map(|day| trial.at(day, event.time)),
                kind: event.kind.clone(),
                id: event.id.clone(),
                payload,
            });
        }
        // Stable: at one instant the series come first, then events as written.
        all.sort_by_key(|upcoming| upcoming.at);
        all.into()
    }

    /// `day 90` stands for that date.
    fn dates_in(&self, value: &mut Json) {
        match value {
            Json::String(text) => {
                if let Some(day) = text.strip_prefix("day ").and_then(|day| day.trim().parse::<i64>().ok()) {
                    *value = json!(self.trial.date(day).to_string());
                }
            }
            Json::Object(map) => map.values_mut().for_each(|value| self.dates_in(value)),
            _ => {}
        }
    }

    pub(super) fn happen(&mut self) -> Result<(), String> {
        let Some(upcoming) = self.upcoming.pop_front() else { return Ok(()) };
        let event = self.event(&upcoming)?;
        match event.kind {
            Kind::ContactOptedOut | Kind::ContactSuppressed => {
                let text = |name: &str| upcoming.payload.get(name).and_then(Json::as_str).map(str::to_owned);
                let reason = text("reason").unwrap_or_else(|| "unsubscribe".into());
                self.suppressions.push((text("topic").filter(|topic| topic != "*"), reason));
            }
            Kind::ContactOptedIn => self.suppressions.clear(),
            _ => {}
        }
        self.fold(&event)
    }

    /// What the partner wrote to a survey, as the answer page keeps it.
    fn said(&self, data: &Map<String, Json>) -> Option<(String, Json)> {
        let text = |name: &str| data.get(name).and_then(Json::as_str);
        let survey = self.applied.rulebook.surveys.get(text("survey")?).filter(|survey| survey.takes_words())?;
        Some((format!("{SAID}{}", survey.answer_field.as_deref()?), Json::from(text("comment").unwrap_or_default())))
    }

    fn event(&mut self, upcoming: &Upcoming) -> Result<Event, String> {
        self.events += 1;
        let id = upcoming.id.clone().unwrap_or_else(|| format!("e{}", self.events));
        let kind = upcoming.kind.name();
        let mut data = upcoming.payload.clone();
        if upcoming.kind == Kind::Conversion {
            data.entry("conversion_id").or_insert_with(|| json!(id));
            data.entry("status").or_insert_with(|| json!("approved"));
            data.entry("currency").or_insert_with(|| json!("EUR"));
            data.entry("amount").or_insert_with(|| json!(4000));
        }
        if upcoming.kind == Kind::TaskDone && !data.contains_key("task") {
            let last = self.performance.tasks.last().map(|task| task.id.clone());
            data.insert("task".into(), json!(last.ok_or("task.done: no task was opened before")?));
        }
        if upcoming.kind == Kind::MessageClicked && !data.contains_key("message") {
            let last = self.performance.mails.last().ok_or("message.clicked: no mail went out before")?;
            let message = last.letter.message_id.split('@').next().unwrap_or_default();
            data.insert("message".into(), json!(message));
            for (field, value) in [("workflow", &last.workflow), ("mail", &last.mail)] {
                data.entry(field).or_insert_with(|| json!(value));
            }
            data.entry("link").or_insert_with(|| json!(1));
        }
        if upcoming.kind == Kind::SurveyAnswered && data.get("message").and_then(Json::as_str) == Some(LAST_MAIL) {
            let last = self.performance.mails.last().ok_or("survey.answered: no mail went out before")?;
            data.insert("message".into(), json!(last.letter.message_id.split('@').next().unwrap_or_default()));
        }
        if upcoming.kind == Kind::CaseResolved && !data.contains_key("case") {
            let last = self.performance.cases.last().ok_or("case.resolved: no case was opened before")?;
            data.insert("case".into(), json!(last.id));
            data.insert("opened_at".into(), json!(last.at.to_string()));
            data.entry("outcome").or_insert_with(|| json!("solved"));
            data.entry("owner").or_insert_with(|| json!(last.to));
        }
        let key = &self.entry.key;
        let record =
            json!({ "specversion": "1.0", "source": "test", "id": id, "type": kind, "program": key.program.as_str(),
            "partner": key.partner.as_str(), "time": upcoming.happened.unwrap_or(upcoming.at).to_string(), "data": data })
            .to_string();
        let on = self.trial.day_of(upcoming.at);
        let rejected = |rejection: rapport_event::Rejection| {
            format!("{kind} on day {on} would be rejected: {}: {}", rejection.code.as_str(), rejection.detail)
        };
        if !upcoming.kind.is_upstream() {
            return decode_record(record.as_bytes()).map_err(rejected);
        }
        let custom = &self.applied.rulebook.custom_kinds;
        let decoded =
            decode_with(&Limits::replay(), record.as_bytes(), &Headers(&[]), custom, upcoming.at).map_err(rejected)?;
        if kind.starts_with("partner.") {
            self.person.extend(data);
        } else if upcoming.kind == Kind::SurveyAnswered {
            let said = self.said(&data);
            self.person.extend(said);
        }
        Ok(decoded.event)
    }
}

/// Spread over the day, none at its very ends.
fn part_of_day(open: Timestamp, length: i64, n: u32, count: u32) -> Timestamp {
    let seconds = length * (2 * i64::from(n) + 1) / (2 * i64::from(count.max(1)));
    open.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(open)
}
