-- A page of a workflow's journeys, open or over: id, program, partner, body. $1 workflow, $2 after this id, $3 how many. In the order
-- of the primary key of journey.
SELECT id, program, partner, body FROM journey WHERE id > $2 AND workflow = $1 ORDER BY id LIMIT $3
