-- Suppresses an address or a topic of it; told again, the later instant stands. $1 address, $2 topic ('' for everything), $3 reason, $4 at,
-- $5 the address's hash, under which it is kept of somebody who was erased. Uses the primary key.
INSERT INTO suppression (address, topic, reason, at)
VALUES (CASE WHEN EXISTS (SELECT 1 FROM suppression e WHERE e.address = $5 AND e.topic = '' AND e.reason = 'erased') THEN $5 ELSE $1 END,
    $2, $3, $4)
ON CONFLICT (address, topic, reason)
DO UPDATE SET at = CASE WHEN excluded.at > suppression.at THEN excluded.at ELSE suppression.at END
