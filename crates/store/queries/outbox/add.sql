-- Records on their way to the log; one that already waits stays. Uses the unique index on outbox.event_id.
-- rows: event_id text, shard int, record_key bytes, value bytes
INSERT INTO outbox (event_id, shard, record_key, value) SELECT event_id, shard, record_key, value FROM input WHERE true
ON CONFLICT (event_id) DO NOTHING
