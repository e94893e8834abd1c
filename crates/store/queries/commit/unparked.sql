-- Records of quarantined partners that are folded now. Uses the primary key of parked.
-- rows: program text, partner text, record_offset int
DELETE FROM parked WHERE EXISTS (SELECT 1 FROM input
    WHERE input.program = parked.program AND input.partner = parked.partner AND input.record_offset = parked.record_offset)
