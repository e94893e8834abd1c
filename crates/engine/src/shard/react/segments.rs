//! Tells of changed memberships: right after the event that changed them, and at day close for what only time changes.

use jiff::Timestamp;
use rapport_event::{EngineData, Kind, engine::SignalData, extra::Extra};

use super::{Reaction, signals};
use crate::shard::{
    facts::marks,
    segments::{self, MEMBER},
};

impl Reaction<'_> {
    /// Looks at group and segments again.
    pub(super) fn review_segments(&mut self) {
        let declared = &self.rulebook.rulebook.segments;
        if declared.groups.is_empty() && declared.segments.is_empty() {
            return;
        }
        let Some(changes) = segments::changes(&self.facts()) else { return };
        self.entry.state.set_mark(marks::SEGMENTS, changes.kept);
        if let Some((before, group, lane)) = changes.group {
            self.entry.state.group = Some(group.as_str().into());
            if self.entry.state.lane.as_deref().is_some_and(|before| *before != *lane) {
                let at = self.now.as_millisecond().to_string();
                self.entry.state.set_mark(marks::LANE_CHANGED, at.into_bytes());
            }
            self.entry.state.lane = Some(lane.as_str().into());
            // The first group of a new partner is no change.
            if let Some(before) = before {
                let mut data = named(&group, format!("group {group}, before {before}"));
                data.extra.insert("before", before);
                data.extra.insert("lane", lane);
                self.tell_once(Kind::GroupChanged, &format!("group:{}:{group}", self.now.as_millisecond()), data);
            }
        }
        for (name, since) in changes.left {
            let since = Timestamp::from_millisecond(since).unwrap_or(self.now);
            self.keep_membership(&name, since, Some(self.now));
        }
        for name in changes.entered {
            self.keep_membership(&name, self.now, None);
        }
    }

    /// A row for each stay in a segment, which `rapport explain` and SQL read; workflows are started by their own comparison.
    fn keep_membership(&mut self, name: &str, since: Timestamp, until: Option<Timestamp>) {
        let id = format!("segment:{name}:{}", since.as_millisecond());
        let payload = serde_json::to_string(&named(name, format!("in segment {name}"))).unwrap_or_default();
        let mut row = signals::row(&self.entry.key, &id, &Kind::GroupChanged, since, until, payload);
        row.kind = MEMBER.to_owned();
        self.batch.signals.push(row);
    }

    /// A signal of a moment: a row, and an event.
    pub(super) fn tell_once(&mut self, kind: Kind, id: &str, data: SignalData) {
        let payload = serde_json::to_string(&data).unwrap_or_default();
        self.happened(kind, id, payload, EngineData::Signal(data));
    }
}

fn named(name: &str, summary: String) -> SignalData {
    SignalData { name: name.into(), summary: summary.into(), extra: Extra::NONE, ..SignalData::default() }
}
