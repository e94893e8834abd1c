-- Workflows of whose mails something was reported since then. $1 since. Uses feedback_at.
SELECT DISTINCT workflow FROM feedback WHERE at >= $1 AND workflow IS NOT NULL ORDER BY workflow
