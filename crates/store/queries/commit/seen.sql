-- The positions a batch moved. $1 shard. Uses the primary key of seen.
-- rows: source int, incarnation int, part int, place int, nth int
INSERT INTO seen (shard, source, incarnation, part, place, nth) SELECT $1, source, incarnation, part, place, nth FROM input WHERE true
ON CONFLICT (shard, source, incarnation, part) DO UPDATE SET place = excluded.place, nth = excluded.nth
