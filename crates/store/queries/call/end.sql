-- A call ends, unless a later try has it. $1 id, $2 attempt, $3 state, $4 reason, $5 at. Uses the primary key of hook_call.
UPDATE hook_call SET state = $3, reason = $4, ended_at = $5 WHERE id = $1 AND attempt = $2 AND state = 'queued'
