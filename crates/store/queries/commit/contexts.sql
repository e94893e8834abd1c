-- What the planned mails name. Uses the primary key of message_context.
-- rows: message text, context text
INSERT INTO message_context (message, context) SELECT message, context FROM input WHERE true ON CONFLICT (message) DO NOTHING
