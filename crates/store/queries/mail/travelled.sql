-- What travelled with a mail, as far as it was told in it. $1 the carrier. Uses message_carrier.
SELECT id FROM message WHERE carrier = $1 AND state = 'suppressed'
