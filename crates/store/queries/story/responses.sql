-- What a partner did about the mails they got, first done first. $1 program, $2 partner. Uses message_partner and the primary key of
-- response.
SELECT message, what, at FROM response
WHERE message IN (SELECT id FROM message WHERE program = $1 AND partner = $2) AND program = $1 AND partner = $2
ORDER BY at, message, what
