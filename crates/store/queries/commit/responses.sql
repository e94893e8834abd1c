-- What partners did about mails; the first telling stands. Uses the primary key of response.
-- rows: message text, what text, program text, partner text, at int
INSERT INTO response (message, what, program, partner, at)
SELECT message, what, program, partner, at FROM input WHERE true
ON CONFLICT (message, what, program, partner) DO NOTHING
