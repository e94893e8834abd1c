-- Ends an attempt. $1 message, $2 attempt, $3 state, $4 reason, $5 at. Uses the primary key of message.
-- An attempt given up as in doubt is still turned into sent by its own late 250.
UPDATE message SET state = $3, reason = $4, changed_at = $5, attempting_at = NULL
WHERE id = $1 AND attempt = $2 AND (state = 'attempting' OR (state = 'in_doubt' AND $3 = 'sent'))
