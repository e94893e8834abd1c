-- A try failed; another is made later. $1 id, $2 attempt, $3 due, $4 reason. Uses the primary key of hook_call.
UPDATE hook_call SET due = $3, reason = $4, lease_until = 0 WHERE id = $1 AND attempt = $2 AND state = 'queued'
