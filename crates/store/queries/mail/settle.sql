-- Ends an attempt. $1 message, $2 attempt, $3 state, $4 reason, $5 at, $6 the attempt's address, $7 its hash,
-- for a partner who was erased meanwhile, $8 what the relay said when it accepted the mail. Uses the primary keys of message and erased.
-- An attempt given up as in doubt, or put back and not taken again (that would have another number), is still turned into sent by
-- its own late 250; what was put back may have followed to another address meanwhile.
UPDATE message SET state = $3, changed_at = $5, attempting_at = NULL, reply = $8,
    reason = CASE WHEN EXISTS
        (SELECT 1 FROM erased e WHERE e.program = message.program AND e.partner = message.partner AND e.at >= message.planned_at)
        AND $4 <> '' THEN 'erased' ELSE $4 END,
    address = CASE WHEN EXISTS
        (SELECT 1 FROM erased e WHERE e.program = message.program AND e.partner = message.partner AND e.at >= message.planned_at)
        THEN $7 ELSE $6 END
WHERE id = $1 AND attempt = $2 AND (state = 'attempting' OR (state IN ('in_doubt', 'queued') AND $3 = 'sent'))
