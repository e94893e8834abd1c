-- One shard's part of a day. $1 program, $2 day, $3 shard. Uses the primary key of day_part.
SELECT body FROM day_part WHERE program = $1 AND day = $2 AND shard = $3
