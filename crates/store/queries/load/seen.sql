-- The positions of a shard, or of all. $1 shard, or none. Uses the primary key of seen; for all it reads the table.
SELECT source, incarnation, part, place, nth FROM seen WHERE shard = $1 OR $1 IS NULL ORDER BY shard, source, incarnation, part
