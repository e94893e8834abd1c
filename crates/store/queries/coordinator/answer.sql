-- Removes answered requests. Uses the primary key of request.
-- rows: id text
DELETE FROM request WHERE id IN (SELECT id FROM input)
