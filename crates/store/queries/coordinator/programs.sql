-- Programmes with parts. Reads the primary key of day_part, which prune keeps short.
SELECT DISTINCT program FROM day_part ORDER BY program
