-- A set of files by hash. $1 hash. Uses the primary key of definition.
SELECT hash, sources, deployed, applied_at, applied_by FROM definition WHERE hash = $1
