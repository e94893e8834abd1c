-- Closes days. The first verdict stands. Uses the primary key of day_close.
-- rows: program text, day text, body bytes, state bytes, fit bytes
INSERT INTO day_close (program, day, body, state, fit) SELECT program, day, body, state, fit FROM input WHERE true
ON CONFLICT (program, day) DO NOTHING
