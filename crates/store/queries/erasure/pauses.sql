-- Why mail to a partner waits, in a person's words. $1 programme, $2 partner. Reads pause once.
UPDATE pause SET because = 'erased' WHERE program = $1 AND partner = $2
