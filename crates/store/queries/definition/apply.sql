-- Makes a set of files the newest, if the newest still is $6 ('': there is none). $1 hash, $2 sources, $3 deployed, $4 applied_at,
-- $5 applied_by. Uses the keys of definition.
INSERT INTO definition (hash, number, sources, deployed, applied_at, applied_by)
SELECT $1, (SELECT COALESCE(MAX(number), 0) + 1 FROM definition), $2, $3, $4, $5
WHERE COALESCE((SELECT hash FROM definition ORDER BY number DESC LIMIT 1), '') = $6
ON CONFLICT (hash) DO UPDATE SET number = excluded.number, deployed = excluded.deployed, applied_at = excluded.applied_at,
    applied_by = excluded.applied_by
