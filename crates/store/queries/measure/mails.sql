-- What became of a programme's mails by step: counts of mails of one fate, and of what was said and done about them. A mail that was
-- reported or answered twice in one way counts once. $1 programme, $2 planned since, $3 planned before. Reads message and
-- feedback once, then uses the primary key of response.
SELECT workflow, step, mail, kind, state, reason, deferred, COUNT(*) AS mails,
    CAST(SUM(bounced) AS BIGINT), CAST(SUM(complained) AS BIGINT),
    CAST(SUM(replied) AS BIGINT), CAST(SUM(answered) AS BIGINT), CAST(SUM(left_topic) AS BIGINT),
    CAST(SUM(clicked) AS BIGINT)
FROM (SELECT m.workflow, m.step, m.mail, m.kind, m.state,
        CASE WHEN m.state IN ('suppressed', 'cancelled') THEN m.reason END AS reason, m.deferred,
        CASE WHEN EXISTS (SELECT 1 FROM feedback f WHERE f.message = m.id
            AND f.what IN ('bounce.hard', 'bounce.soft', 'bounce.policy')) THEN 1 ELSE 0 END AS bounced,
        CASE WHEN EXISTS (SELECT 1 FROM feedback f WHERE f.message = m.id AND f.what = 'complaint') THEN 1 ELSE 0 END AS complained,
        CASE WHEN EXISTS (SELECT 1 FROM response r WHERE r.message = m.id AND r.what = 'reply'
            AND r.program = m.program AND r.partner = m.partner) THEN 1 ELSE 0 END AS replied,
        CASE WHEN EXISTS (SELECT 1 FROM response r WHERE r.message = m.id AND r.what = 'answer'
            AND r.program = m.program AND r.partner = m.partner) THEN 1 ELSE 0 END AS answered,
        CASE WHEN EXISTS (SELECT 1 FROM response r WHERE r.message = m.id AND r.what = 'unsubscribe'
            AND r.program = m.program AND r.partner = m.partner) THEN 1 ELSE 0 END AS left_topic,
        CASE WHEN EXISTS (SELECT 1 FROM response r WHERE r.message = m.id AND r.what = 'click'
            AND r.program = m.program AND r.partner = m.partner) THEN 1 ELSE 0 END AS clicked
    FROM message m WHERE m.program = $1 AND m.planned_at >= $2 AND m.planned_at < $3) fates
GROUP BY workflow, step, mail, kind, state, reason, deferred
ORDER BY workflow, step, mail, kind, state, reason, deferred
