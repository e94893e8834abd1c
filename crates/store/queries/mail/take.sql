-- Takes messages in hand. $1 mailer, $2 now. Uses the primary key of message. `attempting_at` is the server's time, not the
-- replay's: it tells a mailer that died.
-- rows: id text
UPDATE message SET state = 'attempting', attempt = message.attempt + 1, mailer = $1, attempting_at = @now, changed_at = $2
FROM input WHERE message.id = input.id AND message.state = 'queued'
RETURNING message.id, message.attempt
