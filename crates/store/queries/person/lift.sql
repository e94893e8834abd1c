-- Lifts one suppression, so far as it is not newer. $1 address, $2 topic ('' for everything), $3 reason, $4 at, $5 the address's hash.
-- Uses the primary key.
DELETE FROM suppression WHERE address IN ($1, $5) AND topic = $2 AND reason = $3 AND at <= $4
