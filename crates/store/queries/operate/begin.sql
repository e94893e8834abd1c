-- A pause begins, or replaces the one of its id. $1 id, $2 workflow, $3 program, $4 partner, $5 journey, $6 since, $7 until, $8 by,
-- $9 because, $10 provider. Uses the primary key of pause.
INSERT INTO pause (id, workflow, program, partner, journey, since, until, by_whom, because, provider)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO UPDATE SET since = excluded.since, until = excluded.until, by_whom = excluded.by_whom, because = excluded.because
