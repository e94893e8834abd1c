-- How far mail to providers has come. Uses the primary key of pace.
-- rows: provider text, free int, slot int
UPDATE pace SET free_us = input.free, slot_us = input.slot FROM input WHERE pace.provider = input.provider
