-- Cancels messages that are still queued. One in a mailer's hand keeps going, but the wish is noted, so that it is not queued
-- again after a 4xx. Uses the primary key of message.
-- $1 the present of the shard.
-- rows: id text, code text
UPDATE message SET cancel_code = input.code,
    reason = CASE WHEN message.state = 'queued' THEN input.code ELSE message.reason END,
    changed_at = CASE WHEN message.state = 'queued' THEN $1 ELSE message.changed_at END,
    state = CASE WHEN message.state = 'queued' THEN 'cancelled' ELSE message.state END
FROM input WHERE message.id = input.id AND message.state IN ('queued', 'attempting')
