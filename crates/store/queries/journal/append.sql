-- Appends records. Uses the primary key of journal.
-- rows: shard int, record_offset int, stamp int, position bytes, record_key bytes, value bytes
INSERT INTO journal (shard, record_offset, stamp, position, record_key, value)
SELECT shard, record_offset, stamp, position, record_key, value FROM input
