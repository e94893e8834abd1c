-- Takes due calls under a lease. $1 now, $2 until when, $3 limit, $4 how old a shard's clock may be. Uses hook_call_due.
-- The writer's transaction is the lock.
UPDATE hook_call SET attempt = attempt + 1, lease_until = $2
WHERE id IN (SELECT h.id FROM hook_call h JOIN shard s ON s.shard = h.shard
    WHERE h.state = 'queued' AND h.due <= $1 AND h.lease_until <= $1 AND s.clock >= $4
    ORDER BY h.due, h.id LIMIT $3)
RETURNING id, program, partner, shard, workflow, journey, step, hook, kind, private, body, planned_at, due, expires, attempt, reason
