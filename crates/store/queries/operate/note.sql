-- A line of the audit; written twice it is one. $1 id, $2 at, $3 by, $4 approved by, $5 action, $6 subject, $7 because, $8 done,
-- $9 detail. Uses the primary key of audit.
INSERT INTO audit (id, at, by_whom, approved_by, action, subject, because, done, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING
