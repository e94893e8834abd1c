-- Notes a report, unless it is known. $1 id, $2 origin, $3 what, $4 address key, $5 message, $6 workflow, $7 at. Uses the primary key.
INSERT INTO feedback (id, origin, what, address, message, workflow, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO NOTHING
