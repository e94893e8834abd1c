-- A workflow's mails since a minute, and how many minutes before it nobody counts any more. $1 workflow, $2 minute.
-- Uses the primary key of burst.
SELECT CAST(COALESCE(SUM(CASE WHEN minute >= $2 THEN mails END), 0) AS BIGINT), COUNT(CASE WHEN minute < $2 THEN 1 END)
FROM burst WHERE workflow = $1 AND minute >= 0
