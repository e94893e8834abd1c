-- One past the last record of each shard. Reads journal_end: one row a shard.
SELECT shard, next_offset FROM journal_end
