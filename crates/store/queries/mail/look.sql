-- What a mailer's look is about. $1 now: the earliest due date of a message that can be claimed, then how many pauses are over and
-- how many messages without an address have run out of time. Uses message_due, message_unaddressed and the primary key of
-- quarantine; pause is short. Sorts nothing: MIN would read all mail that waits for it.
SELECT first.due,
    (SELECT COUNT(*) FROM pause WHERE until <= $1)
        + (SELECT COUNT(*) FROM message WHERE state = 'queued' AND address IS NULL AND expires <= $1)
FROM (SELECT 1) one LEFT JOIN (
    SELECT m.due FROM message m WHERE m.state = 'queued' AND m.address IS NOT NULL AND m.carrier IS NULL
        AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
        AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
        AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
            AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
    ORDER BY m.due, m.id LIMIT 1) first ON true
