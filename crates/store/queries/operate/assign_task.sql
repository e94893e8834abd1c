-- An open task or case goes to somebody else, or gets another day. $1 id, $2 for whom, $3 due. Uses the primary key of task.
UPDATE task SET assignee = $2, due = $3 WHERE id = $1 AND ended_at IS NULL
