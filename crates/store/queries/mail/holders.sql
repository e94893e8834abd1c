-- Running journeys that hold mail, and whether mail of their own waits to be claimed. Uses the primary key of journey and message_partner.
-- rows: journey text
SELECT j.id, j.body, EXISTS (SELECT 1 FROM message m
    WHERE m.program = j.program AND m.partner = j.partner AND m.journey = j.id AND m.state = 'queued')
FROM input JOIN journey j ON j.id = input.journey WHERE j.exited_at IS NULL
