-- Marketing mail that a pause kept comes due one by one. $1 now, $2 milliseconds apart, $3 workflow, $4 program, $5 partner,
-- $6 journey, $7 provider; '' is any. Uses message_due. What has expired is left to be looked at at once, what another
-- pause keeps is left alone. What was put off for a provider has not come due: it is known by its reason.
UPDATE message SET due = CASE WHEN $1 + kept.place * $2 < message.expires THEN $1 + kept.place * $2 ELSE message.expires END,
    reason = 'resumed', changed_at = $1
FROM (SELECT m.id, row_number() OVER (ORDER BY m.priority DESC, m.due, m.id) - 1 AS place FROM message m
    WHERE m.state = 'queued' AND m.address IS NOT NULL AND m.expires > $1 AND m.kind = 'marketing'
        AND ($3 = '' OR m.workflow = $3) AND ($4 = '' OR m.program = $4) AND ($5 = '' OR m.partner = $5)
        AND ($6 = '' OR m.journey = $6)
        AND (m.due <= $1 OR ($7 <> '' AND m.reason = 'breaker'))
        AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
            AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')) kept
WHERE message.id = kept.id AND message.state = 'queued'
