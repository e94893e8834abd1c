-- Makes a set of files the newest. $1 hash, $2 sources, $3 deployed, $4 applied_at, $5 applied_by. Uses the keys of definition.
INSERT INTO definition (hash, number, sources, deployed, applied_at, applied_by)
VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM definition), $2, $3, $4, $5)
ON CONFLICT (hash) DO UPDATE SET number = excluded.number, deployed = excluded.deployed, applied_at = excluded.applied_at,
    applied_by = excluded.applied_by
