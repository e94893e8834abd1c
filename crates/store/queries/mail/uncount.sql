-- Returns counts: the attempts were not accepted. Uses the primary key of sent.
-- rows: message text
DELETE FROM sent WHERE message IN (SELECT message FROM input) RETURNING at
