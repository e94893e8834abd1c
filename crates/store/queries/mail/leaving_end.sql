-- Mails are not on their way any more: what they were counted for. Uses the primary key of leaving.
-- rows: message text
DELETE FROM leaving WHERE message IN (SELECT message FROM input) RETURNING domain, day
