//! Mails by step, each planned one in exactly one place.

use std::collections::BTreeMap;

use rapport_contact::{DeferReason, SuppressReason};
use rapport_engine::ports::rows::MessageState;
use rapport_rule::{Currency, Money};
use rapport_store::{ConversionsAfter, MailFate, Place};
use serde_json::{Value, json};

use super::super::sheet::{Cell, Column};

/// What became of some mails, and what followed. `planned` is the sum of waiting, sent, in doubt, suppressed, expired, failed and
/// cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) planned: i64,
    pub(super) waiting: i64,
    pub(super) sent: i64,
    pub(super) in_doubt: i64,
    pub(super) expired: i64,
    pub(super) failed: i64,
    /// By reason.
    pub(super) suppressed: BTreeMap<String, i64>,
    pub(super) cancelled: BTreeMap<String, i64>,
    /// Put off at least once, whatever became of them, by the last reason.
    pub(super) deferred: BTreeMap<String, i64>,
    /// Sent, and came back.
    pub(super) bounced: i64,
    pub(super) complained: i64,
    /// Of which a person followed a counted link.
    pub(super) clicked: i64,
    pub(super) replied: i64,
    pub(super) answered: i64,
    pub(super) unsubscribed: i64,
    pub(super) conversions: i64,
    pub(super) revenue: i64,
}

/// One row of a report: its name, and the number.
pub(super) type Line = (&'static str, i64);

pub(super) fn sum(of: &BTreeMap<String, i64>) -> i64 {
    of.values().sum()
}

impl Counts {
    /// Sent, and not come back.
    pub(super) fn delivered(&self) -> i64 {
        self.sent - self.bounced
    }

    fn take(&mut self, fate: &MailFate) {
        self.planned += fate.mails;
        let reason = || fate.reason.clone().unwrap_or_default();
        match fate.state {
            MessageState::Queued | MessageState::Attempting => self.waiting += fate.mails,
            MessageState::Sent => {
                self.sent += fate.mails;
                self.bounced += fate.bounced;
            }
            MessageState::InDoubt => self.in_doubt += fate.mails,
            MessageState::Expired => self.expired += fate.mails,
            MessageState::Failed => self.failed += fate.mails,
            MessageState::Suppressed => *self.suppressed.entry(reason()).or_default() += fate.mails,
            MessageState::Cancelled => *self.cancelled.entry(reason()).or_default() += fate.mails,
        }
        if let Some(reason) = &fate.deferred {
            *self.deferred.entry(reason.clone()).or_default() += fate.mails;
        }
        self.complained += fate.complained;
        self.clicked += fate.clicked;
        self.replied += fate.replied;
        self.answered += fate.answered;
        self.unsubscribed += fate.unsubscribed;
    }

    fn add(&mut self, other: &Counts) {
        let join = |into: &mut BTreeMap<String, i64>, from: &BTreeMap<String, i64>| {
            from.iter().for_each(|(reason, mails)| *into.entry(reason.clone()).or_default() += mails);
        };
        join(&mut self.suppressed, &other.suppressed);
        join(&mut self.cancelled, &other.cancelled);
        join(&mut self.deferred, &other.deferred);
        for (into, from) in [
            (&mut self.planned, other.planned),
            (&mut self.waiting, other.waiting),
            (&mut self.sent, other.sent),
            (&mut self.in_doubt, other.in_doubt),
            (&mut self.expired, other.expired),
            (&mut self.failed, other.failed),
            (&mut self.bounced, other.bounced),
            (&mut self.complained, other.complained),
            (&mut self.clicked, other.clicked),
            (&mut self.replied, other.replied),
            (&mut self.answered, other.answered),
            (&mut self.unsubscribed, other.unsubscribed),
            (&mut self.conversions, other.conversions),
            (&mut self.revenue, other.revenue),
        ] {
            *into = into.saturating_add(from);
        }
    }

    /// What became of the mails, in the order of a mail's life.
    pub(super) fn fates(&self) -> [Line; 9] {
        [
            ("planned", self.planned),
            ("waiting", self.waiting),
            ("deferred", sum(&self.deferred)),
            ("suppressed", sum(&self.suppressed)),
            ("cancelled", sum(&self.cancelled)),
            ("expired", self.expired),
            ("failed", self.failed),
            ("in_doubt", self.in_doubt),
            ("sent", self.sent),
        ]
    }

    /// What followed of those sent.
    pub(super) fn after(&self) -> [Line; 8] {
        [
            ("bounced", self.bounced),
            ("delivered", self.delivered()),
            ("complained", self.complained),
            ("clicked", self.clicked),
            ("replied", self.replied),
            ("answered", self.answered),
            ("unsubscribed", self.unsubscribed),
            ("conversions", self.conversions),
        ]
    }

    pub(super) fn data(&self) -> Value {
        let mut data: serde_json::Map<String, Value> =
            self.fates().into_iter().chain(self.after()).map(|(name, count)| (name.to_owned(), json!(count))).collect();
        data.insert("revenue_minor".into(), json!(self.revenue));
        data.insert("deferred_by".into(), json!(self.deferred));
        data.insert("suppressed_by".into(), json!(self.suppressed));
        data.insert("cancelled_by".into(), json!(self.cancelled));
        Value::Object(data)
    }
}

/// Every step that planned a mail, or whose mail something followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Steps(BTreeMap<Place, Counts>);

impl Steps {
    pub(super) fn of(fates: Vec<MailFate>, conversions: &[ConversionsAfter]) -> Self {
        let mut steps: BTreeMap<Place, Counts> = BTreeMap::new();
        for fate in fates {
            steps.entry(fate.place.clone()).or_default().take(&fate);
        }
        for after in conversions {
            let counts = steps.entry(after.place.clone()).or_default();
            counts.conversions += after.conversions;
            counts.revenue = counts.revenue.saturating_add(after.revenue);
        }
        Self(steps)
    }

    pub(super) fn has(&self, workflow: &str) -> bool {
        self.0.keys().any(|place| place.workflow == workflow)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|place, _| keep(&place.workflow));
    }

    /// Workflows with their steps, in order.
    pub(super) fn workflows(&self) -> BTreeMap<&str, Vec<(&Place, &Counts)>> {
        let mut all: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        self.0.iter().for_each(|(place, counts)| all.entry(&place.workflow).or_default().push((place, counts)));
        all
    }

    /// All steps together: no mail and no conversion is in two.
    pub(super) fn all(&self) -> Counts {
        total(self.0.values())
    }

    pub(super) fn data(&self) -> Value {
        let steps = self.0.iter().map(|(place, counts)| {
            let mut data = counts.data();
            for (name, value) in
                [("workflow", &place.workflow), ("step", &place.step), ("mail", &place.mail), ("kind", &place.kind)]
            {
                data[name] = json!(value);
            }
            data
        });
        Value::Array(steps.collect())
    }

    pub(super) fn by_workflow(&self) -> Value {
        let workflows = self.workflows();
        workflows
            .into_iter()
            .map(|(id, steps)| (id.to_owned(), total(steps.into_iter().map(|step| step.1)).data()))
            .collect()
    }

    /// A row for each step under heads that never change, so that files of different days go together.
    pub(super) fn table(&self, currency: Currency) -> (Vec<Column>, Vec<Vec<Cell>>) {
        let nothing = Counts::default();
        let mut columns: Vec<Column> = ["workflow", "step", "mail", "kind"].map(Column::text).into();
        columns.extend(nothing.fates().into_iter().chain(nothing.after()).map(|(name, _)| Column::count(name)));
        columns.extend([Column::money("revenue", currency), Column::text("currency")]);
        let (suppressed, deferred) =
            (SuppressReason::ALL.map(SuppressReason::code), DeferReason::ALL.map(DeferReason::code));
        columns.extend(suppressed.iter().map(|code| Column::count(format!("suppressed_{code}"))));
        columns.extend(deferred.iter().map(|code| Column::count(format!("deferred_{code}"))));
        let rows = self.0.iter().map(|(place, counts)| {
            let mut row: Vec<Cell> = [&place.workflow, &place.step, &place.mail, &place.kind].map(Cell::text).into();
            row.extend(counts.fates().into_iter().chain(counts.after()).map(|(_, count)| Cell::Count(count)));
            row.extend([Cell::Money(Money::new(counts.revenue, currency)), Cell::text(currency.code())]);
            let by = |of: &BTreeMap<String, i64>, code: &str| Cell::Count(of.get(code).copied().unwrap_or_default());
            row.extend(suppressed.iter().map(|code| by(&counts.suppressed, code)));
            row.extend(deferred.iter().map(|code| by(&counts.deferred, code)));
            row
        });
        (columns, rows.collect())
    }
}

/// The steps together.
pub(super) fn total<'a>(steps: impl IntoIterator<Item = &'a Counts>) -> Counts {
    let mut all = Counts::default();
    steps.into_iter().for_each(|counts| all.add(counts));
    all
}
