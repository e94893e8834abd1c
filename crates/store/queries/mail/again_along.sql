-- What travelled with a mail in doubt that is sent again is queued again, too, and free of it. $1 the carrier, $2 due, $3 expires,
-- $4 reason. Not what a journey planned that was stopped since: what stops a journey stands against its mails too. Uses
-- message_carrier and the primary key of journey; a count, because PostgreSQL may answer a NOT EXISTS by a table of all there is.
UPDATE message SET state = 'queued', carrier = NULL, due = $2, expires = $3, reason = $4
WHERE carrier = $1 AND state = 'suppressed' AND reason = 'in_digest'
    AND (SELECT COUNT(*) FROM journey j
        WHERE j.id = message.journey AND j.exited_at IS NOT NULL AND j.exit_code NOT IN ('completed', 'exit')) = 0
