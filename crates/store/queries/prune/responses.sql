-- What was done about mails past the history. $1 the instant. Uses response_at.
DELETE FROM response WHERE at < $1
