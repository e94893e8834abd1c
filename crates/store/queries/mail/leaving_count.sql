-- Mails to providers that are on their way, over all mailers. Uses leaving_provider and the primary key of message:
-- what is in no mailer's hand any more does not count, whoever settled it.
-- rows: provider text
SELECT l.provider, COUNT(*) FROM input JOIN leaving l ON l.provider = input.provider
JOIN message m ON m.id = l.message WHERE m.state = 'attempting' GROUP BY l.provider
