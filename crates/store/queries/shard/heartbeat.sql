-- A process lives. $1 kind, $2 process. Uses the primary key of process.
INSERT INTO process (kind, process, seen_at) VALUES ($1, $2, @now)
ON CONFLICT (kind, process) DO UPDATE SET seen_at = excluded.seen_at
