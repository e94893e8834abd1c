-- Counts mails that leave. $1 workflow, $2 minute, $3 how many. Uses the primary key of burst.
INSERT INTO burst (workflow, minute, mails) VALUES ($1, $2, $3)
ON CONFLICT (workflow, minute) DO UPDATE SET mails = burst.mails + excluded.mails
