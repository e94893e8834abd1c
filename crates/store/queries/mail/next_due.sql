-- The earliest due date of a message that can be claimed. Uses message_due and the primary key of quarantine.
SELECT MIN(m.due) FROM message m WHERE m.state = 'queued' AND m.address IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
    AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
    AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
        AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
