-- Tasks and cases, open ones first, by due day. $1 how the id begins, $2 kind ('' is any), $3 only open ones, $4 limit.
-- Reads the whole table, which holds what people were ever asked to do: for people who ask, not for loops.
SELECT id, program, partner, workflow, journey, assignee, body, choices, opened_at, due, kind, opened_by, ended_at, ended_by,
    outcome, note
FROM task WHERE substr(id, 1, length($1)) = $1 AND ($2 = '' OR kind = $2) AND (NOT $3 OR ended_at IS NULL)
ORDER BY ended_at IS NOT NULL, due IS NULL, due, opened_at, id LIMIT $4
