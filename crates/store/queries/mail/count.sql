-- Counts messages for caps. Uses the primary key of sent.
-- rows: message text, address text, kind text, at int, program text, partner text, workflow text, mail text, round text
INSERT INTO sent (message, address, kind, at, program, partner, workflow, mail, round)
SELECT message, address, kind, at, program, partner, workflow, mail, round FROM input WHERE true
ON CONFLICT (message) DO UPDATE SET address = excluded.address, at = excluded.at
