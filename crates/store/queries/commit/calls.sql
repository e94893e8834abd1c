-- Calls planned. Uses the primary key of hook_call.
-- rows: id text, program text, partner text, shard int, workflow text, journey text, step text, hook text, kind text, private bool, body text, planned_at int, due int, expires int
INSERT INTO hook_call (id, program, partner, shard, workflow, journey, step, hook, kind, private, body, planned_at, due, expires)
SELECT id, program, partner, shard, workflow, journey, step, hook, kind, private, body, planned_at, due, expires FROM input
WHERE true ON CONFLICT (id) DO NOTHING
