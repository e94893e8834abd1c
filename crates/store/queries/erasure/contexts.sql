-- What mails said. Those in hand are being sent. $1 programme, $2 partner. Uses message_partner and the primary key of message_context.
UPDATE message_context SET context = '{}' WHERE context <> '{}' AND message IN
    (SELECT id FROM message WHERE program = $1 AND partner = $2 AND state <> 'attempting')
