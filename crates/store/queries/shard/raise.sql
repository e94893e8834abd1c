-- After a restore: a shard's commits count on from what the log was told before it. $1 shard, $2 commit_no. Uses the primary key of shard.
UPDATE shard SET commit_no = CASE WHEN commit_no < $2 THEN $2 ELSE commit_no END, epoch = epoch + 1, owner = NULL WHERE shard = $1
