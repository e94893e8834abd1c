-- What a mailer has in hand. $1 mailer. Uses message_attempting, which is as short as all mailers' hands together.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.address
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.state = 'attempting' AND m.mailer = $1
ORDER BY m.attempting_at, m.id
