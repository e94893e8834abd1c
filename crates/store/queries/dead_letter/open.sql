-- Rejected records not replayed yet, oldest first, behind a place; not lines of files whose text is no longer kept. $1 code ('' for all), $2 at, $3 source, $4 partition, $5 offset, $6 limit.
-- Uses dead_letter_at.
SELECT source, source_partition, source_offset, code, detail, raw, headers, at, replayed_at FROM dead_letter
WHERE replayed_at IS NULL AND ($1 = '' OR code = $1) AND NOT (source LIKE 'file:%' AND length(raw) = 0)
  AND at >= $2 AND (at, source, source_partition, source_offset) > ($2, $3, $4, $5)
ORDER BY at, source, source_partition, source_offset LIMIT $6
