-- Records on their way out; one that already waits stays. Uses the unique index on outbox.event_id.
-- rows: target text, event_id text, shard int, record_key bytes, value bytes
INSERT INTO outbox (target, event_id, shard, record_key, value)
SELECT target, event_id, shard, record_key, value FROM input WHERE true
ON CONFLICT (event_id) DO NOTHING
