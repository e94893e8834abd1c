-- What was said about a partner's mail or address, oldest first. $1 program, $2 partner, $3 address key ('' for none).
-- Uses message_partner and feedback_address. Reads feedback once at worst: for people who ask.
SELECT f.id, f.origin, f.what, f.address, f.message, f.workflow, f.at
FROM message m JOIN feedback f ON f.message = m.id WHERE m.program = $1 AND m.partner = $2
UNION SELECT id, origin, what, address, message, workflow, at FROM feedback WHERE address = $3
ORDER BY at, id
