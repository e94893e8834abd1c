-- Says when a counted message was accepted. $1 message, $2 at. Uses the primary key of sent.
UPDATE sent SET at = $2 WHERE message = $1
