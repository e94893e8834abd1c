-- Whoever counts a domain's day waits here for whoever does, and reads it. $1 domain, $2 day. Uses the primary key of warm_up.
INSERT INTO warm_up (domain, day, mails, waits) VALUES ($1, $2, 0, 0)
ON CONFLICT (domain, day) DO UPDATE SET mails = warm_up.mails
RETURNING mails, waits
