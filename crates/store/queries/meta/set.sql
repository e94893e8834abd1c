-- Writes a fact whatever stands. $1 name, $2 value. Uses the primary key of meta.
INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value
