-- The oldest record kept. $1 shard. Uses the primary key of journal.
SELECT MIN(record_offset) FROM journal WHERE shard = $1
