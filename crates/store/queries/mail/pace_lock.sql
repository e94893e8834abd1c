-- Whoever counts mail to a provider waits here for whoever does, and reads how far it has come. $1 provider.
-- Uses the primary key of pace.
INSERT INTO pace (provider, free_us, slot_us) VALUES ($1, 0, 0)
ON CONFLICT (provider) DO UPDATE SET slot_us = pace.slot_us
RETURNING free_us, slot_us
