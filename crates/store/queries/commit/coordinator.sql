-- The first statement of a coordinator's transaction. $1 shard, $2 epoch, $3 expected commit_no, $4 clock or NULL.
-- Uses the primary key of shard.
UPDATE shard SET commit_no = commit_no + 1, clock = COALESCE($4, clock)
WHERE shard = $1 AND epoch = $2 AND commit_no = $3
