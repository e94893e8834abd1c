-- Gives records without a position the next ones, in the order of their numbers. $1 limit. A record whose transaction commits
-- late has a lower number and gets a higher position: nothing that was carried already depends on it.
-- Uses the primary key of outbox, which is short.
UPDATE outbox SET position = placed.position FROM (
    SELECT fresh.number AS number, (SELECT position FROM relay WHERE relay = 1) + ROW_NUMBER() OVER (ORDER BY fresh.number) AS position
    FROM (SELECT number FROM outbox WHERE position IS NULL ORDER BY number LIMIT $1) AS fresh) AS placed
WHERE outbox.number = placed.number
