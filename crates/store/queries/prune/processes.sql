-- Processes that never said good-bye. $1 a day in milliseconds. Reads process once.
DELETE FROM process WHERE seen_at < @now - $1
