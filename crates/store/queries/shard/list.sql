-- All shard rows. Reads the whole table: one row a shard.
SELECT shard, owner, epoch, commit_no, next_offset, clock, rulebook, progress, seen_at FROM shard ORDER BY shard
