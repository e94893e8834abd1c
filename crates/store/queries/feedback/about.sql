-- What was said about a partner's mail or address, oldest first. $1 program, $2 partner, $3 address key ('' for none).
-- Uses feedback_message, feedback_address and message_partner.
SELECT f.id, f.origin, f.what, f.address, f.message, f.workflow, f.at
FROM message m JOIN feedback f ON f.message = m.id WHERE m.program = $1 AND m.partner = $2
UNION SELECT id, origin, what, address, message, workflow, at FROM feedback WHERE address = $3
ORDER BY at, id
