-- The last refusal per partner and workflow. Uses the primary key of refusal.
-- rows: program text, partner text, workflow text, at int, code text, clauses text
INSERT INTO refusal (program, partner, workflow, at, code, clauses)
SELECT program, partner, workflow, at, code, clauses FROM input WHERE true
ON CONFLICT (program, partner, workflow) DO UPDATE SET at = excluded.at, code = excluded.code, clauses = excluded.clauses
