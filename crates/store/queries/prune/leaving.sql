-- Mails that left a mailer's hand on another way than by its word. Reads leaving once a day.
DELETE FROM leaving WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.id = leaving.message AND m.state = 'attempting')
