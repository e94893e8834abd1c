-- Removes appended records. Uses the primary key of outbox.
-- rows: number int
DELETE FROM outbox WHERE number IN (SELECT number FROM input)
