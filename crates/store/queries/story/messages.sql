-- A partner's messages, oldest first. $1 program, $2 partner. Uses message_partner.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.state, m.reason, m.changed_at, m.reply, m.carrier
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.program = $1 AND m.partner = $2 ORDER BY m.planned_at, m.id
