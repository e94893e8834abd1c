-- Where mail went becomes a hash. Mail in hand keeps its address until it is settled. $1 programme, $2 partner, $3 address, $4 its hash.
-- Uses message_partner.
UPDATE message SET address = $4 WHERE program = $1 AND partner = $2 AND address = $3 AND state <> 'attempting'
