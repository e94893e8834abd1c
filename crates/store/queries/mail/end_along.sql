-- Ends what travelled with a message. $1 the carrier. What was set free meanwhile and still waits was told of all the same, when the
-- carrier's 250 comes late. Uses the primary key of message.
-- rows: id text, state text, reason text, at int
UPDATE message SET state = input.state, reason = input.reason, changed_at = input.at, carrier = $1
FROM input WHERE message.id = input.id AND message.state = 'queued' AND (message.carrier = $1 OR message.carrier IS NULL)
RETURNING message.id
