-- Activity ids older than a day of their shard's clock. $1 a day in milliseconds. Uses activity_ids_clock.
DELETE FROM activity_ids WHERE clock < (SELECT s.clock - $1 FROM shard s WHERE s.shard = activity_ids.shard)
