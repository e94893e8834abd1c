-- Puts queued messages off. $1 now. Uses the primary key of message.
-- rows: id text, due int, reason text
UPDATE message SET due = input.due, reason = input.reason, deferred = input.reason, changed_at = $1
FROM input WHERE message.id = input.id AND message.state = 'queued'
