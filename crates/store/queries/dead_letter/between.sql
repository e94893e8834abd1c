-- Where a source was rejected, and whether that was replayed. $1 source, $2 partition, $3 first offset, $4 last. Uses the primary key of dead_letter.
SELECT source_offset, replayed_at IS NOT NULL FROM dead_letter
WHERE source = $1 AND source_partition = $2 AND source_offset BETWEEN $3 AND $4
