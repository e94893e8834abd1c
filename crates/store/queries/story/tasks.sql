-- Tasks and cases about a partner. $1 program, $2 partner. Uses task_partner.
SELECT id, program, partner, workflow, journey, assignee, body, choices, opened_at, due, kind, opened_by, ended_at, ended_by,
    outcome, note
FROM task WHERE program = $1 AND partner = $2 ORDER BY opened_at, id
