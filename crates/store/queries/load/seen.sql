-- The positions of a shard. $1 shard. Uses the primary key of seen.
SELECT source, incarnation, part, place, nth FROM seen WHERE shard = $1 ORDER BY source, incarnation, part
