//! Signals that last: raised, carried on with newer evidence, ended.

use jiff::{Timestamp, civil::Date};
use rapport_event::{EngineData, Event, Kind, PartnerKey, Payload, engine::SignalData, extra::Extra};
use rapport_insight::{
    day,
    dip::{Dip, Evidence, revenue::RevenueEvidence},
    silence,
};
use rapport_partner::LastingSignal;
use rapport_rule::Money;

use super::{Quarantine, Reaction};
use crate::{
    calendar::ProgramDays,
    ports::rows::{SignalRow, TimerRow},
    records,
    shard::{
        day_close::{
            Verdicts,
            sales::{self, RevenueDip},
        },
        facts::{PartnerFacts, marks},
    },
};

/// Timer subject: silence begins if nothing comes until then.
pub const SILENCE: &str = "silence";

/// A signal's row. The id is the signal's own within the partner; rows are keyed by both.
pub fn row(
    key: &PartnerKey,
    id: &str,
    kind: &Kind,
    occurred_at: Timestamp,
    ended_at: Option<Timestamp>,
    payload: String,
) -> SignalRow {
    SignalRow {
        id: format!("{key}:{id}"),
        key: key.clone(),
        kind: kind.name().into_owned(),
        occurred_at,
        ended_at,
        payload,
    }
}

impl Reaction<'_> {
    /// A day of the partner was judged.
    pub fn close_day(mut self, verdicts: &Verdicts) -> Result<(), Quarantine> {
        if self.entry.state.profile.objects_to_profiling() {
            // Also what was raised before this was asked.
            self.forget_judgements();
        } else {
            if let Some(verdict) = &verdicts.conversions {
                self.judge_dip(&verdict.dip);
            }
            if let Some(dip) = &verdicts.revenue {
                self.judge_revenue(dip);
            }
            self.tell_wins(&verdicts.wins);
            self.carry_silence_on();
        }
        self.review_segments();
        self.propose_goals();
        self.look_at_goals();
        self.look_at_pace();
        if self.review_health() {
            // A segment may ask for health. Told only at the next event, its day would depend on which record came first.
            self.review_segments();
        }
        // What was raised just now is told first: only what nobody began on then is looked at again.
        self.follow()?;
        self.look_again_at_what_lasts();
        self.follow()?;
        self.keep_timed(true);
        self.follow()
    }

    /// What a day's verdict means for the partner's signals.
    fn judge_dip(&mut self, dip: &Dip) {
        match dip {
            Dip::None => {}
            Dip::Began(evidence) => {
                self.raise(&Kind::DipConversions, &format!("dip:{}", evidence.since_on()), dip_data(evidence))
            }
            Dip::Lasts(evidence) => {
                let id = self.entry.state.lasting("dip.conversions").map(|signal| signal.id.to_string());
                if let Some(id) = id {
                    self.carry_on(&Kind::DipConversions, &id, &dip_data(evidence));
                }
            }
            Dip::Recovered(evidence) => {
                self.end(&Kind::DipConversions, Kind::DipConversionsRecovered, dip_data(evidence));
            }
        }
    }

    /// What a day's verdict on order values means for the partner's signals.
    fn judge_revenue(&mut self, dip: &RevenueDip) {
        let id = || format!("dip-revenue:{}", self.program.zone.to_datetime(self.now).date());
        match dip {
            RevenueDip::Began(evidence) => {
                let (id, data) = (id(), self.revenue_data(evidence));
                self.raise(&Kind::DipRevenue, &id, data);
            }
            RevenueDip::Lasts(evidence) => {
                let id = self.entry.state.lasting(sales::KIND).map(|signal| signal.id.to_string());
                if let Some(id) = id {
                    let data = self.revenue_data(evidence);
                    self.carry_on(&Kind::DipRevenue, &id, &data);
                }
            }
            RevenueDip::Recovered(evidence) => {
                let data = self.revenue_data(evidence);
                self.end(&Kind::DipRevenue, Kind::DipRevenueRecovered, data);
            }
            RevenueDip::Forgotten => self.end_quietly(&Kind::DipRevenue, |_| true),
        }
    }

    fn revenue_data(&self, evidence: &RevenueEvidence) -> SignalData {
        let currency = self.program.currency;
        let since = day::date_of(evidence.since);
        let money = |minor: f64| Money { minor: minor.round() as i64, currency };
        // `expected` and `observed` are what both dips have; here they are whole units of money.
        let whole = |minor: f64| (minor.round() / currency.minor_per_unit() as f64).max(0.0);
        let each = |sum: f64| money(if evidence.orders > 0.0 { sum / evidence.orders } else { 0.0 });
        let mut extra = Extra::NONE;
        extra.insert("orders", evidence.orders);
        extra.insert("normal_minor", evidence.normal);
        SignalData {
            name: "dip".into(),
            summary: format!(
                "{:.0} conversions since {} brought {} each, {} were expected",
                evidence.orders,
                since.strftime("%-d %B"),
                each(evidence.observed),
                each(evidence.expected)
            )
            .into(),
            since: Some(since),
            expected: Some(whole(evidence.expected)),
            observed: Some(whole(evidence.observed)),
            drop_percent: Some(f64::from(evidence.drop_percent())),
            chance: Some(evidence.chance),
            extra,
        }
    }

    /// Ends what was judged before the partner objected: every signal that lasts, and the health.
    pub(super) fn forget_judgements(&mut self) {
        self.entry.state.set_mark(marks::CLICKED, Vec::new());
        let state = &self.entry.state;
        if state.lasting.is_empty() && state.health.is_none() && state.band.is_none() {
            return;
        }
        let kinds: Vec<_> = self.entry.state.lasting.iter().filter_map(|signal| Kind::parse(&signal.kind)).collect();
        for kind in &kinds {
            self.end_quietly(kind, |_| true);
        }
        (self.entry.state.health, self.entry.state.band) = (None, None);
        self.entry.state.set_mark(marks::HEALTH, Vec::new());
    }

    /// Raises a signal that lasts, and tells of it; nothing of partners who object to being judged.
    pub(super) fn raise(&mut self, kind: &Kind, id: &str, data: SignalData) {
        if self.entry.state.profile.objects_to_profiling() {
            return;
        }
        self.keep(kind, id, &data, self.now);
        metrics::counter!("rapport_signals_total", "kind" => kind.name().into_owned()).increment(1);
        self.tell(kind.clone(), id, data);
    }

    /// Newer evidence of a signal that lasts.
    fn carry_on(&mut self, kind: &Kind, id: &str, data: &SignalData) {
        let since = self.entry.state.lasting(&kind.name()).map_or(self.now, |signal| signal.since);
        self.keep(kind, id, data, since);
    }

    fn keep(&mut self, kind: &Kind, id: &str, data: &SignalData, since: Timestamp) {
        let payload = serde_json::to_string(data).unwrap_or_default();
        self.batch.signals.push(row(&self.entry.key, id, kind, since, None, payload.clone()));
        self.entry.state.raise(LastingSignal {
            kind: kind.name().as_ref().into(),
            id: id.into(),
            since,
            payload: payload.into(),
        });
    }

    /// Ends every lasting signal of a kind; what ended it is told as `ended`.
    fn end(&mut self, kind: &Kind, ended: Kind, data: SignalData) {
        for signal in self.entry.state.end(&kind.name()) {
            self.batch.signals.push(row(
                &self.entry.key,
                &signal.id,
                kind,
                signal.since,
                Some(self.now),
                signal.payload.into(),
            ));
            let id = format!("{}:ended", signal.id);
            let payload = serde_json::to_string(&data).unwrap_or_default();
            self.batch.signals.push(row(&self.entry.key, &id, &ended, self.now, None, payload));
            self.tell(ended.clone(), &id, data.clone());
        }
    }

    /// Ends lasting signals of a kind whose end nobody is told of.
    pub(super) fn end_quietly(&mut self, kind: &Kind, which: impl Fn(&str) -> bool) {
        let name = kind.name();
        let lasting = std::mem::take(&mut self.entry.state.lasting);
        let (ended, rest): (Vec<_>, Vec<_>) =
            lasting.into_iter().partition(|signal| *signal.kind == *name && which(&signal.id));
        self.entry.state.lasting = rest;
        for signal in ended {
            let (since, payload) = (signal.since, signal.payload.into());
            self.batch.signals.push(row(&self.entry.key, &signal.id, kind, since, Some(self.now), payload));
        }
    }

    fn tell(&mut self, kind: Kind, id: &str, data: SignalData) {
        let event = self.signal_event(kind, id, data);
        self.announce(event);
    }

    fn signal_event(&self, kind: Kind, id: &str, data: SignalData) -> Event {
        self.own_event(kind, id, EngineData::Signal(data))
    }

    /// What the engine says of itself at this moment, under an id that is the same whenever it is said again.
    fn own_event(&self, kind: Kind, id: &str, data: EngineData) -> Event {
        Event {
            id: records::derived_id(id),
            key: self.entry.key.clone(),
            kind,
            occurred_at: self.now,
            payload: Payload::Engine(Box::new(data)),
            person_version: None,
        }
    }

    /// Something of one moment: a row for those who ask, and an event for those who wait.
    pub(super) fn happened(&mut self, kind: Kind, id: &str, shown: String, data: EngineData) {
        self.batch.signals.push(row(&self.entry.key, id, &kind, self.now, None, shown));
        self.announce(self.own_event(kind, id, data));
    }

    /// Lasting silences are looked at again at the day close, with the days grown. What of that is kept is written with the partner's
    /// next change, see docs/adr/0017.
    fn carry_silence_on(&mut self) {
        let Some(id) = self.entry.state.lasting("silence.conversions").map(|signal| signal.id.to_string()) else {
            return;
        };
        if let Some(data) = silence_data_of(&self.facts()) {
            self.carry_on(&Kind::SilenceConversions, &id, &data);
        }
    }

    /// Sets the timer for the day on which silence would begin. A timer that fires too early looks again, so that a partner
    /// who sells every hour does not move it every hour.
    pub(super) fn expect_silence(&mut self) {
        let Some(days) = ProgramDays::of(self.rulebook, &self.entry.key.program) else { return };
        let Some((silence, _)) = self.silence() else { return };
        let due = days.begins_at(silence.begins_on);
        let earlier =
            self.timers.of(&self.entry.key, SILENCE).is_some_and(|timer| timer.due <= due && timer.due > self.now);
        if !earlier && due > self.now {
            self.timers.set(TimerRow { due, subject: SILENCE.to_owned(), key: self.entry.key.clone(), seq: 0 });
        }
    }

    pub(super) fn look_for_silence(&mut self) {
        let Some((silence, today)) = self.silence() else { return };
        if !silence.lasts(today) {
            self.expect_silence();
            return;
        }
        let known = self.entry.state.lasting("silence.conversions").is_some();
        // Partners whose dips can be judged are told by a dip; silence is for the others.
        let dips = self.entry.state.lasting("dip.conversions").is_some();
        if !known && !dips {
            let id = format!("silence:{}", silence.begins_on);
            self.raise(&Kind::SilenceConversions, &id, silence_data(&silence, today));
        }
    }

    pub(super) fn sale_ends_silence(&mut self) {
        if self.entry.state.lasting("silence.conversions").is_none() {
            return;
        }
        let lasts = self.silence().is_some_and(|(silence, today)| silence.lasts(today));
        if !lasts {
            let data = SignalData {
                name: "silence".into(),
                summary: "a conversion came again".into(),
                ..SignalData::default()
            };
            self.end(&Kind::SilenceConversions, Kind::SilenceConversionsEnded, data);
        }
    }

    fn silence(&self) -> Option<(silence::Silence, Date)> {
        silence_of(&self.facts())
    }
}

/// The partner's silence by the gaps between the latest sales, and today; none who sold too seldom has one.
fn silence_of(facts: &PartnerFacts<'_>) -> Option<(silence::Silence, Date)> {
    let today = facts.program.zone.to_datetime(facts.now).date();
    let latest = facts.state.latest_sale_days(silence::GAPS + 1);
    let silence = silence::of(latest.iter().map(|(on, _)| day::date_of(*on)))?;
    Some((silence, today))
}

/// What there is to tell of the partner's silence today.
pub(super) fn silence_data_of(facts: &PartnerFacts<'_>) -> Option<SignalData> {
    silence_of(facts).map(|(silence, today)| silence_data(&silence, today))
}

fn dip_data(evidence: &Evidence) -> SignalData {
    let since = evidence.since_on();
    SignalData {
        name: "dip".into(),
        summary: format!(
            "expected {:.0} conversions since {}, saw {}",
            evidence.expected,
            since.strftime("%-d %B"),
            evidence.observed
        )
        .into(),
        since: Some(since),
        expected: Some(evidence.expected),
        observed: Some(f64::from(evidence.observed)),
        drop_percent: Some(f64::from(evidence.drop_percent)),
        chance: Some(evidence.chance),
        extra: Extra::NONE,
    }
}

fn silence_data(silence: &silence::Silence, today: Date) -> SignalData {
    let silent = silence.days_silent(today);
    SignalData {
        name: "silence".into(),
        summary: format!(
            "no conversion for {silent} days; usually every {} days",
            (silence.usual_gap_days.round() as i64).max(1)
        )
        .into(),
        since: Some(day::plus(silence.last_on, 1)),
        expected: Some(f64::from(silent) / silence.usual_gap_days),
        observed: Some(0.0),
        drop_percent: Some(100.0),
        chance: None,
        extra: Extra::NONE,
    }
}
