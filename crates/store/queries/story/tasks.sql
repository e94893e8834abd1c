-- Tasks about a partner. $1 program, $2 partner. Uses task_partner.
SELECT id, program, partner, workflow, journey, assignee, body, choices, opened_at, due FROM task
WHERE program = $1 AND partner = $2 ORDER BY opened_at, id
