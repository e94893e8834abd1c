-- Lifts one suppression, so far as it is not newer. $1 address, $2 topic ('' for everything), $3 reason, $4 at. Uses the primary key.
DELETE FROM suppression WHERE address = $1 AND topic = $2 AND reason = $3 AND at <= $4
