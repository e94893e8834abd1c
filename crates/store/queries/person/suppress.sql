-- Suppresses an address or a topic of it; told again, the later instant stands. $1 address, $2 topic ('' for everything), $3 reason, $4 at.
-- Uses the primary key.
INSERT INTO suppression (address, topic, reason, at) VALUES ($1, $2, $3, $4) ON CONFLICT (address, topic, reason)
DO UPDATE SET at = CASE WHEN excluded.at > suppression.at THEN excluded.at ELSE suppression.at END
