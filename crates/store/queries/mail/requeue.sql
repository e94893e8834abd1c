-- Puts an attempt back, or cancels it when its journey was stopped meanwhile. $1 message, $2 attempt, $3 due, $4 reason,
-- $5 the address's hash, for a partner who was erased meanwhile. Uses the primary key of message.
UPDATE message SET state = CASE WHEN cancel_code IS NULL THEN 'queued' ELSE 'cancelled' END, due = $3,
    reason = COALESCE(cancel_code, $4), attempting_at = NULL,
    address = CASE WHEN cancel_code = 'erased' THEN $5 ELSE address END
WHERE id = $1 AND attempt = $2 AND state = 'attempting'
