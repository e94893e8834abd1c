-- One shard's part of a programme's day. Uses the primary key of day_part.
-- rows: program text, day text, shard int, body bytes
INSERT INTO day_part (program, day, shard, body) SELECT program, day, shard, body FROM input WHERE true
ON CONFLICT (program, day, shard) DO UPDATE SET body = excluded.body
