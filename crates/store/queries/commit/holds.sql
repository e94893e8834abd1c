-- Holds set, moved or released. Uses the primary key of hold.
-- rows: program text, partner text, workflow text, by_journey text, until int
INSERT INTO hold (program, partner, workflow, by_journey, until)
SELECT program, partner, workflow, by_journey, until FROM input WHERE true
ON CONFLICT (program, partner, workflow, by_journey) DO UPDATE SET until = excluded.until
