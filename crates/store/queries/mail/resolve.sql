-- What a person found out about a mail in doubt. $1 message, $2 attempt, $3 state, $4 reason, $5 at. Uses the primary key of message.
UPDATE message SET state = $3, reason = $4, changed_at = $5
WHERE id = $1 AND attempt = $2 AND state = 'in_doubt'
