-- Removes timers. Uses the primary key of timer.
-- rows: program text, partner text, subject text
DELETE FROM timer WHERE (program, partner, subject) IN (SELECT program, partner, subject FROM input)
