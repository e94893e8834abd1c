-- Clicks in a partner's mails that were not judged, or just were. $1 programme, $2 partner. Uses message_partner and the primary key
-- of click.
DELETE FROM click WHERE message IN (SELECT id FROM message WHERE program = $1 AND partner = $2)
