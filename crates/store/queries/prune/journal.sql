-- Records of the embedded log past the history, as long as their shard has folded them and one that follows. $1 the instant.
-- Reads journal once.
DELETE FROM journal WHERE stamp < $1
    AND record_offset < (SELECT s.next_offset - 1 FROM shard s WHERE s.shard = journal.shard)
