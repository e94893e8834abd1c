-- Records that wait because the partner is quarantined. $1 program, $2 partner. Uses the primary key of parked.
SELECT record_offset, reason FROM parked WHERE program = $1 AND partner = $2 ORDER BY record_offset
