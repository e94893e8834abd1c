-- Who lives. $1 kind, $2 lease in milliseconds. Uses the primary key of process.
SELECT process FROM process WHERE kind = $1 AND seen_at >= @now - $2 ORDER BY process
