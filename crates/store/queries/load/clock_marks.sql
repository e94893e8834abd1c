-- What time fired without a record. $1 shard. Uses the primary key of clock_mark.
SELECT next_offset, clock FROM clock_mark WHERE shard = $1 ORDER BY next_offset, clock
