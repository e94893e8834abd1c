-- Queued mail of a partner does not leave; what is in hand or in doubt is not queued again. $1 programme, $2 partner, $3 at. Uses message_partner.
UPDATE message SET cancel_code = 'erased',
    reason = CASE WHEN state = 'queued' THEN 'erased' ELSE reason END,
    changed_at = CASE WHEN state = 'queued' THEN $3 ELSE changed_at END,
    state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END
WHERE program = $1 AND partner = $2 AND state IN ('queued', 'attempting', 'in_doubt') AND COALESCE(cancel_code, '') <> 'erased'
RETURNING state
