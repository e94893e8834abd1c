-- How a workflow's marketing mail fared, by the domain of its address: mails that left, bounces, complaints. A mail that was refused
-- while it was sent counts for no cap, so it is counted among those that left by its report. $1 workflow, $2 since.
-- Uses sent_at (a week of mail), the primary key of message, and feedback_workflow. Asked when something was reported.
-- OFFSET 0: what is recent is read, and its mails are looked up, however the tables stood when the plan was made.
SELECT domain, CAST(SUM(mails) AS BIGINT), CAST(SUM(bounced) AS BIGINT), CAST(SUM(complained) AS BIGINT)
FROM (SELECT split_part(m.address, '@', 2) AS domain, 1 AS mails, 0 AS bounced, 0 AS complained
    FROM sent x CROSS JOIN LATERAL (SELECT * FROM message WHERE id = x.message OFFSET 0) m
    WHERE x.at >= $2 AND m.workflow = $1 AND m.kind = 'marketing' AND m.state IN ('sent', 'in_doubt')
    UNION ALL
    SELECT split_part(m.address, '@', 2), CASE WHEN m.state = 'failed' THEN 1 ELSE 0 END,
        CASE WHEN f.what IN ('bounce.hard', 'bounce.policy') THEN 1 ELSE 0 END,
        CASE WHEN f.what = 'complaint' THEN 1 ELSE 0 END
    FROM feedback f CROSS JOIN LATERAL (SELECT * FROM message WHERE id = f.message OFFSET 0) m
    WHERE f.workflow = $1 AND f.at >= $2 AND m.kind = 'marketing' AND m.address IS NOT NULL
        AND f.what IN ('bounce.hard', 'bounce.policy', 'complaint')) fates
GROUP BY domain ORDER BY domain
