-- A day's parts. $1 program, $2 day. Uses the primary key of day_part.
SELECT program, day, shard, body FROM day_part WHERE program = $1 AND day = $2 ORDER BY shard
