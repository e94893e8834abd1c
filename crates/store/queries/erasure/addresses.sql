-- Every address that is kept of a partner, in order. $1 programme, $2 partner. Uses the primary key of person and message_partner.
SELECT address FROM person WHERE program = $1 AND partner = $2 AND address IS NOT NULL
UNION
SELECT address FROM message WHERE program = $1 AND partner = $2 AND address IS NOT NULL AND address NOT LIKE 'sha256:%'
UNION
SELECT x.address FROM sent x JOIN message m ON m.id = x.message
WHERE m.program = $1 AND m.partner = $2 AND x.address NOT LIKE 'sha256:%'
ORDER BY 1
