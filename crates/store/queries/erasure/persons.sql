-- Personal fields that were told up to then. $1 programme, $2 partner, $3 at. Uses the primary key of person.
DELETE FROM person WHERE program = $1 AND partner = $2 AND version <= $3
