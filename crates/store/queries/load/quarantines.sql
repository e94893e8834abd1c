-- Everybody in quarantine, with how many records wait. Reads quarantine once; uses the primary key of parked.
SELECT q.program, q.partner, q.reason, q.at,
    (SELECT COUNT(*) FROM parked k WHERE k.program = q.program AND k.partner = q.partner)
FROM quarantine q ORDER BY q.at, q.program, q.partner
