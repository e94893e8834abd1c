-- Ends what travelled with a message. $1 the carrier. Uses the primary key of message.
-- rows: id text, state text, reason text, at int
UPDATE message SET state = input.state, reason = input.reason, changed_at = input.at
FROM input WHERE message.id = input.id AND message.state = 'queued' AND message.carrier = $1
RETURNING message.id
