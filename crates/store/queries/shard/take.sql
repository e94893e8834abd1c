-- Takes a shard that is free, ours, or silent for the lease. $1 shard, $2 owner, $3 lease in milliseconds. Uses the primary key.
-- The epoch rises even when the shard is ours already: a commit of ours still under way elsewhere must not land after this.
UPDATE shard SET owner = $2, epoch = epoch + 1, seen_at = @now
WHERE shard = $1 AND (owner IS NULL OR owner = $2 OR seen_at <= @now - $3)
RETURNING shard, owner, epoch, commit_no, next_offset, clock, rulebook, progress, seen_at
