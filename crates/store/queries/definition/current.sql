-- The newest set of files. Uses the unique index on definition.number.
SELECT hash, sources, deployed, applied_at, applied_by FROM definition ORDER BY number DESC LIMIT 1
