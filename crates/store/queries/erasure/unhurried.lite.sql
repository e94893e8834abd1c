-- A file has no such limit.
SELECT 1
