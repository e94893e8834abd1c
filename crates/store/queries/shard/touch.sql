-- Says that we still own shards. $1 owner. Uses the primary key of shard.
-- rows: shard int, epoch int
UPDATE shard SET seen_at = @now FROM input
WHERE shard.shard = input.shard AND shard.epoch = input.epoch AND shard.owner = $1
RETURNING shard.shard
