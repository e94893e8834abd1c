-- Messages without an address whose time ran out. $1 now, $2 limit. Uses message_unaddressed.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.state = 'queued' AND m.address IS NULL AND m.expires <= $1
ORDER BY m.expires, m.id LIMIT $2
