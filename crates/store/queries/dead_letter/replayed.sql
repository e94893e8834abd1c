-- Marks one replayed. $1 source, $2 partition, $3 offset, $4 at. Uses the primary key of dead_letter.
UPDATE dead_letter SET replayed_at = $4 WHERE source = $1 AND source_partition = $2 AND source_offset = $3
