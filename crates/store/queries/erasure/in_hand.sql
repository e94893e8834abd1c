-- Mail of a partner that a mailer has in hand. $1 programme, $2 partner. Uses message_partner.
SELECT COUNT(*) FROM message WHERE program = $1 AND partner = $2 AND state = 'attempting'
