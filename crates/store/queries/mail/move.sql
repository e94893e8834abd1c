-- Queued messages follow to their partners' newest addresses. Their rows are locked. Uses the primary key of message.
-- rows: id text, address text
UPDATE message SET address = input.address FROM input WHERE message.id = input.id AND message.state = 'queued'
