-- How a call ended, as the log tells it again, whatever a journey that was ended again says of it. $1 id, $2 state, $3 reason, $4 at. Uses the primary key of hook_call.
UPDATE hook_call SET state = $2, reason = $3, ended_at = $4 WHERE id = $1 AND state IN ('queued', 'cancelled')
