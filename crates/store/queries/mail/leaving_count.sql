-- Mails to a provider that are on their way, over all mailers. $1 provider. Uses leaving_provider and the primary key of message:
-- what is in no mailer's hand any more does not count, whoever settled it.
SELECT COUNT(*) FROM leaving l JOIN message m ON m.id = l.message WHERE l.provider = $1 AND m.state = 'attempting'
