-- What travels with messages in hand. Uses message_carrier and the primary key of message_context.
-- rows: carrier text
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.carrier
FROM input JOIN message m ON m.carrier = input.carrier
JOIN message_context c ON c.message = m.id
WHERE m.state = 'queued'
