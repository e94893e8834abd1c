-- Rejected records, newest first. $1 code ('' for all), $2 limit. Reads dead_letter from its end, by dead_letter_at.
SELECT source, source_partition, source_offset, code, detail, raw, headers, at, replayed_at FROM dead_letter
WHERE $1 = '' OR code = $1
ORDER BY at DESC, source, source_partition, source_offset DESC LIMIT $2
