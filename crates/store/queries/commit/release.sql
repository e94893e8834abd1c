-- Partners who wait no longer. Uses the primary key of quarantine.
-- rows: program text, partner text
DELETE FROM quarantine WHERE EXISTS (SELECT 1 FROM input WHERE input.program = quarantine.program AND input.partner = quarantine.partner)
