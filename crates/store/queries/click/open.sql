-- Clicks that were not judged, with what was noted around them. $1 up to when, $2 within how many milliseconds links are followed
-- together, $3 for how many before it a visitor is looked at, $4 the judgement of a person's click, $5 limit. Uses click_open,
-- click_visitor and the primary keys of click and sent.
SELECT c.message, c.link, c.links, c.at, c.machine, c.visitor,
    (SELECT COUNT(DISTINCT o.link) FROM click o WHERE o.message = c.message AND o.at >= c.at - $2 AND o.at <= c.at + $2),
    (SELECT COUNT(DISTINCT v.message) FROM click v WHERE v.visitor = c.visitor AND v.at >= c.at - $3 AND v.at <= c.at + $2),
    (SELECT MAX(h.at) FROM click h WHERE h.message = c.message AND h.link = c.link AND h.verdict = $4 AND h.at <= c.at),
    (SELECT s.at FROM sent s WHERE s.message = c.message)
FROM click c WHERE c.verdict IS NULL AND c.at <= $1
ORDER BY c.at, c.message, c.link LIMIT $5
