-- A page of a workflow's open journeys: id, body. $1 workflow, $2 after this id, $3 how many. In the order of the primary key of journey.
SELECT id, body FROM journey WHERE id > $2 AND workflow = $1 AND exited_at IS NULL ORDER BY id LIMIT $3
