-- Writes a fact unless one stands. $1 name, $2 value. Uses the primary key of meta.
INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING
