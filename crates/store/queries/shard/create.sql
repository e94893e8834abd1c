-- Creates missing shard rows. Uses the primary key of shard.
-- rows: shard int
INSERT INTO shard (shard, seen_at) SELECT shard, @now FROM input WHERE true ON CONFLICT (shard) DO NOTHING
