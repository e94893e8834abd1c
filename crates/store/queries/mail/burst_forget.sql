-- Minutes nobody counts any more. $1 workflow, $2 minute. Uses the primary key of burst.
DELETE FROM burst WHERE workflow = $1 AND minute >= 0 AND minute < $2
