-- Journeys that were over long ago and still have their explanation. $1 the instant, $2 limit. Uses journey_explained; on small tables
-- it reads journey once.
SELECT id, body FROM journey WHERE exited_at IS NOT NULL AND emptied_at IS NULL AND exited_at < $1 ORDER BY exited_at LIMIT $2
