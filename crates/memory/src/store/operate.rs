//! Pauses, and the audit.

use rapport_engine::ports::operating::{AuditRow, Operation, TaskChange, TaskQuery};
use rapport_engine::ports::rows::{MessageRow, MessageState, TaskRow};

use super::Tables;

impl Tables {
    /// Whether a person said that the message waits.
    pub(crate) fn is_paused(&self, message: &MessageRow) -> bool {
        self.pauses.values().any(|pause| pause.scope.provider.is_none() && pause.scope.covers(message))
    }

    pub(crate) fn operate(&mut self, operation: &Operation) -> bool {
        if operation.once && self.audits.iter().any(|known| known.id == operation.audit.id) {
            return false;
        }
        if let Some(lift) = &operation.lift {
            let over = |until: Option<jiff::Timestamp>| until.is_some_and(|until| until <= lift.at);
            let there = self.pauses.get(&lift.id).filter(|pause| !lift.only_if_over || over(pause.until)).cloned();
            let Some(pause) = there else { return false };
            self.pauses.remove(&lift.id);
            let mut kept: Vec<_> = self
                .open
                .iter()
                .filter_map(|id| self.messages.get(id))
                .filter(|message| {
                    let row = &message.row;
                    message.state == MessageState::Queued
                        && message.address.is_some()
                        && (row.due <= lift.at
                            || (pause.scope.provider.is_some() && message.reason.as_deref() == Some("breaker")))
                        && row.expires > lift.at
                        && row.kind == "marketing"
                        && pause.scope.covers(row)
                        && !self.is_paused(row)
                })
                .map(|message| (-message.row.priority, message.row.due, message.row.id.clone()))
                .collect();
            kept.sort();
            for (place, (_, _, id)) in (0_i64..).zip(kept) {
                let Some(message) = self.messages.get_mut(&id) else { continue };
                let apart = jiff::SignedDuration::from_millis(place * lift.apart_ms);
                message.row.due = lift.at.checked_add(apart).unwrap_or(jiff::Timestamp::MAX).min(message.row.expires);
                message.reason = Some("resumed".to_owned());
                message.changed_at = lift.at;
            }
            if let (Some(workflow), None, false) = (&pause.scope.workflow, &pause.scope.provider, lift.only_if_over) {
                self.burst.retain(|(of, _), _| of != workflow);
            }
        }
        if let Some(change) = &operation.task
            && !self.change_task(change)
        {
            return false;
        }
        if let Some(pause) = &operation.begin {
            self.pauses.insert(pause.id.clone(), pause.clone());
        }
        self.note_audit(&operation.audit);
        self.add_outbox(&operation.outbox);
        true
    }

    fn change_task(&mut self, change: &TaskChange) -> bool {
        let open = |row: &&mut TaskRow| row.ended.is_none();
        match change {
            TaskChange::Open(row) => {
                let new = !self.tasks.contains_key(&row.id);
                self.tasks.entry(row.id.clone()).or_insert_with(|| (**row).clone());
                new
            }
            TaskChange::End { id, end } => {
                let Some(row) = self.tasks.get_mut(id).filter(open) else { return false };
                row.ended = Some(end.clone());
                true
            }
            TaskChange::Assign { id, assignee, due } => {
                let Some(row) = self.tasks.get_mut(id).filter(open) else { return false };
                (row.assignee, row.due) = (assignee.clone(), *due);
                true
            }
        }
    }

    pub(crate) fn tasks(&self, query: &TaskQuery) -> Vec<TaskRow> {
        let asked = |row: &&TaskRow| {
            row.id.starts_with(&query.id)
                && query.kind.is_none_or(|kind| kind == row.kind)
                && (!query.open || row.ended.is_none())
        };
        let mut rows: Vec<TaskRow> = self.tasks.values().filter(asked).cloned().collect();
        rows.sort_by(|one, other| {
            let order = |row: &TaskRow| (row.ended.is_some(), row.due.is_none(), row.due, row.opened_at);
            order(one).cmp(&order(other)).then_with(|| one.id.cmp(&other.id))
        });
        rows.truncate(query.limit);
        rows
    }

    pub(crate) fn note_audit(&mut self, row: &AuditRow) {
        if !self.audits.iter().any(|known| known.id == row.id) {
            self.audits.push(row.clone());
        }
    }

    pub(crate) fn audits(&self, action: &str, limit: usize) -> Vec<AuditRow> {
        let mut rows: Vec<AuditRow> =
            self.audits.iter().filter(|row| row.action.starts_with(action)).cloned().collect();
        rows.sort_by(|one, other| (other.at, &other.id).cmp(&(one.at, &one.id)));
        rows.truncate(limit);
        rows
    }
}
