-- Lifts one suppression. $1 address, $2 topic ('' for everything), $3 reason. Uses the primary key.
DELETE FROM suppression WHERE address = $1 AND topic = $2 AND reason = $3
