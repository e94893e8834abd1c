-- Keeps rejected records; one at a position that is there stays. Uses the primary key of dead_letter.
-- rows: source text, source_partition int, source_offset int, code text, detail text, raw bytes, headers text, at int, replayed_at int
INSERT INTO dead_letter (source, source_partition, source_offset, code, detail, raw, headers, at, replayed_at)
SELECT source, source_partition, source_offset, code, detail, raw, headers, at, replayed_at FROM input WHERE true
ON CONFLICT (source, source_partition, source_offset) DO NOTHING
