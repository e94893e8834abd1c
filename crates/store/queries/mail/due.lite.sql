-- The due mail of recipients. $1 now, $2 clock at least.
-- Uses message_queued and the primary key of message_context. The plus: see accepted.sql.
-- rows: address text
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.address
FROM input JOIN message m ON m.address = input.address AND m.state = 'queued'
JOIN message_context c ON c.message = m.id
JOIN shard s ON s.shard = m.shard
WHERE +m.due <= $1 AND s.clock >= $2 AND m.carrier IS NULL
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
    AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
    AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
        AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
