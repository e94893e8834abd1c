-- Unanswered requests, oldest first. $1 limit. Uses request_at.
SELECT id, program, partner, journey, kind, body, at FROM request ORDER BY at, id LIMIT $1
