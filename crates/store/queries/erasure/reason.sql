-- A reason that named somebody. $1 audit id. Uses the primary key of audit.
UPDATE audit SET because = 'erased' WHERE id = $1
