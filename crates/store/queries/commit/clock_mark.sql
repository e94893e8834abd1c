-- Time fired something without a record. $1 shard, $2 next offset, $3 clock. Uses the primary key of clock_mark.
INSERT INTO clock_mark (shard, next_offset, clock) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
