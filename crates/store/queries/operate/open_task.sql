-- A person opens a case. Nothing where one of that id is. $1 id, $2 program, $3 partner, $4 assignee, $5 text, $6 opened at, $7 due,
-- $8 kind, $9 opened by. Uses the primary key of task.
INSERT INTO task (id, program, partner, workflow, journey, assignee, body, choices, opened_at, due, kind, opened_by)
VALUES ($1, $2, $3, '', '', $4, $5, '[]', $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING
