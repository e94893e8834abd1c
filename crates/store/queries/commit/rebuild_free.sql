-- The recipient of a message that ended has nothing in hand any more. $1 message. Uses the primary keys of message and recipient.
UPDATE recipient SET attempting = NULL WHERE attempting = $1 AND address = (SELECT m.address FROM message m WHERE m.id = $1)
