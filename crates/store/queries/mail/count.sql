-- Counts messages for caps. Uses the primary key of sent.
-- rows: message text, address text, kind text, at int
INSERT INTO sent (message, address, kind, at) SELECT message, address, kind, at FROM input WHERE true
ON CONFLICT (message) DO UPDATE SET address = excluded.address, at = excluded.at
