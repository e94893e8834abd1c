-- Records of quarantined partners. Uses the primary key of parked.
-- rows: program text, partner text, record_offset int, reason text
INSERT INTO parked (program, partner, record_offset, reason) SELECT program, partner, record_offset, reason FROM input WHERE true
ON CONFLICT (program, partner, record_offset) DO NOTHING
