-- Mails that are removed. Uses the primary key of message; on small tables it reads message once.
-- rows: id text
DELETE FROM message WHERE id IN (SELECT id FROM input)
