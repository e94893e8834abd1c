-- Mail in doubt, oldest first. $1 limit. Uses message_in_doubt, which is as short as what nobody has looked into.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.address, m.changed_at, m.reason
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.state = 'in_doubt'
ORDER BY m.changed_at, m.id LIMIT $1
