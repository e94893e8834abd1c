-- An address that nobody has any more. $1 address. Uses the primary key of recipient, person_address, message_queued and
-- message_attempting.
DELETE FROM recipient WHERE address = $1 AND attempting IS NULL
    AND NOT EXISTS (SELECT 1 FROM person p WHERE p.address = $1)
    AND NOT EXISTS (SELECT 1 FROM message m WHERE m.address = $1 AND m.state = 'queued')
    AND NOT EXISTS (SELECT 1 FROM message m WHERE m.address = $1 AND m.state = 'attempting')
