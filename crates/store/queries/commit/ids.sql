-- The batch's activity ids. $1 shard, $2 commit_no, $3 clock, $4 packed. Uses the primary key of activity_ids.
INSERT INTO activity_ids (shard, commit_no, clock, ids) VALUES ($1, $2, $3, $4)
