-- Partners whose records, timers and mail wait from now on. $1 the clock. Uses the primary key of quarantine.
-- rows: program text, partner text, reason text
INSERT INTO quarantine (program, partner, reason, at) SELECT program, partner, reason, $1 FROM input WHERE true
ON CONFLICT (program, partner) DO UPDATE SET reason = excluded.reason
