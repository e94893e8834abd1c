-- Figures that the last saving of a programme did not bring: of partners who are no more. $1 program, $2 as_of. Uses the primary key.
DELETE FROM figures WHERE program = $1 AND as_of < $2
