-- Suppressions of one address. $1 address. Uses the primary key of suppression.
SELECT topic, reason FROM suppression WHERE address = $1 ORDER BY topic, reason
