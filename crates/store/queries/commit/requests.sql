-- Requests to the coordinator. Uses the primary key of request.
-- rows: id text, program text, partner text, journey text, kind text, body text, at int
INSERT INTO request (id, program, partner, journey, kind, body, at)
SELECT id, program, partner, journey, kind, body, at FROM input WHERE true
ON CONFLICT (id) DO NOTHING
