-- Marketing mails that ended long ago and that nothing asks for any more: no cap counts them, their journeys are over, and they were not
-- told in a digest of which nobody knows whether it left. Those that the server refused stay, a backtest tells them again; service mail
-- stays, it proves who was told. $1 the instant, $2 limit. Uses message_over and the primary keys of sent, journey and message; on
-- small tables it reads message, sent and journey once.
SELECT m.id FROM message m
WHERE m.kind = 'marketing' AND m.state IN ('sent', 'suppressed', 'expired', 'cancelled') AND m.changed_at < $1
    AND NOT EXISTS (SELECT 1 FROM sent s WHERE s.message = m.id)
    AND NOT EXISTS (SELECT 1 FROM journey j WHERE j.id = m.journey AND j.exited_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM message c WHERE c.id = m.carrier AND c.state IN ('attempting', 'in_doubt'))
ORDER BY m.changed_at LIMIT $2
