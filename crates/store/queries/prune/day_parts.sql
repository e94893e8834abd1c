-- Parts of days that were closed long ago. $1 the day as text. Reads the primary key of day_part.
DELETE FROM day_part WHERE day < $1
    AND EXISTS (SELECT 1 FROM day_close c WHERE c.program = day_part.program AND c.day >= day_part.day)
