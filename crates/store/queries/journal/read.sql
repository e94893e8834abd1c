-- A shard's records from an offset on. $1 shard, $2 offset, $3 limit. Uses the primary key of journal.
SELECT record_offset, stamp, position, value FROM journal WHERE shard = $1 AND record_offset >= $2
ORDER BY record_offset LIMIT $3
