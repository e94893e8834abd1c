-- What travelled with a mail in doubt that is sent again is queued again, too, and free of it. $1 the carrier, $2 due, $3 expires,
-- $4 reason. Uses message_carrier.
UPDATE message SET state = 'queued', carrier = NULL, due = $2, expires = $3, reason = $4
WHERE carrier = $1 AND state = 'suppressed' AND reason = 'in_digest'
