-- The writer's transaction is the lock: nothing is asked of any index.
-- rows: id text, program text, partner text
SELECT id FROM input WHERE false
