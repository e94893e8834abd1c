-- The first statement of a batch: moves the shard row or, with no row, tells that we are fenced. Uses the primary key of shard.
-- $1 shard, $2 epoch, $3 expected commit_no, $4 next offset, $5 clock, $6 rulebook, $7 progress.
UPDATE shard SET commit_no = commit_no + 1, next_offset = $4, clock = $5, rulebook = $6, progress = $7
WHERE shard = $1 AND epoch = $2 AND commit_no = $3
