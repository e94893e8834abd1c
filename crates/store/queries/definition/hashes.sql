-- Hashes, newest first. $1 limit. Uses the unique index on definition.number.
SELECT hash FROM definition ORDER BY number DESC LIMIT $1
