-- A person wants a mail in doubt to be sent again; not when its journey was stopped while it was in hand. $1 message, $2 attempt,
-- $3 due, $4 expires, $5 reason. Uses the primary key of message.
UPDATE message SET state = 'queued', due = $3, expires = $4, reason = $5
WHERE id = $1 AND attempt = $2 AND state = 'in_doubt' AND cancel_code IS NULL
