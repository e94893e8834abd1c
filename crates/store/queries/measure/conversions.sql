-- Conversions that stand, by the mail before them: each counts for the partner's last marketing mail that left at most so long before it,
-- and for no other. Amounts are in the programme's currency; 0 where the day's rate is not known.
-- $1 programme, $2 planned since, $3 planned before, $4 how long after in milliseconds. Uses the primary key of conversion,
-- then message_partner.
SELECT m.workflow, m.step, m.mail, m.kind, COUNT(*), CAST(SUM(c.amount_minor) AS BIGINT)
FROM conversion c JOIN message m ON m.id = (SELECT x.id FROM message x
    WHERE x.program = c.program AND x.partner = c.partner AND x.kind = 'marketing' AND x.state IN ('sent', 'in_doubt')
        AND x.changed_at <= c.occurred_at AND x.changed_at > c.occurred_at - $4
    ORDER BY x.changed_at DESC, x.id DESC LIMIT 1)
WHERE c.program = $1 AND c.status <> 'reversed' AND c.occurred_at >= $2 AND m.planned_at >= $2 AND m.planned_at < $3
GROUP BY m.workflow, m.step, m.mail, m.kind ORDER BY m.workflow, m.step, m.mail, m.kind
