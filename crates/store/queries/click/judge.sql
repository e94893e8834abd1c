-- A click is judged, once. $1 message, $2 link, $3 minute, $4 the judgement. Uses the primary key of click.
UPDATE click SET verdict = $4 WHERE message = $1 AND link = $2 AND minute = $3 AND verdict IS NULL
