-- The rejected record at a position. $1 source, $2 partition, $3 offset. Uses the primary key of dead_letter.
SELECT source, source_partition, source_offset, code, detail, raw, headers, at, replayed_at FROM dead_letter
WHERE source = $1 AND source_partition = $2 AND source_offset = $3
