-- The next records in order. $1 limit. Uses the primary key of outbox.
SELECT number, position, target, event_id, shard, record_key, value FROM outbox ORDER BY number LIMIT $1
