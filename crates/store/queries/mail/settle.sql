-- Ends attempts: `address` is the attempt's, `hash` its hash for a partner who was erased meanwhile, `reply` what the relay said when it
-- accepted the mail. Uses the primary keys of message and erased.
-- An attempt given up as in doubt, or put back and not taken again (that would have another number), is still turned into sent by
-- its own late 250; what was put back may have followed to another address meanwhile. Two attempts at one message may be asked for:
-- the message is in one of them at most.
-- rows: id text, attempt int, state text, reason text, at int, address text, hash text, reply text
UPDATE message SET state = input.state, changed_at = input.at, attempting_at = NULL, reply = input.reply,
    reason = CASE WHEN EXISTS
        (SELECT 1 FROM erased e WHERE e.program = message.program AND e.partner = message.partner AND e.at >= message.planned_at)
        AND input.reason <> '' THEN 'erased' ELSE input.reason END,
    address = CASE WHEN EXISTS
        (SELECT 1 FROM erased e WHERE e.program = message.program AND e.partner = message.partner AND e.at >= message.planned_at)
        THEN input.hash ELSE input.address END
FROM input WHERE message.id = input.id AND message.attempt = input.attempt
    AND (message.state = 'attempting' OR (message.state IN ('in_doubt', 'queued') AND input.state = 'sent'))
RETURNING message.id, message.attempt
