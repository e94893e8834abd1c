-- Numbers for summaries. Reads whole tables: for people who ask, not for loops.
SELECT 'partners', COUNT(*) FROM partner
UNION ALL SELECT 'conversions', COUNT(*) FROM conversion
UNION ALL SELECT 'journeys/' || workflow, COUNT(*) FROM journey GROUP BY workflow
UNION ALL SELECT 'held/' || j.workflow, COUNT(*) FROM timer t JOIN journey j
    ON j.program = t.program AND j.partner = t.partner AND t.subject = 'held:' || j.id GROUP BY j.workflow
UNION ALL SELECT 'messages/' || workflow || '/' || state, COUNT(*) FROM message GROUP BY workflow, state
UNION ALL SELECT 'not_sent/' || reason, COUNT(*) FROM message
    WHERE state IN ('suppressed', 'expired', 'failed', 'cancelled') GROUP BY reason
UNION ALL SELECT 'signals/' || kind, COUNT(*) FROM signal GROUP BY kind
UNION ALL SELECT 'dead_letters/' || code, COUNT(*) FROM dead_letter GROUP BY code
UNION ALL SELECT 'tasks', COUNT(*) FROM task
ORDER BY 1
