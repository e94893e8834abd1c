-- Free text of people about a partner. $1 programme, $2 partner. Uses task_partner.
UPDATE task SET body = 'erased', note = CASE WHEN note IS NULL THEN NULL ELSE 'erased' END
WHERE program = $1 AND partner = $2 AND body <> 'erased'
