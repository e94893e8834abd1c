-- How a message ended that a restored database does not know the end of. $1 message, $2 state, $3 at, $4 reason. A sending is stronger
-- than anything but itself; in doubt and failed only than what is open or was given up. Whatever it was about to travel with, it ended by
-- itself. Uses the primary key of message.
UPDATE message SET state = $2, reason = CASE WHEN $4 = '' THEN 'told_by_the_log' ELSE $4 END, changed_at = $3, attempting_at = NULL,
    mailer = COALESCE(mailer, 'restored'), attempt = CASE WHEN attempt = 0 THEN 1 ELSE attempt END,
    carrier = NULL
WHERE id = $1 AND address IS NOT NULL AND state <> $2 AND (
    state IN ('queued', 'attempting') OR (state = 'suppressed' AND reason = 'database_restored')
    OR ($2 = 'sent' AND (state IN ('in_doubt', 'cancelled') OR (state = 'suppressed' AND reason = 'in_digest')))
    OR ($2 = 'failed' AND state = 'in_doubt'))
