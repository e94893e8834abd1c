-- Partners by what came after a workflow's draw: workflow, the share of the draw, whether held out, whether the time after is over,
-- conversions and their worth within it, and how many partners. Only a partner's first drawn entry counts, whatever the period: later
-- ones may be what they are because of the first. $1 programme, $2 began since, $3 began before, $4 how long after in
-- milliseconds, $5 now. Reads journey once, then uses the primary key of conversion.
SELECT e.workflow, e.share, e.held_out, e.is_over, e.conversions, e.worth, COUNT(*)
FROM (SELECT d.workflow, d.share, d.held_out, d.started_at + $4 <= $5 AS is_over,
        (SELECT COUNT(*) FROM conversion c WHERE c.program = $1 AND c.partner = d.partner AND c.status <> 'reversed'
            AND c.occurred_at > d.started_at AND c.occurred_at <= d.started_at + $4) AS conversions,
        (SELECT CAST(COALESCE(SUM(c.amount_minor), 0) AS BIGINT) FROM conversion c WHERE c.program = $1 AND c.partner = d.partner
            AND c.status <> 'reversed' AND c.occurred_at > d.started_at AND c.occurred_at <= d.started_at + $4) AS worth
    FROM (SELECT j.partner, j.workflow, j.held_out, j.started_at, CAST(@json(body) ->> 'drawn' AS TEXT) AS share,
            ROW_NUMBER() OVER (PARTITION BY j.workflow, j.partner ORDER BY j.started_at, j.id) AS nth
        FROM journey j WHERE j.program = $1 AND @json(body) ->> 'drawn' IS NOT NULL) d
    WHERE d.nth = 1 AND d.started_at >= $2 AND d.started_at < $3) e
GROUP BY e.workflow, e.share, e.held_out, e.is_over, e.conversions, e.worth
ORDER BY e.workflow, e.share, e.held_out, e.is_over, e.conversions, e.worth
