-- Activity ids committed since an instant of the shard's clock. $1 shard, $2 since. Uses activity_ids_clock.
SELECT ids FROM activity_ids WHERE shard = $1 AND clock >= $2 ORDER BY commit_no
