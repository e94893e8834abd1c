-- Suppressions of one address. $1 address, $2 its hash. Uses the primary key of suppression.
SELECT DISTINCT topic, reason FROM suppression WHERE address IN ($1, $2) ORDER BY topic, reason
