-- A task or case ends, unless it has. $1 id, $2 at, $3 by, $4 outcome, $5 note. Uses the primary key of task.
UPDATE task SET ended_at = $2, ended_by = $3, outcome = $4, note = $5 WHERE id = $1 AND ended_at IS NULL
