-- One dead letter is gone. $1 source, $2 partition, $3 offset. Uses the primary key of dead_letter.
DELETE FROM dead_letter WHERE source = $1 AND source_partition = $2 AND source_offset = $3
