-- Recipients with claimable mail and none in hand. Paused mail and that of a quarantined partner waits. $1 now, $2 clock at least, $3 limit.
-- Uses message_due and the primary keys of shard and recipient. The writer's transaction is the lock. An address may come twice. Sorts nothing.
SELECT r.address FROM message m
JOIN shard s ON s.shard = m.shard
JOIN recipient r ON r.address = m.address
WHERE m.state = 'queued' AND m.address IS NOT NULL AND m.due <= $1 AND r.attempting IS NULL
    AND s.clock >= $2 AND m.carrier IS NULL
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
    AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
    AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
        AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
ORDER BY m.due, m.id LIMIT $3
