-- Dead letters behind a place, in order. $1 source, $2 partition, $3 offset, $4 limit. Uses the primary key of dead_letter.
SELECT source, source_partition, source_offset, raw, headers, detail FROM dead_letter
WHERE (source, source_partition, source_offset) > ($1, $2, $3)
ORDER BY source, source_partition, source_offset LIMIT $4
