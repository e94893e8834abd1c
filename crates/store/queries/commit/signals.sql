-- Signals raised, changed or ended. Uses the primary key of signal.
-- rows: id text, program text, partner text, kind text, occurred_at int, ended_at int, payload text
INSERT INTO signal (id, program, partner, kind, occurred_at, ended_at, payload)
SELECT id, program, partner, kind, occurred_at, ended_at, payload FROM input WHERE true
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, payload = excluded.payload
