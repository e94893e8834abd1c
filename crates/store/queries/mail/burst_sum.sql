-- A workflow's mails since a minute. $1 workflow, $2 minute. Uses the primary key of burst.
SELECT CAST(COALESCE(SUM(mails), 0) AS BIGINT) FROM burst WHERE workflow = $1 AND minute >= 0 AND minute >= $2
