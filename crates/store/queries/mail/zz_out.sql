-- What is left to do. $1 the instant. Uses message_due, message_unaddressed, message_attempting and timer_due's rows; the outbox,
-- requests, quarantine and pause are short. Paused mail and mail of a quarantined partner waits for a person, not for the present.
SELECT (SELECT COUNT(*) FROM outbox),
    (SELECT COUNT(*) FROM message m WHERE m.state = 'queued' AND m.address IS NOT NULL AND m.due <= $1
        AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
        AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
        AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
            AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = ''))
        + (SELECT COUNT(*) FROM message WHERE state = 'queued' AND address IS NULL AND expires <= $1)
        + (SELECT COUNT(*) FROM message WHERE state = 'attempting'),
    (SELECT COUNT(*) FROM request),
    (SELECT COUNT(*) FROM timer WHERE due <= $1),
    (SELECT COUNT(*) FROM hook_call WHERE state = 'queued' AND due <= $1)
