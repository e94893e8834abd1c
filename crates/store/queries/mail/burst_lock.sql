-- Whoever counts a workflow's mails waits here for whoever does. $1 workflow. Uses the primary key of burst.
INSERT INTO burst (workflow, minute, mails) VALUES ($1, -1, 0) ON CONFLICT (workflow, minute) DO UPDATE SET mails = 0
