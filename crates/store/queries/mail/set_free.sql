-- What travels with a message and was not ended can be claimed again. $1 the carrier. Uses message_carrier.
UPDATE message SET carrier = NULL WHERE carrier = $1 AND state = 'queued'
