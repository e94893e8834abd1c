-- What other systems are, or were, told of a partner: nobody is told any more. $1 programme, $2 partner, $3 at. Reads hook_call once.
UPDATE hook_call SET body = '{}',
    ended_at = CASE WHEN state = 'queued' THEN $3 ELSE ended_at END,
    reason = CASE WHEN state = 'queued' THEN 'erased' ELSE reason END,
    state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
WHERE program = $1 AND partner = $2 AND body <> '{}'
