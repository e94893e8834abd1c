-- Attempts of mailers not heard of for long. $1 silence in milliseconds, $2 limit. Uses message_attempting.
SELECT m.id, m.shard, m.program, m.partner, m.workflow, m.journey, m.step, m.mail, m.rulebook, m.kind, m.topic, m.priority, m.policy,
    m.planned_at, m.due, m.expires, c.context, m.attempt, m.address
FROM message m JOIN message_context c ON c.message = m.id
WHERE m.state = 'attempting' AND m.attempting_at <= @now - $1
    AND NOT EXISTS (SELECT 1 FROM process p WHERE p.process = m.mailer AND p.seen_at > @now - $1)
ORDER BY m.attempting_at, m.id LIMIT $2
