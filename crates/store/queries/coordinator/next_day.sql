-- The earliest day with parts after another. $1 program, $2 the day to begin after ('' for none). Uses the primary key of day_part.
SELECT MIN(day) FROM day_part WHERE program = $1 AND day > $2
