-- Whoever counts mail to providers waits here for whoever does, and reads how far it has come: providers in the order of the rows,
-- which is that of their names. Uses the primary key of pace.
-- rows: provider text
INSERT INTO pace (provider, free_us, slot_us) SELECT provider, 0, 0 FROM input WHERE true
ON CONFLICT (provider) DO UPDATE SET slot_us = pace.slot_us
RETURNING provider, free_us, slot_us
