-- Notes what travels with a message that is taken in hand: nobody claims it meanwhile. Uses the primary key of message.
-- rows: id text, carrier text
UPDATE message SET carrier = input.carrier FROM input WHERE message.id = input.id AND message.state = 'queued'
RETURNING message.id
