-- Counts an accepted message for caps, also one whose count was returned when it was put back. $1 message, $2 at.
-- Uses the primary keys of message and sent.
INSERT INTO sent (message, address, kind, at, program, partner, workflow, mail, round)
SELECT id, address, kind, $2, program, partner, workflow, mail, round FROM message WHERE id = $1 AND state IN ('sent', 'in_doubt')
ON CONFLICT (message) DO UPDATE SET at = excluded.at, address = excluded.address
