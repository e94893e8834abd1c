-- Sets or moves timers. $1 shard. Uses the primary key of timer.
-- rows: program text, partner text, subject text, due int, seq int
INSERT INTO timer (program, partner, subject, shard, due, seq)
SELECT program, partner, subject, $1, due, seq FROM input WHERE true
ON CONFLICT (program, partner, subject) DO UPDATE SET due = excluded.due, seq = excluded.seq
