-- Whether a record waits. $1 target. Uses outbox_target.
SELECT 1 FROM outbox WHERE target = $1 LIMIT 1
