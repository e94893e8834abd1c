-- A partner's newest address. $1 programme, $2 partner. Uses the primary key of person.
SELECT address FROM person WHERE program = $1 AND partner = $2 AND address IS NOT NULL ORDER BY version DESC LIMIT 1
