-- What must hold at any moment: a name and the number of rows that break it. Reads whole tables; $1 is a day in milliseconds, the
-- time an outcome may be on its way back to its journey.
SELECT 'one_active_journey_per_workflow_and_key', COUNT(*) FROM (
    SELECT 1 AS one FROM journey WHERE exited_at IS NULL
    GROUP BY program, partner, workflow, COALESCE(@json(body) ->> 'key', '') HAVING COUNT(*) > 1) AS doubled
UNION ALL
SELECT 'active_journeys_wait_for_something', COUNT(*) FROM journey j
WHERE j.exited_at IS NULL AND NOT j.held_out
    AND NOT EXISTS (SELECT 1 FROM timer t WHERE t.program = j.program AND t.partner = j.partner AND t.subject IN ('journey:' || j.id, 'held:' || j.id))
    AND NOT EXISTS (SELECT 1 FROM request r WHERE r.journey = j.id)
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = j.program AND q.partner = j.partner)
    AND NOT EXISTS (SELECT 1 FROM hook_call h JOIN shard s ON s.shard = h.shard
        WHERE h.journey = j.id AND (h.state = 'queued' OR h.ended_at > COALESCE(s.clock, 0) - $1))
    AND NOT EXISTS (SELECT 1 FROM message m JOIN shard s ON s.shard = m.shard
        WHERE m.program = j.program AND m.partner = j.partner AND m.journey = j.id
            AND (m.state IN ('queued', 'attempting') OR m.changed_at > COALESCE(s.clock, 0) - $1))
UNION ALL
SELECT 'timers_belong_to_active_journeys', COUNT(*) FROM timer t
WHERE t.subject LIKE 'journey:%'
    AND NOT EXISTS (SELECT 1 FROM journey j WHERE j.id = substr(t.subject, 9) AND j.exited_at IS NULL)
UNION ALL
SELECT 'messages_belong_to_journeys', COUNT(*) FROM message m
WHERE NOT EXISTS (SELECT 1 FROM journey j WHERE j.id = m.journey)
UNION ALL
SELECT 'messages_have_a_context', COUNT(*) FROM message m
WHERE NOT EXISTS (SELECT 1 FROM message_context c WHERE c.message = m.id)
UNION ALL
SELECT 'addresses_can_be_locked', COUNT(*) FROM message m
WHERE m.state IN ('queued', 'attempting') AND m.address IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.address = m.address)
UNION ALL
SELECT 'one_attempt_per_recipient', COUNT(*) FROM message m
WHERE m.state = 'attempting' AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.address = m.address AND r.attempting = m.id)
UNION ALL
SELECT 'recipients_have_only_attempts_in_hand', COUNT(*) FROM recipient r
WHERE r.attempting IS NOT NULL AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = r.attempting AND m.state = 'attempting')
UNION ALL
SELECT 'accepted_messages_are_counted', COUNT(*) FROM message m JOIN shard s ON s.shard = m.shard
WHERE m.state IN ('attempting', 'sent', 'in_doubt') AND m.changed_at > COALESCE(s.clock, 0) - 8 * $1
    AND NOT EXISTS (SELECT 1 FROM sent x WHERE x.message = m.id)
UNION ALL
SELECT 'only_accepted_messages_are_counted', COUNT(*) FROM sent x
WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = x.message AND m.state IN ('attempting', 'sent', 'in_doubt'))
UNION ALL
SELECT 'queued_messages_are_looked_at', COUNT(*) FROM message m JOIN shard s ON s.shard = m.shard
WHERE m.state = 'queued' AND m.expires < COALESCE(s.clock, 0) - $1
    AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.program = m.program AND q.partner = m.partner)
    AND NOT EXISTS (SELECT 1 FROM pause WHERE workflow = '' AND partner = '' AND journey = '')
    AND NOT EXISTS (SELECT 1 FROM pause p WHERE p.workflow IN ('', m.workflow) AND p.program IN ('', m.program)
        AND p.partner IN ('', m.partner) AND p.journey IN ('', m.journey) AND p.provider = '')
UNION ALL
SELECT 'what_travels_has_a_carrier_in_hand', COUNT(*) FROM message m
WHERE m.state = 'queued' AND m.carrier IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM message carrying WHERE carrying.id = m.carrier AND carrying.state = 'attempting')
UNION ALL
SELECT 'partners_of_rows_exist', COUNT(*) FROM journey j
WHERE NOT EXISTS (SELECT 1 FROM partner p WHERE p.program = j.program AND p.partner = j.partner)
