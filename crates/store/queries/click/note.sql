-- A counted link was followed: once for each minute, for mails there are, and of nobody who was erased since the mail was planned.
-- $1 message, $2 link, $3 minute, $4 at, $5 how many links the mail has, $6 whether a machine, $7 visitor.
-- Uses the primary keys of message, erased and click.
INSERT INTO click (message, link, minute, at, links, machine, visitor)
SELECT m.id, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), CAST($5 AS BIGINT), CAST($6 AS BIGINT), CAST($7 AS TEXT)
FROM message m
WHERE m.id = $1 AND NOT EXISTS (SELECT 1 FROM erased e
    WHERE e.program = m.program AND e.partner = m.partner AND e.at >= m.planned_at)
ON CONFLICT (message, link, minute) DO NOTHING
