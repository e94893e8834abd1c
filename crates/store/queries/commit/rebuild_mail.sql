-- A message that a restored database does not know to have been accepted. $1 message, $2 state, $3 at. Uses the primary key of message.
UPDATE message SET state = $2, reason = 'told_by_the_log', changed_at = $3, mailer = COALESCE(mailer, 'restored'),
    attempt = CASE WHEN attempt = 0 THEN 1 ELSE attempt END
WHERE id = $1 AND address IS NOT NULL AND (state = 'queued' OR (state = 'suppressed' AND reason = 'database_restored'))
