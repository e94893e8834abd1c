-- What mails said that are removed. Uses the primary key of message_context; on small tables it reads message_context once.
-- rows: id text
DELETE FROM message_context WHERE message IN (SELECT id FROM input)
