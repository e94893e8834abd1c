-- Journeys that hold mail: whether mail of their own waits to be claimed, when their timer is due, and whether what moves them is put
-- aside. Uses the primary keys of journey and timer, and message_partner. Counts, because PostgreSQL may answer an EXISTS among the
-- columns by a table of all there is.
-- rows: journey text
SELECT j.id, j.body,
    (SELECT COUNT(*) FROM message m
        WHERE m.program = j.program AND m.partner = j.partner AND m.journey = j.id AND m.state = 'queued') > 0,
    (SELECT t.due FROM timer t WHERE t.program = j.program AND t.partner = j.partner AND t.subject = 'journey:' || j.id),
    (SELECT COUNT(*) FROM timer t WHERE t.program = j.program AND t.partner = j.partner AND t.subject = 'held:' || j.id) > 0
FROM input JOIN journey j ON j.id = input.journey
