-- Journeys that hold mail: whether mail of their own waits to be claimed, when their timer is due, and whether what moves them is put
-- aside. Uses the primary keys of journey and timer, and message_partner.
-- rows: journey text
SELECT j.id, j.body,
    EXISTS (SELECT 1 FROM message m
        WHERE m.program = j.program AND m.partner = j.partner AND m.journey = j.id AND m.state = 'queued'),
    (SELECT t.due FROM timer t WHERE t.program = j.program AND t.partner = j.partner AND t.subject = 'journey:' || j.id),
    EXISTS (SELECT 1 FROM timer t WHERE t.program = j.program AND t.partner = j.partner AND t.subject = 'held:' || j.id)
FROM input JOIN journey j ON j.id = input.journey
