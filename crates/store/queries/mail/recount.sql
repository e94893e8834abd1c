-- Counts accepted messages for caps, also one whose count was returned when it was put back. One that stands as it was counted when it
-- was taken is not written again. Uses the primary keys of message and sent.
-- rows: message text, at int
INSERT INTO sent (message, address, kind, at, program, partner, workflow, mail, round)
SELECT m.id, m.address, m.kind, input.at, m.program, m.partner, m.workflow, m.mail, m.round
FROM input JOIN message m ON m.id = input.message WHERE m.state IN ('sent', 'in_doubt')
ON CONFLICT (message) DO UPDATE SET at = excluded.at, address = excluded.address
WHERE sent.at <> excluded.at OR sent.address <> excluded.address
