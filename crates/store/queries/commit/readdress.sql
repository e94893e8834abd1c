-- Queued messages of these partners follow to the newest address. Uses message_partner and the primary key of person.
-- rows: program text, partner text
UPDATE message SET address =
    (SELECT p.address FROM person p WHERE p.program = message.program AND p.partner = message.partner AND p.address IS NOT NULL
     ORDER BY p.version DESC LIMIT 1)
FROM input WHERE message.program = input.program AND message.partner = input.partner AND message.state = 'queued'
