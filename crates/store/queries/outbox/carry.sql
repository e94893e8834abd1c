-- The first records of a target by position. $1 target, $2 limit. Uses outbox_target.
SELECT number, position, target, event_id, shard, record_key, value FROM outbox
WHERE target = $1 AND position IS NOT NULL ORDER BY position LIMIT $2
