-- Mails since a minute by workflow. $1 minute. Reads burst once: an hour's minutes of a few workflows.
SELECT workflow, CAST(SUM(mails) AS BIGINT) FROM burst WHERE minute >= 0 AND minute >= $1 AND mails > 0
GROUP BY workflow ORDER BY workflow
