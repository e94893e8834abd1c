-- The recipient has nothing in hand any more. $1 address, $2 message. Uses the primary key of recipient.
UPDATE recipient SET attempting = NULL WHERE address = $1 AND attempting = $2
