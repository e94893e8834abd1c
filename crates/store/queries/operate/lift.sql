-- A pause ends. $1 id, $2 only if its time is over, $3 by when. Uses the primary key of pause.
DELETE FROM pause WHERE id = $1 AND (NOT $2 OR until <= $3) RETURNING workflow, program, partner, journey, provider
