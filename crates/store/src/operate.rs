//! Pauses, and the audit of what people did.

use rapport_engine::ports::operating::{AuditRow, Operation, PauseRow, PauseScope, TaskChange, TaskQuery};
use rapport_engine::ports::rows::{TaskKind, TaskRow};
use rapport_engine::ports::store::StoreError;
use rapport_event::id::PartnerKey;

use crate::SqlStore;
use crate::commit::write_outbox;
use crate::doctor::task_row;
use crate::sql::queries::operate as sql;
use crate::sql::{Row, Session, cells};

impl SqlStore {
    pub(crate) async fn write_operation(&self, operation: &Operation) -> Result<bool, StoreError> {
        let mut session = self.begin().await?;
        if operation.once && !write_audit(&mut session, &operation.audit).await? {
            session.rollback().await?;
            return Ok(false);
        }
        if let Some(lift) = &operation.lift {
            let lifted = session.fetch(&sql::LIFT, &cells![&lift.id, lift.only_if_over, lift.at]).await?;
            let Some(row) = lifted.first() else {
                session.rollback().await?;
                return Ok(false);
            };
            let scope = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?, row.text(4)?];
            let [workflow, program, partner, journey, provider] = &scope;
            let cells = cells![lift.at, lift.apart_ms, workflow, program, partner, journey, provider];
            session.execute(&sql::SPREAD, &cells).await?;
            // Whoever lets a whole workflow's mail go on has seen what the hour was.
            if !lift.only_if_over && !workflow.is_empty() && provider.is_empty() {
                session.execute(&sql::BURST_RESET, &cells![workflow]).await?;
            }
        }
        if let Some(change) = &operation.task
            && !change_task(&mut session, change).await?
        {
            session.rollback().await?;
            return Ok(false);
        }
        if let Some(pause) = &operation.begin {
            let (program, partner) =
                pause.scope.key.as_ref().map_or(("", ""), |key| (key.program.as_str(), key.partner.as_str()));
            let workflow = pause.scope.workflow.as_deref().unwrap_or_default();
            let journey = pause.scope.journey.as_deref().unwrap_or_default();
            let (by, because) = (&pause.by, &pause.because);
            let provider = pause.scope.provider.as_deref().unwrap_or_default();
            let cells =
                cells![&pause.id, workflow, program, partner, journey, pause.since, pause.until, by, because, provider];
            session.execute(&sql::BEGIN, &cells).await?;
        }
        if !operation.once {
            write_audit(&mut session, &operation.audit).await?;
        }
        write_outbox(&mut session, &operation.outbox).await?;
        session.about().concluded = true;
        session.commit().await?;
        Ok(true)
    }

    pub(crate) async fn read_pauses(&self) -> Result<Vec<PauseRow>, StoreError> {
        self.reader().await?.fetch(&sql::PAUSES, &[]).await?.iter().map(pause_row).collect()
    }

    pub(crate) async fn read_tasks(&self, query: &TaskQuery) -> Result<Vec<TaskRow>, StoreError> {
        let kind = query.kind.map_or("", TaskKind::code);
        let cells = cells![&query.id, kind, query.open, query.limit];
        self.reader().await?.fetch(&sql::TASKS, &cells).await?.iter().map(task_row).collect()
    }

    pub(crate) async fn write_audit_line(&self, row: &AuditRow) -> Result<(), StoreError> {
        let mut session = self.begin().await?;
        write_audit(&mut session, row).await?;
        session.commit().await
    }

    pub(crate) async fn read_audits(&self, action: &str, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.reader().await?.fetch(&sql::AUDITS, &cells![action, limit]).await?.iter().map(audit_row).collect()
    }
}

/// Whether there was something to change.
async fn change_task(session: &mut Session, change: &TaskChange) -> Result<bool, StoreError> {
    let changed = match change {
        TaskChange::Open(row) => {
            let (program, partner) = (row.key.program.as_str(), row.key.partner.as_str());
            let (kind, by) = (row.kind.code(), &row.opened_by);
            let cells = cells![&row.id, program, partner, &row.assignee, &row.text, row.opened_at, row.due, kind, by];
            session.execute(&sql::OPEN_TASK, &cells).await?
        }
        TaskChange::End { id, end } => {
            let cells = cells![id, end.at, &end.by, &end.outcome, end.note.as_deref()];
            session.execute(&sql::END_TASK, &cells).await?
        }
        TaskChange::Assign { id, assignee, due } => {
            session.execute(&sql::ASSIGN_TASK, &cells![id, assignee, *due]).await?
        }
    };
    Ok(changed > 0)
}

/// Whether the line is new.
pub(crate) async fn write_audit(session: &mut Session, row: &AuditRow) -> Result<bool, StoreError> {
    let approved_by = row.approved_by.as_deref();
    let because = row.because.as_deref();
    let cells =
        cells![&row.id, row.at, &row.by, approved_by, &row.action, &row.subject, because, row.done, &row.detail];
    Ok(session.execute(&sql::NOTE, &cells).await? > 0)
}

fn pause_row(row: &Row) -> Result<PauseRow, StoreError> {
    let written = |text: String| Some(text).filter(|text| !text.is_empty());
    let key = match (written(row.text(2)?), written(row.text(3)?)) {
        (Some(program), Some(partner)) => Some(
            PartnerKey::new(&program, &partner)
                .map_err(|error| StoreError::Damaged(format!("a pause's partner: {error}")))?,
        ),
        _ => None,
    };
    Ok(PauseRow {
        id: row.text(0)?,
        scope: PauseScope {
            workflow: written(row.text(1)?),
            key,
            journey: written(row.text(4)?),
            provider: written(row.text(9)?),
        },
        since: row.instant(5)?,
        until: row.opt_instant(6)?,
        by: row.text(7)?,
        because: row.text(8)?,
    })
}

fn audit_row(row: &Row) -> Result<AuditRow, StoreError> {
    Ok(AuditRow {
        id: row.text(0)?,
        at: row.instant(1)?,
        by: row.text(2)?,
        approved_by: row.opt_text(3)?,
        action: row.text(4)?,
        subject: row.text(5)?,
        because: row.opt_text(6)?,
        done: row.flag(7)?,
        detail: row.text(8)?,
    })
}
