-- The due mail of locked recipients, itself locked in id order against a cancellation that is being committed.
-- $1 now, $2 clock at least. Uses message_queued and the primary keys of message and message_context. Which mail it is about is
-- found first, and apart: in one piece, a plan made while the table was empty walks the primary key to have the order for nothing,
-- and every claim would read every message there ever was. What the row is asked again holds for what a lock was waited for. The plus: see accepted.sql.
-- rows: address text
, due (id, address) AS MATERIALIZED (
    SELECT m.id, m.address FROM input JOIN message m ON m.address = input.address AND m.state = 'queued'
    WHERE +m.due <= $1 AND m.carrier IS NULL
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
    AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
    AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
        AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
)
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.address
FROM due JOIN message m ON m.id = due.id AND m.address = due.address AND m.state = 'queued'
JOIN message_context c ON c.message = due.id
JOIN shard s ON s.shard = m.shard
WHERE m.due <= $1 AND s.clock >= $2 AND m.carrier IS NULL
ORDER BY due.id FOR NO KEY UPDATE OF m
