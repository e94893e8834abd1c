-- Returns a count: the attempt was not accepted. $1 message. Uses the primary key of sent.
DELETE FROM sent WHERE message = $1 RETURNING at
