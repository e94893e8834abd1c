-- One message, whatever became of it. $1 id. Uses the primary keys.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.id = $1
