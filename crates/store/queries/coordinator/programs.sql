-- Programmes with parts. Goes from programme to programme in the primary key of day_part, however many days and shards each has.
WITH RECURSIVE programs (program) AS (
    SELECT MIN(program) FROM day_part
    UNION ALL
    SELECT (SELECT MIN(d.program) FROM day_part d WHERE d.program > programs.program) FROM programs WHERE programs.program IS NOT NULL
)
SELECT program FROM programs WHERE program IS NOT NULL
