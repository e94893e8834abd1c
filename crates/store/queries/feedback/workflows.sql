-- Workflows of whose mails something was reported since then. $1 since. Uses feedback_at: what is told apart is no column, or a plan
-- could walk all reports there are in the order of an index on workflows.
SELECT DISTINCT workflow || '' FROM feedback WHERE at >= $1 AND workflow IS NOT NULL ORDER BY 1
