-- Tasks and cases opened. Uses the primary key of task.
-- rows: id text, program text, partner text, workflow text, journey text, assignee text, body text, choices text, opened_at int, due int, kind text, opened_by text
INSERT INTO task (id, program, partner, workflow, journey, assignee, body, choices, opened_at, due, kind, opened_by)
SELECT id, program, partner, workflow, journey, assignee, body, choices, opened_at, due, kind, opened_by FROM input WHERE true
ON CONFLICT (id) DO NOTHING
