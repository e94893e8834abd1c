-- Locks the messages that the next statements cancel or readdress, in id order as a claim does: in another order, an owner and a
-- mailer could wait for each other in a circle. Uses the primary key of message and message_partner.
-- rows: id text, program text, partner text
SELECT m.id FROM message m
WHERE m.id IN (
    SELECT id FROM input WHERE id IS NOT NULL
    UNION
    SELECT n.id FROM input JOIN message n ON n.program = input.program AND n.partner = input.partner AND n.state = 'queued')
ORDER BY m.id FOR NO KEY UPDATE
