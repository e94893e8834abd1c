-- Takes due calls under a lease. $1 now, $2 until when, $3 limit, $4 how old a shard's clock may be. Uses hook_call_due.
-- The CTE is needed: as a subquery the planner may ignore LIMIT under load. Two couriers share the work.
WITH picked AS (
    SELECT h.id FROM hook_call h JOIN shard s ON s.shard = h.shard
    WHERE h.state = 'queued' AND h.due <= $1 AND h.lease_until <= $1 AND s.clock >= $4
    ORDER BY h.due, h.id LIMIT $3 FOR UPDATE OF h SKIP LOCKED)
UPDATE hook_call AS c SET attempt = c.attempt + 1, lease_until = $2 FROM picked WHERE c.id = picked.id
RETURNING c.id, c.program, c.partner, c.shard, c.workflow, c.journey, c.step, c.hook, c.kind, c.private, c.body, c.planned_at, c.due, c.expires, c.attempt, c.reason
