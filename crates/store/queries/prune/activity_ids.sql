-- Activity ids older than a day of their shard's clock. $1 a day in milliseconds. Reads activity_ids once: it
-- holds little more than that day.
DELETE FROM activity_ids WHERE clock < (SELECT s.clock - $1 FROM shard s WHERE s.shard = activity_ids.shard)
