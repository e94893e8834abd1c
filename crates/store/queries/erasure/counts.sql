-- The same of what counts for caps. $1 programme, $2 partner, $3 address, $4 its hash. Uses sent_address and the primary key of message.
UPDATE sent SET address = $4 WHERE address = $3 AND message IN
    (SELECT id FROM message WHERE program = $1 AND partner = $2 AND state <> 'attempting')
