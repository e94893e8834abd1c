//! What people and loops ask about the whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use rapport_engine::{
    ingest::FILE,
    ports::{
        keep::{Class, DataClass, Keep, without_explanation},
        rows::{JourneyRow, MessageState},
        store::{FeedbackRow, Outstanding, StoreError},
    },
    shard::health::REVIEWED,
    story::{Story, ToldMessage},
};
use rapport_event::id::PartnerKey;

use super::{StoredMessage, Tables};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Tables {
    pub(crate) fn outstanding(&self, by: Timestamp) -> Outstanding {
        Outstanding {
            outbox: number(self.outbox.len()),
            messages: number(self.outstanding_messages(by)),
            requests: number(self.requests.len()),
            timers: number(self.timers.due_by(by)),
            calls: number(self.calls.values().filter(|call| call.state == "queued" && call.row.due <= by).count()),
        }
    }

    pub(crate) fn story(&self, key: &PartnerKey) -> Result<Option<Story>, StoreError> {
        let Some((_, partner)) = self.partners.get(key) else { return Ok(None) };
        let mut messages: Vec<ToldMessage> = self
            .messages
            .values()
            .filter(|message| message.row.key == *key)
            .map(|message| ToldMessage {
                message: message.row.clone(),
                state: message.state,
                reason: message.reason.clone(),
                changed_at: message.changed_at,
                reply: message.reply.clone(),
                carrier: message.carrier.clone(),
            })
            .collect();
        messages.sort_by(|one, other| {
            (one.message.planned_at, &one.message.id).cmp(&(other.message.planned_at, &other.message.id))
        });
        let mut signals: Vec<_> = self.signals.values().filter(|row| row.key == *key).cloned().collect();
        signals.sort_by(|one, other| (one.occurred_at, &one.id).cmp(&(other.occurred_at, &other.id)));
        let mut tasks: Vec<_> = self.tasks.values().filter(|row| row.key == *key).cloned().collect();
        tasks.sort_by(|one, other| (one.opened_at, &one.id).cmp(&(other.opened_at, &other.id)));
        Ok(Some(Story {
            partner: partner.clone(),
            person: self.person(key)?,
            journeys: self.journeys_of(key),
            messages,
            signals,
            refusals: self.refusals.values().filter(|row| row.key == *key).cloned().collect(),
            tasks,
            parked: self.parked_of(key),
        }))
    }

    pub(crate) fn parked_of(&self, key: &PartnerKey) -> Vec<(i64, String)> {
        let parked = self.parked.iter().filter(|((of, _), _)| of == key);
        parked.map(|((_, offset), reason)| (*offset, reason.clone())).collect()
    }

    pub(crate) fn counts(&self) -> Vec<(String, i64)> {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        let mut add = |name: String| *counts.entry(name).or_default() += 1;
        for journey in self.journeys.values() {
            add(format!("journeys/{}", journey.workflow));
            if self.timers.contains_key(&(journey.key.clone(), format!("held:{}", journey.id))) {
                add(format!("held/{}", journey.workflow));
            }
        }
        for message in self.messages.values() {
            add(format!("messages/{}/{}", message.row.workflow, message.state.code()));
            let unsent =
                [MessageState::Suppressed, MessageState::Expired, MessageState::Failed, MessageState::Cancelled];
            if unsent.contains(&message.state) {
                add(format!("not_sent/{}", message.reason.as_deref().unwrap_or_default()));
            }
        }
        for signal in self.signals.values() {
            add(format!("signals/{}", signal.kind));
        }
        for letter in self.dead_letters.values() {
            add(format!("dead_letters/{}", letter.code));
        }
        counts.insert("partners".into(), number(self.partners.len()));
        counts.insert("conversions".into(), number(self.conversions.len()));
        counts.insert("tasks".into(), number(self.tasks.len()));
        counts.into_iter().collect()
    }

    pub(crate) fn invariants(&self) -> Vec<(String, i64)> {
        let active = || self.journeys.values().filter(|journey| journey.exited.is_none());
        let mut keys: BTreeMap<(PartnerKey, String, String), i64> = BTreeMap::new();
        for journey in active() {
            let body: serde_json::Value = serde_json::from_str(&journey.body).unwrap_or_default();
            let key = body.get("key").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            *keys.entry((journey.key.clone(), journey.workflow.clone(), key)).or_default() += 1;
        }
        let doubled = keys.values().filter(|count| **count > 1).count();
        let waits = |journey: &rapport_engine::ports::rows::JourneyRow| {
            let timer = |kind: &str| self.timers.contains_key(&(journey.key.clone(), format!("{kind}:{}", journey.id)));
            timer("journey")
                || timer("held")
                || self.requests.values().any(|request| request.journey == journey.id)
                // One that ended may be on its way back.
                || self.calls.values().any(|call| call.row.journey == journey.id)
                || !self.parked_of(&journey.key).is_empty()
                || self.messages.values().any(|message| {
                    let clock = self.clock(message.row.shard).unwrap_or(Timestamp::UNIX_EPOCH);
                    message.row.journey == journey.id
                        && (matches!(message.state, MessageState::Queued | MessageState::Attempting)
                            || message.changed_at > clock.checked_sub(DAY).unwrap_or(Timestamp::MIN))
                })
        };
        let idle = active().filter(|journey| !journey.held_out && !waits(journey)).count();
        let active_ids: BTreeSet<&String> = active().map(|journey| &journey.id).collect();
        let all_ids: BTreeSet<&String> = self.journeys.values().map(|journey| &journey.id).collect();
        let orphan_timers = self
            .timers
            .keys()
            .filter(|(_, subject)| {
                subject.strip_prefix("journey:").is_some_and(|id| !active_ids.contains(&id.to_owned()))
            })
            .count();
        let orphans = self.messages.values().filter(|message| !all_ids.contains(&message.row.journey)).count();
        let unlockable = self
            .messages
            .values()
            .filter(|message| matches!(message.state, MessageState::Queued | MessageState::Attempting))
            .filter(|message| message.address.as_ref().is_some_and(|address| !self.recipients.contains_key(address)))
            .count();
        let attempting =
            |id: &String| self.messages.get(id).is_some_and(|message| message.state == MessageState::Attempting);
        let strays = self
            .messages
            .values()
            .filter(|message| message.state == MessageState::Attempting)
            .filter(|message| {
                let hand = message.address.as_ref().and_then(|address| self.recipients.get(address));
                hand.and_then(Option::as_ref) != Some(&message.row.id)
            })
            .count();
        let empty_hands = self.recipients.values().flatten().filter(|id| !attempting(id)).count();
        let accepted = [MessageState::Attempting, MessageState::Sent, MessageState::InDoubt];
        let uncounted = self
            .messages
            .values()
            .filter(|message| accepted.contains(&message.state) && !self.sent.contains_key(&message.row.id))
            .count();
        let overcounted = self
            .sent
            .keys()
            .filter(|id| !self.messages.get(*id).is_some_and(|message| accepted.contains(&message.state)))
            .count();
        let overlooked = self
            .messages
            .values()
            .filter(|message| message.state == MessageState::Queued && !self.is_paused(&message.row))
            .filter(|message| {
                let clock = self.clock(message.row.shard).unwrap_or(Timestamp::UNIX_EPOCH);
                message.row.expires < clock.checked_sub(DAY).unwrap_or(Timestamp::MIN)
            })
            .count();
        let stranded = self
            .messages
            .values()
            .filter(|message| message.state == MessageState::Queued)
            .filter(|message| message.carrier.as_ref().is_some_and(|carrier| !attempting(carrier)))
            .count();
        let partnerless = self.journeys.values().filter(|row| !self.partners.contains_key(&row.key)).count();
        [
            ("one_active_journey_per_workflow_and_key", doubled),
            ("active_journeys_wait_for_something", idle),
            ("timers_belong_to_active_journeys", orphan_timers),
            ("messages_belong_to_journeys", orphans),
            ("addresses_can_be_locked", unlockable),
            ("one_attempt_per_recipient", strays),
            ("recipients_have_only_attempts_in_hand", empty_hands),
            ("accepted_messages_are_counted", uncounted),
            ("only_accepted_messages_are_counted", overcounted),
            ("queued_messages_are_looked_at", overlooked),
            ("what_travels_has_a_carrier_in_hand", stranded),
            ("partners_of_rows_exist", partnerless),
        ]
        .map(|(name, rows)| (name.to_owned(), number(rows)))
        .to_vec()
    }

    pub(crate) fn prune(&mut self, now: Timestamp, server_now: Timestamp, keep: Keep) -> u64 {
        let kept = SignedDuration::from_hours(i64::from(keep.days) * 24);
        let oldest = |now: Timestamp| now.checked_sub(kept).unwrap_or(Timestamp::MIN);
        let before = oldest(now);
        let removed = match keep.class {
            Class::ActivityIds => {
                let clocks: BTreeMap<i32, Timestamp> = self
                    .shards
                    .values()
                    .filter_map(|row| Some((row.shard, row.clock?.checked_sub(kept).ok()?)))
                    .collect();
                retain(&mut self.ids, |(shard, _), (clock, _)| clocks.get(shard).is_none_or(|oldest| *clock >= *oldest))
            }
            Class::Processes => retain(&mut self.processes, |_, at| *at >= oldest(server_now)),
            Class::SurveyTickets => retain(&mut self.tickets, |_, closes_at| *closes_at >= before),
            Class::Clicks => retain(&mut self.clicks, |_, (row, _)| row.at >= before),
            Class::Pace => {
                let silent = before.as_microsecond();
                let messages = &self.messages;
                let attempting =
                    |id: &String| messages.get(id).is_some_and(|message| message.state == MessageState::Attempting);
                retain(&mut self.leaving, |id, _| attempting(id))
                    + retain(&mut self.pace, |_, row| row.free_us >= silent || row.slot_us >= silent)
            }
            Class::WarmUp => {
                let oldest = before.as_millisecond().div_euclid(86_400_000);
                retain(&mut self.warm_up, |(_, day), _| *day >= oldest)
            }
            Class::LogMarks => {
                let last_day = before.to_zoned(TimeZone::UTC).date().saturating_sub(1.day());
                let closed: BTreeMap<_, _> =
                    self.day_closes.keys().map(|(program, day)| (program.clone(), *day)).collect();
                let marks = self.clock_marks.len();
                self.clock_marks.retain(|(_, _, clock)| *clock >= before);
                let parts = retain(&mut self.day_parts, |(program, day, _), _| {
                    *day >= last_day || closed.get(program).is_none_or(|closed| closed < day)
                });
                marks - self.clock_marks.len() + parts
            }
            Class::Data(DataClass::Conversions) => retain(&mut self.conversions, |_, row| row.occurred_at >= before),
            Class::Data(DataClass::CountedMails) => self.sent.forget_before(before),
            Class::Data(DataClass::DeadLetters) => {
                let mut removed =
                    retain(&mut self.dead_letters, |_, row| row.at >= before || row.source.starts_with(FILE));
                for row in self.dead_letters.values_mut().filter(|row| row.at < before && !row.raw.is_empty()) {
                    (row.raw, row.headers, row.detail) = (Vec::new(), "{}".to_owned(), String::new());
                    removed += 1;
                }
                removed
            }
            Class::Data(DataClass::Feedback) => {
                // That a service mail came back stays: whom a notice reached is told by it.
                let messages = &self.messages;
                let is_of_notice = |row: &FeedbackRow| {
                    let message = row.message.as_ref().and_then(|id| messages.get(id));
                    matches!(row.what.as_str(), "bounce.hard" | "bounce.soft" | "bounce.policy")
                        && message.is_some_and(|message| message.row.kind == "service")
                };
                retain(&mut self.feedback, |_, row| row.at >= before || is_of_notice(row))
                    + retain(&mut self.responses, |_, row| row.at >= before)
            }
            Class::Data(DataClass::HealthReviews) => {
                // Each partner's newest review before the history stays: it says what held when the history begins.
                let mut newest: BTreeMap<PartnerKey, Timestamp> = BTreeMap::new();
                for row in self.signals.values().filter(|row| row.kind == REVIEWED && row.occurred_at <= before) {
                    let known = newest.entry(row.key.clone()).or_insert(row.occurred_at);
                    *known = row.occurred_at.max(*known);
                }
                retain(&mut self.signals, |_, row| {
                    row.kind != REVIEWED || newest.get(&row.key).is_none_or(|newest| row.occurred_at >= *newest)
                })
            }
            Class::Data(DataClass::Mails) => {
                let gone: Vec<String> =
                    self.messages.values().filter(|message| self.is_gone(message, before)).map(id_of).collect();
                for id in &gone {
                    self.messages.remove(id);
                }
                gone.len()
            }
            Class::Data(DataClass::Explanations) => {
                let mut removed = retain(&mut self.refusals, |_, row| row.at >= before);
                let is_old = |row: &JourneyRow| row.exited.as_ref().is_some_and(|(at, _)| *at < before);
                for row in self.journeys.values_mut().filter(|row| is_old(row)) {
                    if let Some(body) = without_explanation(&row.body) {
                        row.body = body;
                        removed += 1;
                    }
                }
                removed
            }
        };
        removed as u64
    }

    /// Whether it is a marketing mail that ended before, and nothing asks for it any more: no cap counts it, its journey is over, and it
    /// was not told in a digest of which nobody knows whether it left. What was refused stays: a backtest tells it again.
    fn is_gone(&self, message: &StoredMessage, before: Timestamp) -> bool {
        let over = [MessageState::Sent, MessageState::Suppressed, MessageState::Expired, MessageState::Cancelled];
        let open = [MessageState::Attempting, MessageState::InDoubt];
        let journey = (message.row.key.clone(), message.row.journey.clone());
        let carrier = message.carrier.as_ref().and_then(|id| self.messages.get(id));
        message.row.kind == "marketing"
            && over.contains(&message.state)
            && message.changed_at < before
            && !self.sent.contains_key(&message.row.id)
            && self.journeys.get(&journey).is_none_or(|row| row.exited.is_some())
            && carrier.is_none_or(|carrier| !open.contains(&carrier.state))
    }
}

fn id_of(message: &StoredMessage) -> String {
    message.row.id.clone()
}

/// How many went.
fn retain<K: Ord, V>(rows: &mut BTreeMap<K, V>, keep: impl FnMut(&K, &mut V) -> bool) -> usize {
    let before = rows.len();
    rows.retain(keep);
    before - rows.len()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
