-- What was said about a partner's mail or address, oldest first. $1 program, $2 partner, $3 address key ('' for none).
-- Uses feedback_message, feedback_address and message_partner.
SELECT id, origin, what, address, message, workflow, at FROM feedback
WHERE message IN (SELECT id FROM message WHERE program = $1 AND partner = $2) OR address = $3
ORDER BY at, id
