-- Gives a shard up. $1 shard, $2 epoch. Uses the primary key of shard.
UPDATE shard SET owner = NULL WHERE shard = $1 AND epoch = $2
