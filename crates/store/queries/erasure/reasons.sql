-- Servers repeat the address that they refuse. $1 programme, $2 partner. Uses message_partner.
UPDATE message SET reason = 'erased' WHERE program = $1 AND partner = $2 AND reason LIKE '%@%'
