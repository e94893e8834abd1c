-- The database server's time. No table.
SELECT @now
