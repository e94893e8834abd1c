-- As of when a partner is erased. $1 programme, $2 partner. Uses the primary key of erased.
SELECT at FROM erased WHERE program = $1 AND partner = $2
